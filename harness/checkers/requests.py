"""Which share of the users' requests failed."""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.statistics import wilson_interval
from harness.checkers.tracks import Tracks
from harness.events import HttpReply, Outcome
from harness.findings import Finding

EVIDENCE_AT_MOST = 100


def replies_between(tracks: Tracks, from_s: float, until_s: float) -> list[tuple[int, HttpReply]]:
    """(index, reply) of all vantages' requests that start in [from_s, until_s)."""
    return [pair for track in tracks.https.values() for pair in track.between(from_s, until_s)]


def few_failed(
    checker: str,
    claim: str,
    replies: Sequence[tuple[int, HttpReply]],
    *,
    at_most_share: float,
    at_least_requests: int,
    subject: str = "",
) -> Finding:
    """Whether at most that share failed; UNKNOWN when there are too few to tell one."""
    needed = max(1, at_least_requests)
    if len(replies) < needed:
        why = f"{len(replies)} requests are too few to tell a share; {needed - len(replies)} more are needed"
        return Finding.unknown(checker, claim, why, subject=subject, samples=len(replies))
    failed = sorted(index for index, reply in replies if reply.outcome is not Outcome.OK)
    low, high = wilson_interval(len(failed), len(replies))
    return Finding.at_most(
        checker,
        claim,
        measured=len(failed) / len(replies),
        limit=at_most_share,
        unit="share",
        explanation=f"{len(failed)} of {len(replies)} requests failed"
        f" (95 % interval of the share: {low:.2%} to {high:.2%}); limit {at_most_share:.2%}",
        samples=len(replies),
        subject=subject,
        evidence=tuple(failed[:EVIDENCE_AT_MOST]),
    )
