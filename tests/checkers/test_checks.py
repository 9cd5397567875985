"""The union of checks and `judge`: data that survives JSON, verdicts that never crash."""

from __future__ import annotations

import msgspec
import pytest
from builders import DUBLIN, EU, US, VIRGINIA, Story, a_history, an_experiment
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.checkers.checks import (
    Check,
    DeployedAsPrescribed,
    DetectedInTime,
    DnsChangedInTime,
    FailbackInTime,
    FailedRequests,
    FailsOpen,
    FaultProven,
    Paced,
    RoutedToNextNearest,
    ServedByNearest,
    SteadyAfter,
    SteadyState,
    UntouchedStayedPut,
    VantagesRecovered,
    judge,
)
from harness.events import Note
from harness.findings import Verdict, overall

OF_A_FAILOVER: tuple[Check, ...] = (
    SteadyState(at_least_requests=20),
    ServedByNearest(),
    FaultProven(),
    DetectedInTime(region=EU),
    DnsChangedInTime(region=EU),
    VantagesRecovered(region=EU),
    RoutedToNextNearest(region=EU),
    FailedRequests(region=EU),
    UntouchedStayedPut(region=EU),
    FailbackInTime(region=EU),
    SteadyAfter(),
    Paced(),
)


def test_a_failover_as_it_should_be_passes_every_check():
    findings = judge(Story().history(), "e", OF_A_FAILOVER)

    assert [(f.claim, f.explanation) for f in findings if f.verdict is not Verdict.PASS] == []
