"""Whether probes were made when they were due: late probes measure the machine, not the stack."""

from __future__ import annotations

import msgspec

from harness.checkers.statistics import quantile
from harness.events import ExperimentEvent, Gap, HttpReply
from harness.findings import Finding, Verdict
from harness.history import History

CLAIM = "Probes were made on time"


class Paced(msgspec.Struct, frozen=True, kw_only=True, tag="paced"):
    """99 of 100 HTTPS probes began at most `at_most_wall_ms` after they were due.

    Never FAIL: lateness is the harness's fault, and makes the other findings doubtful, not the stack bad.
    """

    at_most_wall_ms: float = 50.0
    at_least_probes: int = 100

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        late_s = [
            reply.late_s for reply in history.of(HttpReply) if experiment.start_s <= reply.start_s <= experiment.end_s
        ]
        if len(late_s) < self.at_least_probes:
            more = self.at_least_probes - len(late_s)
            why = f"{len(late_s)} probes are too few to tell a p99; {more} more are needed"
            return [Finding.unknown("pacing", CLAIM, why, samples=len(late_s))]
        # The clock's rate turns stack seconds into the machine's own: that is where lateness comes from.
        late_ms = [late * 1000 / history.header.clock_rate for late in late_s]
        return [self._judge_p99(late_ms, _missed(history, experiment))]

    def _judge_p99(self, late_ms: list[float], missed: int) -> Finding:
        p50, p99 = quantile(late_ms, 0.5), quantile(late_ms, 0.99)
        told = f"late by p50 {p50:.2f} ms, p99 {p99:.2f} ms, max {max(late_ms):.2f} ms of wall time, {missed} left out"
        found = Finding.at_most(
            "pacing", CLAIM, measured=p99, limit=self.at_most_wall_ms, unit="ms", explanation=told, samples=len(late_ms)
        )
        if p99 <= self.at_most_wall_ms:
            return found
        doubt = f"{told}; times in this run are doubtful: give the machine less to do, or lower the clock's rate"
        return msgspec.structs.replace(found, verdict=Verdict.UNKNOWN, explanation=doubt)


def _missed(history: History, experiment: ExperimentEvent) -> int:
    gaps = [gap for gap in history.of(Gap) if experiment.start_s <= gap.start_s <= experiment.end_s]
    return sum(gap.missed for gap in gaps)
