"""Whether each fault was seen to bite, and was undone."""

from __future__ import annotations

import msgspec

from harness.checkers.tracks import Track, tracks_of
from harness.events import ExperimentEvent, FaultEvent, FaultPhase
from harness.findings import Finding, Verdict
from harness.history import History


class FaultProven(msgspec.Struct, frozen=True, kw_only=True, tag="fault-proven"):
    """Every fault of the experiment was proven from outside, and rolled back."""

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        tracks = [
            track
            for track in tracks_of(history).faults.values()
            if experiment.start_s <= track.events[0].start_s <= experiment.end_s
        ]
        if not tracks:
            return [Finding.unknown("fault-proven", "The fault was seen to bite", "no fault was injected")]
        return [finding for track in tracks for finding in (_bit(track), _undone(track))]


def _bit(track: Track[FaultEvent]) -> Finding:
    proven = next((event for event in track.events if event.phase is FaultPhase.PROVEN), None)
    if proven:
        said = proven.detail or "seen from outside"
        return _finding("fault-proven", "was seen to bite", track, Verdict.PASS, said)
    phases = ", ".join(event.phase.value for event in track.events)
    return _finding("fault-proven", "was seen to bite", track, Verdict.UNKNOWN, f"never proven; it was {phases}")


def _undone(track: Track[FaultEvent]) -> Finding:
    last = track.events[-1]
    if last.phase is FaultPhase.REMOVED:
        said = f"rolled back, read back, and {last.detail or 'seen from outside'} that it bites no more"
        return _finding("fault-undone", "was undone", track, Verdict.PASS, said)
    if last.phase is FaultPhase.REMOVAL_UNPROVEN:
        why = f"it was rolled back and read back, and yet {last.detail}"
        return _finding("fault-undone", "was undone", track, Verdict.UNKNOWN, why)
    if last.phase is FaultPhase.ROLLED_BACK:
        return _finding("fault-undone", "was undone", track, Verdict.PASS, last.detail or "rolled back and read back")
    if last.phase is FaultPhase.ROLLBACK_FAILED:
        return _finding("fault-undone", "was undone", track, Verdict.FAIL, last.detail or "the rollback failed")
    why = f"the last that is known of it is {last.phase.value!r}; run `harness recover`"
    return _finding("fault-undone", "was undone", track, Verdict.UNKNOWN, why)


def _finding(checker: str, what: str, track: Track[FaultEvent], verdict: Verdict, explanation: str) -> Finding:
    first = track.events[0]
    regions = ", ".join(first.regions)
    return Finding(
        checker=checker,
        claim=f"The fault {first.fault!r} in {regions} {what}",
        verdict=verdict,
        explanation=explanation,
        samples=len(track.events),
        subject=regions,
        evidence=tuple(track.indexes),
    )
