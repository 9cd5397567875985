from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from builders import EU, Story

from harness.checkers.checks import (
    Check,
    DetectedInTime,
    DnsChangedInTime,
    FailbackInTime,
    FailedRequests,
    FaultProven,
    VantagesRecovered,
    judge,
)
from harness.findings import Finding, Verdict, overall
from harness.history import History
from harness.run import ExperimentRecord, RunRecord

QUESTION = "When eu-west-1 is sick, are its users served elsewhere, and how soon?"
CHECKS: tuple[Check, ...] = (
    FaultProven(),
    DetectedInTime(region=EU),
    DnsChangedInTime(region=EU),
    VantagesRecovered(region=EU),
    FailedRequests(region=EU),
    FailbackInTime(region=EU),
)


@pytest.fixture(scope="session")
def story() -> History:
    """eu-west-1 breaks at 62 s and is mended at 302 s; its two vantages ask every 10 s, through a 60 s cache."""
    return Story().history()


@pytest.fixture(scope="session")
def story_findings(story: History) -> list[Finding]:
    return judge(story, "e", CHECKS)


@pytest.fixture
def a_finding() -> Callable[..., Finding]:
    def make(verdict: Verdict = Verdict.PASS, **fields: object) -> Finding:
        named = {"checker": "c", "claim": "Something holds", "explanation": "because", "experiment": "e"}
        return Finding(verdict=verdict, **{**named, **fields})  # type: ignore[arg-type]

    return make


@pytest.fixture
def a_record() -> Callable[..., RunRecord]:
    """A run of experiments with these names, whose findings are these."""

    def make(findings: Sequence[Finding] = (), *names: str, rate: float = 20.0, interrupted: bool = False) -> RunRecord:
        verdict = overall(findings)
        [ExperimentRecord(name=name, question=QUESTION, checks=CHECKS) for name in names or ("e",)]
        return RunRecord(
            name="scenarios",
            target="lab",
            started_at="2026-01-01T00:00:00.000+00:00",
            ended_at="2026-01-01T00:00:30.000+00:00",
            wall_s=30.0,
            stack_s=600.0,
            clock_rate=rate,
            seed=7,
            harness_version="0.1.0",
            verdict=verdict,
            exit_code=0,
            experiments=tuple(
                ExperimentRecord(name=name, question=QUESTION, checks=CHECKS) for name in names or ("e",)
            ),
            interrupted=interrupted,
        )

    return make
