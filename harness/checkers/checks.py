"""What an experiment claims, as data: each check carries its limits, so that a saved run can be judged again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from harness.checkers.answering import EveryRegionAnswers, SickRegionWithdrawn
from harness.checkers.checkers_on_time import CheckersOnTime, doubted
from harness.checkers.clocks import ClocksAgree
from harness.checkers.conflict_check import ConflictsCounted
from harness.checkers.consistency.check import Consistent
from harness.checkers.deployment import check_deployment
from harness.checkers.detection import DetectedAsDocumented
from harness.checkers.evacuation import EvacuatedInTime
from harness.checkers.fail_open import FailsOpen
from harness.checkers.failback import FailbackInTime
from harness.checkers.failover import DetectedInTime, DnsChangedInTime, FailedRequests, VantagesRecovered
from harness.checkers.flapping import FlapsInDns
from harness.checkers.flaps import InAndOutOfDns, NoFlaps
from harness.checkers.generator import BelowCapacity, FewRequestsFailed, GeneratorKeptUp
from harness.checkers.gray import FaultSight, Sight, UsersSuffered
from harness.checkers.limits import Allowances
from harness.checkers.load_checks import LatencyHeld, RetryStormStayedAway, SurvivorsHeld
from harness.checkers.pacing import Paced
from harness.checkers.proof import FaultProven
from harness.checkers.replication import ReplicatedInTime
from harness.checkers.routing import RoutedToNextNearest, ServedByNearest, UntouchedStayedPut
from harness.checkers.rpo import RecoveryPoint
from harness.checkers.searched import BlindSpotsSearched
from harness.checkers.session import SessionContinuity
from harness.checkers.split_brain import SplitBrain
from harness.checkers.stampede import CalmFailback
from harness.checkers.steady_state import SteadyAfter, SteadyState
from harness.checkers.stragglers import NoStragglers, StragglersNamed
from harness.events import ExperimentEvent
from harness.findings import Finding
from harness.history import History

__all__ = [
    "Allowances",
    "BelowCapacity",
    "BlindSpotsSearched",
    "CalmFailback",
    "Check",
    "CheckersOnTime",
    "ClocksAgree",
    "ConflictsCounted",
    "Consistent",
    "DeployedAsPrescribed",
    "DetectedAsDocumented",
    "DetectedInTime",
    "DnsChangedInTime",
    "EvacuatedInTime",
    "EveryRegionAnswers",
    "FailbackInTime",
    "FailedRequests",
    "FailsOpen",
    "FaultProven",
    "FaultSight",
    "FewRequestsFailed",
    "FlapsInDns",
    "GeneratorKeptUp",
    "InAndOutOfDns",
    "LatencyHeld",
    "NoFlaps",
    "NoStragglers",
    "Paced",
    "RecoveryPoint",
    "ReplicatedInTime",
    "RetryStormStayedAway",
    "RoutedToNextNearest",
    "ServedByNearest",
    "SessionContinuity",
    "SickRegionWithdrawn",
    "Sight",
    "SplitBrain",
    "SteadyAfter",
    "SteadyState",
    "StragglersNamed",
    "SurvivorsHeld",
    "UntouchedStayedPut",
    "UsersSuffered",
    "VantagesRecovered",
    "judge",
]


class DeployedAsPrescribed(msgspec.Struct, frozen=True, kw_only=True, tag="deployed-as-prescribed"):
    """What was deployed when the experiment ended is what the article prescribes."""

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        return check_deployment(history, by_s=experiment.end_s)


Check = (
    BelowCapacity
    | BlindSpotsSearched
    | CalmFailback
    | CheckersOnTime
    | ClocksAgree
    | ConflictsCounted
    | Consistent
    | DeployedAsPrescribed
    | DetectedAsDocumented
    | DetectedInTime
    | DnsChangedInTime
    | EvacuatedInTime
    | EveryRegionAnswers
    | FailbackInTime
    | FailedRequests
    | FailsOpen
    | FaultProven
    | FaultSight
    | FewRequestsFailed
    | FlapsInDns
    | GeneratorKeptUp
    | InAndOutOfDns
    | LatencyHeld
    | NoFlaps
    | NoStragglers
    | Paced
    | RecoveryPoint
    | ReplicatedInTime
    | RetryStormStayedAway
    | RoutedToNextNearest
    | ServedByNearest
    | SessionContinuity
    | SickRegionWithdrawn
    | SplitBrain
    | SteadyAfter
    | SteadyState
    | StragglersNamed
    | SurvivorsHeld
    | UntouchedStayedPut
    | UsersSuffered
    | VantagesRecovered
)


def judge(history: History, experiment: str, checks: Sequence[Check]) -> list[Finding]:
    """What the checks find in one experiment of a history, in their order. Never raises, never empty."""
    if not checks:
        nothing = Finding.unknown("checks", "Something was checked", "the experiment has no checks: nothing was judged")
        return [msgspec.structs.replace(nothing, experiment=experiment)]
    findings = [finding for check in checks for finding in _judge_one(history, experiment, check)]
    findings = doubted(findings, history.header.stack)
    return [
        msgspec.structs.replace(finding, experiment=experiment) for finding in findings + _aborted(history, experiment)
    ]


def _judge_one(history: History, experiment: str, check: Check) -> list[Finding]:
    name = type(check).__struct_config__.tag
    try:
        return check.judge(history, history.experiment(experiment))
    except Exception as error:  # noqa: BLE001  # a checker that crashed has judged nothing, whatever the reason
        why = f"the checker stopped with {type(error).__name__}: {error}"
        return [Finding.unknown(str(name), f"The check {name!r} could judge the run", why)]


def _aborted(history: History, experiment: str) -> list[Finding]:
    return [
        Finding.unknown("aborted", "The experiment ran to its end", f"it was stopped: {event.aborted}")
        for event in history.of(ExperimentEvent)
        if event.experiment == experiment and event.aborted
    ]
