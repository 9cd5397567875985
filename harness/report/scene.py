"""What every row of a timeline is drawn from, and onto."""

from __future__ import annotations

import functools

import msgspec

from harness.events import ExperimentEvent, VantageName
from harness.history import History
from harness.report.drawing import Sheet
from harness.report.palette import Palette
from harness.vantages import catalogue


class Scene(msgspec.Struct, frozen=True):
    """One experiment of a history, and the sheet that its timeline grows on."""

    history: History
    experiment: ExperimentEvent
    palette: Palette
    sheet: Sheet

    def holds(self, at_s: float) -> bool:
        """Whether it was during the experiment."""
        return self.experiment.start_s <= at_s <= self.experiment.end_s


def places_of(history: History) -> dict[VantageName, str]:
    """The city of each vantage: as the history tells, or the catalogue; of others the name stands for the place."""
    told = {summary.name: summary.city for summary in history.header.vantages if summary.city}
    return {**_cities(), **told}


@functools.cache
def _cities() -> dict[VantageName, str]:
    return {known.name: known.city for known in catalogue()}
