"""Where a vantage was seen to be: the region of each name server's answer and of each good reply, in order of time."""

from __future__ import annotations

from typing import NamedTuple

from harness.checkers.tracks import Tracks
from harness.events import ExperimentEvent, Outcome, VantageName
from harness.stack import RegionName


class Seen(NamedTuple):
    """One look that told a region."""

    start_s: float
    end_s: float
    event: int
    """Its index in the history."""
    region: RegionName
    nameserver: str = ""
    """Who answered; empty for a reply."""


def answers_seen(tracks: Tracks, vantage: VantageName, experiment: ExperimentEvent) -> list[Seen]:
    """The name servers' answers to the vantage that led somewhere, in the experiment."""
    return [
        Seen(answer.start_s, answer.end_s, index, answer.region, answer.nameserver)
        for index, answer in tracks.dns[vantage].between(experiment.start_s, experiment.end_s)
        if answer.region
    ]


def replies_seen(tracks: Tracks, vantage: VantageName, experiment: ExperimentEvent) -> list[Seen]:
    """The vantage's good replies that said who served, in the experiment."""
    return [
        Seen(reply.start_s, reply.end_s, index, reply.region)
        for index, reply in tracks.https[vantage].between(experiment.start_s, experiment.end_s)
        if reply.region and reply.outcome is Outcome.OK
    ]
