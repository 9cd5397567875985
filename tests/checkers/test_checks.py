"""The union of checks and `judge`: data that survives JSON, verdicts that never crash."""

from __future__ import annotations

import msgspec
from builders import AP, DUBLIN, EU, US, VIRGINIA, Story, a_fault, a_history, an_experiment, dns, gap, health, reply
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.checkers.checks import (
    Check,
    CheckersOnTime,
    DeployedAsPrescribed,
    DetectedInTime,
    DnsChangedInTime,
    EveryRegionAnswers,
    FailbackInTime,
    FailedRequests,
    FailsOpen,
    FaultProven,
    InAndOutOfDns,
    NoFlaps,
    NoStragglers,
    Paced,
    RoutedToNextNearest,
    ServedByNearest,
    SickRegionWithdrawn,
    SplitBrain,
    SteadyAfter,
    SteadyState,
    StragglersNamed,
    UntouchedStayedPut,
    VantagesRecovered,
    judge,
)
from harness.checkers.limits import Allowances
from harness.checkers.straggling import Reason
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
    NoFlaps(),
    NoStragglers(),
    EveryRegionAnswers(),
    SickRegionWithdrawn(),
    SplitBrain(near_km=1200),
    SteadyAfter(),
    Paced(),
)
ALL: tuple[Check, ...] = (
    CheckersOnTime(),
    *OF_A_FAILOVER,
    FailsOpen(),
    DeployedAsPrescribed(),
    InAndOutOfDns(region=EU),
    StragglersNamed(expected={DUBLIN: Reason.CLAMPED}),
)


def test_a_failover_as_it_should_be_passes_every_check():
    findings = judge(Story().history(), "e", OF_A_FAILOVER)

    assert [(f.claim, f.explanation) for f in findings if f.verdict is not Verdict.PASS] == []


def test_checks_survive_json_with_their_limits():
    checks = [*ALL, DetectedInTime(region=US, allowances=Allowances(margin_s=3.5))]

    assert msgspec.json.decode(msgspec.json.encode(checks), type=list[Check]) == checks


def test_no_checks_is_one_unknown_finding():
    findings = judge(Story().history(), "e", ())

    assert [finding.verdict for finding in findings] == [Verdict.UNKNOWN]


def test_every_finding_names_its_experiment():
    assert {finding.experiment for finding in judge(Story().history(), "e", ALL)} == {"e"}


def test_an_experiment_that_is_not_in_the_history_is_unknown_and_says_so():
    (finding,) = judge(Story().history(), "another", [FaultProven()])

    assert finding.verdict is Verdict.UNKNOWN
    assert "0 experiments named 'another'" in finding.explanation


def test_an_aborted_experiment_is_never_green():
    history = a_history(an_experiment(aborted="too many failures"))

    findings = judge(history, "e", [ServedByNearest()])

    assert "too many failures" in findings[-1].explanation
    assert findings[-1].verdict is Verdict.UNKNOWN


def test_an_empty_experiment_passes_nothing():
    findings = judge(a_history(an_experiment()), "e", ALL)

    assert {finding.verdict for finding in findings} == {Verdict.UNKNOWN}


def test_an_unproven_fault_leaves_all_that_depends_on_it_unknown():
    of_the_fault = [check for check in OF_A_FAILOVER if hasattr(check, "region")]

    findings = judge(Story(proven=False).history(), "e", of_the_fault)

    assert {finding.verdict for finding in findings} == {Verdict.UNKNOWN}
    assert all("not proven" in finding.explanation for finding in findings)


def test_evidence_points_into_the_history():
    history = Story(detect_s=150, dns_s=155).history()

    for finding in judge(history, "e", ALL):
        assert all(0 <= index < len(history) for index in finding.evidence)


def test_judging_again_gives_the_same_findings():
    assert judge(Story().history(), "e", ALL) == judge(Story().history(), "e", ALL)


_times = st.floats(0, 700, allow_nan=False)
_regions = st.sampled_from([US, EU, AP])
_vantages = st.sampled_from([DUBLIN, VIRGINIA, "nowhere"])
_events = st.one_of(
    st.builds(dns, _vantages, st.none() | _regions, _times, rcode=st.sampled_from(["NOERROR", "SERVFAIL", None])),
    st.builds(reply, _vantages, st.none() | _regions, _times, ok=st.booleans()),
    st.builds(health, _regions, st.sampled_from([True, False, None]), _times),
    st.builds(lambda vantage, at_s: gap(vantage, at_s, at_s + 5), _vantages, _times),
)
_faults = st.builds(
    lambda region, at_s, lasts_s, proven, whole: a_fault(
        region,
        injected_s=(at_s, at_s + 1),
        rolled_back_s=(at_s + 1 + lasts_s, at_s + 2 + lasts_s) if whole else None,
        proven=proven,
    ),
    _regions,
    _times,
    _times,
    st.booleans(),
    st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_events, max_size=60), st.lists(_faults, max_size=2, unique_by=lambda fault: fault[0].regions))
def test_no_history_makes_a_checker_crash(events, faults):
    findings = judge(a_history(an_experiment(), events, *faults), "e", ALL)

    assert findings
    assert [finding.explanation for finding in findings if "the checker stopped" in finding.explanation] == []


@settings(max_examples=20, deadline=None)
@given(st.lists(_times, max_size=20))
def test_notes_change_no_verdict_and_no_number(times_s):
    """Notes shift the indexes of evidence, and nothing else."""
    notes = [Note(start_s=at_s, end_s=at_s, source="person", text="hello") for at_s in times_s]
    plain, noted = (judge(Story().history(*more), "e", ALL) for more in ([], notes))

    def bare(findings):
        return [msgspec.structs.replace(finding, evidence=()) for finding in findings]

    assert bare(noted) == bare(plain)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 45), st.integers(0, 8))
def test_the_truth_lies_between_measured_less_uncertainty_and_measured(detect, late):
    """The quorum flips at any time in the poll's 5 s; the finding's interval must hold that time."""
    detect_s = detect * 2.0 + late / 10
    (finding,) = judge(Story(detect_s=detect_s, dns_s=detect_s + 5).history(), "e", [DetectedInTime(region=EU)])

    assert finding.measured is not None
    assert finding.uncertainty is not None
    assert finding.measured - finding.uncertainty <= detect_s <= finding.measured


def test_the_worst_of_the_findings_is_the_verdict():
    assert overall(judge(Story().history(), "e", OF_A_FAILOVER)) is Verdict.PASS
