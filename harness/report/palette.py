"""Which colour a region has: the same on the whole page, told apart by colour-blind people too."""

from __future__ import annotations

from collections.abc import Sequence

from harness.stack import RegionName

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#f0e442")
"""Okabe and Ito's, without vermillion, which is for failures, and black. More regions get these again, striped."""


class Palette:
    def __init__(self, regions: Sequence[RegionName]) -> None:
        self.regions = tuple(regions)

    def looks(self, region: RegionName | None) -> str:
        """The CSS class of a region; "elsewhere" for one that is not the stack's, or unknown."""
        if region not in self.regions:
            return "elsewhere"
        return f"r{self.regions.index(region) % (2 * len(COLOURS))}"
