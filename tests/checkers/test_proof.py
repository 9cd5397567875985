from __future__ import annotations

import msgspec
from builders import EU, US, Story, a_fault, a_history, an_experiment

from harness.checkers.proof import FaultProven
from harness.events import FaultPhase
from harness.findings import Verdict


def verdicts(*events):
    history = a_history(an_experiment(), *events)
    return [finding.verdict for finding in FaultProven().judge(history, history.experiment("e"))]


def test_proven_and_rolled_back_passes():
    assert verdicts(a_fault(EU)) == [Verdict.PASS, Verdict.PASS]


def test_an_unproven_fault_is_unknown():
    assert verdicts(a_fault(EU, proven=False)) == [Verdict.UNKNOWN, Verdict.PASS]


def test_a_fault_left_open_is_unknown_and_says_what_to_run():
    history = Story(rolled_back=False).history()

    _, undone = FaultProven().judge(history, history.experiment("e"))

    assert undone.verdict is Verdict.UNKNOWN
    assert "harness recover" in undone.explanation


def test_a_failed_rollback_fails():
    *phases, last = a_fault(EU)
    failed = msgspec.structs.replace(last, phase=FaultPhase.ROLLBACK_FAILED)

    assert verdicts(phases, failed) == [Verdict.PASS, Verdict.FAIL]


def test_every_fault_is_judged():
    assert len(verdicts(a_fault(EU), a_fault(US, injected_s=(400, 401), rolled_back_s=(500, 501)))) == 4


def test_no_fault_is_unknown():
    assert verdicts() == [Verdict.UNKNOWN]


def test_faults_of_another_experiment_are_not_counted():
    assert verdicts(a_fault(EU, injected_s=(700, 701), rolled_back_s=None)) == [Verdict.UNKNOWN]
