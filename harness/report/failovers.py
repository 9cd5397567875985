"""Each failover beside the findings that judge it: what the table, the waterfall and the answers are made from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from harness.checkers.timeline import FailoverTimes
from harness.findings import Finding, Verdict
from harness.stack import RegionName

DETECT, DNS, RECOVER = "time-to-detect", "time-until-dns-changed", "time-to-recover"
DETECT_BACK, DNS_BACK, HOME = "failback-detect", "failback-dns", "failback"
FAILED = "failed-requests"
DATA_FAULTS = frozenset({"replication-paused", "replication-paused-by-fis", "partition"})
"""Faults after which a region serves its users as before: there is no failover to expect."""
SIDE_BY_SIDE = 3
"""So many times of one region are shown, whatever came of them."""
MOST_SHOWN = 12


class JudgedFailover(msgspec.Struct, frozen=True, kw_only=True):
    """`findings` by checker; only those about the region as a whole, not about one of its vantages."""

    experiment: str
    times: FailoverTimes
    findings: dict[str, Finding]

    def limit_s(self, checker: str) -> float | None:
        finding = self.findings.get(checker)
        return finding.limit if finding else None

    def passed(self, checker: str) -> bool:
        finding = self.findings.get(checker)
        return finding is not None and finding.verdict is Verdict.PASS


def judged_failovers(
    experiment: str, failovers: Sequence[FailoverTimes], findings: Sequence[Finding]
) -> list[JudgedFailover]:
    """Those of one experiment. A checker speaks of a region's faults in order: its nth finding is about the nth.

    A fault that cut off nothing but data is one only when somebody moved all the same.
    """
    of_region: defaultdict[str, defaultdict[str, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    for finding in findings:
        of_region[finding.subject][finding.checker].append(finding)
    earlier: defaultdict[str, int] = defaultdict(int)
    judged = []
    for times in failovers:
        if times.window.fault in DATA_FAULTS and not times.clients_s:
            continue
        nth = earlier[times.region]
        earlier[times.region] += 1
        mine = {checker: found[nth] for checker, found in of_region[times.region].items() if nth < len(found)}
        judged.append(JudgedFailover(experiment=experiment, times=times, findings=mine))
    return judged


def telling(judged: Sequence[JudgedFailover]) -> list[JudgedFailover]:
    """Those to be shown side by side: of a fault that comes and goes, only the times that moved somebody.

    Where nobody moved and nothing was claimed of a failover, as in a gray failure, there is none to show.
    """
    times_of: defaultdict[tuple[str, RegionName], list[JudgedFailover]] = defaultdict(list)
    for one in judged:
        if one.findings or one.times.clients_s:
            times_of[one.experiment, one.times.region].append(one)
    shown = []
    for mine in times_of.values():
        moved = [one for one in mine if one.times.clients_s]
        shown += mine if len(mine) <= SIDE_BY_SIDE else (moved or mine[:1])[:MOST_SHOWN]
    return shown
