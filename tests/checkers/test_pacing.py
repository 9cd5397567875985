from __future__ import annotations

import pytest
from builders import DUBLIN, EU, a_header, a_history, an_experiment, gap, reply

from harness.checkers.pacing import Paced
from harness.findings import Verdict


def judged(late_s, *more, rate=20.0):
    history = a_history(
        an_experiment(),
        [reply(DUBLIN, EU, float(n), late_s=late) for n, late in enumerate(late_s)],
        more,
        header=a_header(rate=rate),
    )
    (finding,) = Paced(at_most_wall_ms=5).judge(history, history.experiment("e"))
    return finding


def test_lateness_is_counted_in_the_machines_time():
    """0.08 stack seconds at 20 stack seconds a second are 4 ms."""
    finding = judged([0.08] * 100)

    assert (finding.verdict, finding.measured) == (Verdict.PASS, pytest.approx(4))


def test_one_late_probe_in_two_hundred_passes():
    assert judged([0.0] * 199 + [10.0]).verdict is Verdict.PASS


def test_late_probes_are_unknown_and_never_fail():
    """3 of 100 are 0.2 stack seconds late, 10 ms: the p99 is above 5 ms."""
    assert judged([0.0] * 97 + [0.2] * 3).verdict is Verdict.UNKNOWN


def test_too_few_probes_are_unknown_and_say_how_many_more():
    assert "40 more are needed" in judged([0.0] * 60).explanation


def test_probes_left_out_are_told():
    assert "7 left out" in judged([0.0] * 100, gap(DUBLIN, 10, 20, missed=7)).explanation
