from __future__ import annotations

import pytest
from builders import AP, EU, US, a_history, an_experiment
from item_builders import saw, wrote
from simulated_table import Defect, simulate

from harness.checkers.checks import ClocksAgree
from harness.checkers.clocks import clocks_ahead
from harness.checkers.consistency.rules import WHOLE
from harness.errors import InvalidPlan
from harness.events import Outcome
from harness.findings import Verdict


def ahead(history, region, other):
    (found,) = (
        pair
        for pair in clocks_ahead(history, within_s=1.0, stretch=WHOLE)
        if (pair.region, pair.other) == (region, other)
    )
    return found


def judged(*events, **fields):
    history = a_history(an_experiment(), *events)
    (finding,) = ClocksAgree(**fields).judge(history, history.experiment("e"))
    return finding


# what two writes tell


def test_a_write_that_beats_a_later_one_was_stamped_ahead_of_it():
    """Over at 1 s, and it replaced one that began at 1.7 s: 0.7 s ahead, or more."""
    history = a_history(
        wrote("v", (0, 1)), wrote("w", (1.7, 1.9), region=US), saw("w", (2, 3), region=US), saw("v", (4, 5), region=US)
    )

    assert ahead(history, EU, US).at_least.seconds == pytest.approx(0.7)
    assert ahead(history, EU, US).at_least.evidence == (1, 2)
    assert ahead(history, US, EU).at_most[0].seconds == pytest.approx(-0.7)


def test_a_write_that_loses_to_a_later_one_bounds_its_clock_from_above():
    """Called at 0 s, and replaced by one acknowledged at 0.6 s: not ahead by more than that."""
    history = a_history(wrote("v", (0, 0.2)), wrote("w", (0.4, 0.6), region=US), saw("w", (2, 3)))

    assert [bound.seconds for bound in ahead(history, EU, US).at_most] == [0.6]
    assert ahead(history, US, EU).at_least.seconds == pytest.approx(-0.6)


@pytest.mark.parametrize(
    "looks", [[], [saw("w", (2, 3)), saw("v", (2, 3), region=US)]], ids=["nobody looked", "both won"]
)
def test_writes_whose_outcome_was_not_seen_tell_nothing(looks):
    history = a_history(wrote("v", (0, 0.2)), wrote("w", (0.9, 1), region=US), looks)

    assert ahead(history, EU, US).at_least is None
    assert ahead(history, EU, US).at_most == ()


@pytest.mark.parametrize("unsure", [0, 1])
def test_a_write_that_may_have_happened_later_tells_nothing(unsure):
    outcomes = [Outcome.OK, Outcome.OK]
    outcomes[unsure] = Outcome.UNKNOWN
    history = a_history(
        wrote("v", (0, 0.2), outcome=outcomes[0]),
        wrote("w", (0.4, 0.6), region=US, outcome=outcomes[1]),
        saw("v", (2, 3)),
        saw("w", (4, 5)),
    )

    assert ahead(history, EU, US).at_most == ()


@pytest.mark.parametrize("seed", range(20))
def test_the_bounds_hold_in_a_table_whose_clocks_are_known(seed):
    """Clocks differ by at most 0.4 s, and no lower bound says more. At 0.3 s and more a write is on its way."""
    history = simulate(seed=seed, operations=1500, spacing_s=0.02, skew_s=0.4)
    found = clocks_ahead(history, within_s=1.0, stretch=WHOLE)

    assert all(pair.at_least is None or pair.at_least.seconds <= 0.4 for pair in found)
    assert any(pair.at_least and pair.at_least.seconds > -0.4 for pair in found)


# the check


def test_clocks_that_agree_pass():
    history = simulate(seed=3, operations=3000, spacing_s=0.01, skew_s=0.1)
    stretch = an_experiment(end_s=history.end_s())
    (finding,) = ClocksAgree().judge(history, stretch)

    assert finding.verdict is Verdict.PASS, finding.explanation
    assert finding.measured <= 0.1
    assert f"{EU} is ahead of {US} by " in finding.explanation


def test_a_skewed_clock_is_found_and_named():
    """The first region's clock is 5 s ahead; of writes up to 1 s apart the earlier wins."""
    history = simulate(seed=3, operations=3000, spacing_s=0.01, defect=Defect.SKEWED_CLOCK)
    (finding,) = ClocksAgree().judge(history, an_experiment(end_s=history.end_s()))

    assert finding.verdict is Verdict.FAIL
    assert finding.explanation.startswith(f"{AP} stamps its writes at least ")
    assert 0.5 < finding.measured <= 1.0
    winner, loser = (history[index] for index in finding.evidence)
    assert winner.region == AP
    assert winner.end_s + finding.measured == pytest.approx(loser.start_s)


def test_a_skew_at_the_limit_is_within_it():
    events = (
        wrote("v", (0, 1)),
        wrote("w", (1.5, 1.9), region=US),
        saw("w", (2, 3), region=US),
        saw("v", (4, 5), region=US),
    )

    assert judged(*events, at_most_s=0.5).verdict is Verdict.UNKNOWN
    assert judged(*events, at_most_s=0.4).verdict is Verdict.FAIL


def test_too_few_pairs_are_no_pass_and_each_is_named():
    finding = judged(wrote("v", (0, 0.1)), wrote("w", (0.2, 0.3), region=US), saw("w", (2, 3)))

    assert finding.verdict is Verdict.UNKNOWN
    assert f"{EU} against {US} 2" in finding.explanation
    assert f"{US} against {EU} 3" in finding.explanation


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(InvalidPlan, match="at_most_s = 0"):
        ClocksAgree(at_most_s=0)
