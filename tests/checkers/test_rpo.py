from __future__ import annotations

import random

import pytest
from builders import AP, EU, US, a_fault, a_header, a_history, a_stack, an_experiment
from data_builders import a_cut, a_delete, a_read, a_write
from hypothesis import given
from hypothesis import strategies as st

from harness.checkers.rpo import Fate, RecoveryPoint, rpo, rpos
from harness.checkers.timeline import fault_windows
from harness.errors import InvalidHistory
from harness.events import Operation, Outcome
from harness.findings import Verdict

TWO_REGIONS = a_header(stack=a_stack(US, EU))
CUT = a_cut(US)
"""The US is cut off at 60 s and healed at 100 s."""


def history_of(*events, header=TWO_REGIONS):
    return a_history(an_experiment(), *events, header=header)


def rpo_of(*events, cut=CUT, header=TWO_REGIONS):
    history = history_of(cut, *events, header=header)
    return rpo(history, fault_windows(history)[0], US)


def judged(*events, cut=CUT, check=None):
    return (check or RecoveryPoint(region=US)).judge(history_of(cut, *events), an_experiment())


def fates_of(found):
    return {fate for fate in Fate if getattr(found, fate.value)}


def base(at_s=0.0):
    """A value that both regions had long before the cut."""
    return [a_write("base", at_s), a_read("base", at_s + 5), a_read("base", at_s + 6)]


# What was at risk at the cut.


def test_a_write_seen_elsewhere_before_the_cut_was_not_at_risk():
    assert rpo_of(a_write("v", 58), a_read("v", 59)).at_risk == 0


def test_a_write_missing_elsewhere_after_the_cut_was_surely_at_risk_and_its_age_counts_from_its_reply():
    """Written at 58-59 s, cut at 60 s, missing at 61 s, there at 102 s: at least 1 s and at most 2 s old."""
    found = rpo_of(base(), a_write("v", 58, took_s=1), a_read("base", 61), a_read("v", 102))

    assert (found.at_risk_surely, found.at_risk_possibly) == (1, 1)
    assert (found.oldest_age_low_s, found.oldest_age_high_s) == (1, 2)


def test_the_oldest_of_several_makes_the_age():
    found = rpo_of(
        [a_write(f"v{at}", at, key=f"k{at}") for at in (50, 55, 59)],
        [a_read(None, 61, key=f"k{at}") for at in (50, 55, 59)],
        [a_read(f"v{at}", 102, key=f"k{at}") for at in (50, 55, 59)],
    )

    assert (found.at_risk_surely, found.oldest_age_low_s, found.oldest_age_high_s) == (3, 10, 10)


def test_a_write_that_arrived_about_when_the_cut_came_was_possibly_at_risk():
    """Missing at 59.9 s and there at 60.1 s: nobody knows on which side of the cut it arrived."""
    found = rpo_of(a_write("v", 59), a_read(None, 59.9), a_read("v", 60.1))

    assert (found.at_risk_surely, found.at_risk_possibly, found.crossed) == (0, 1, 1)
    assert (found.oldest_age_low_s, found.oldest_age_high_s) == (0, 1)


def test_it_takes_all_other_regions_to_be_surely_at_risk():
    """Missing in Europe; nobody looked in the Pacific until the end."""
    found = rpo_of(
        a_write("v", 58),
        a_read(None, 61),
        a_read("v", 102),
        a_read("v", 103, region=AP),
        header=a_header(stack=a_stack(US, EU, AP)),
    )

    assert (found.at_risk_surely, found.at_risk_possibly) == (0, 1)


def test_it_takes_one_other_region_to_be_safe():
    found = rpo_of(
        a_write("v", 58),
        a_read(None, 61),
        a_read("v", 59, region=AP),
        a_read("v", 102),
        header=a_header(stack=a_stack(US, EU, AP)),
    )

    assert found.at_risk == 0


def test_a_write_that_another_region_had_overwritten_before_the_cut_was_not_at_risk():
    """v at 30 s was overwritten in Europe at 40 s: at the cut nothing of it was left to lose."""
    assert rpo_of(a_write("v", 30), a_write("w", 40, region=EU), a_read("w", 45), a_read("w", 110)).at_risk == 0


def test_refused_and_unanswered_writes_are_not_at_risk_and_the_latter_are_counted():
    found = rpo_of(
        a_write("refused", 70, key="a", outcome=Outcome.FAIL), a_write("unknown", 70, key="b", outcome=Outcome.UNKNOWN)
    )

    assert (found.at_risk, found.unknown_during) == (0, 1)


def test_writes_of_other_regions_are_not_the_cut_off_regions():
    assert rpo_of(a_write("v", 70, region=EU), a_read(None, 80)).at_risk == 0


def test_writes_before_the_experiment_and_after_healing_do_not_count():
    history = history_of(CUT, a_write("v", 5), a_read(None, 70), a_write("w", 101, key="l"), a_read(None, 102, key="l"))

    assert rpo(history, fault_windows(history)[0], US, from_s=10).at_risk == 0


# What became of it.


def test_a_write_during_the_cut_that_arrives_after_healing():
    """Healed at 100 s, seen at 102-103 s: caught up by 3 s."""
    found = rpo_of(a_write("v", 70), a_read(None, 80), a_read("v", 102, took_s=1))

    assert (found.written_during, found.at_risk_possibly, found.arrived, found.caught_up_s) == (1, 0, 1, 3)
    assert fates_of(found) == {Fate.ARRIVED}


def test_a_write_of_which_a_later_one_of_its_region_arrives_has_arrived():
    found = rpo_of(a_write("v", 70), a_write("w", 80), a_read(None, 90), a_read("w", 102))

    assert (found.arrived, found.at_risk) == (2, 2)


def test_a_write_that_another_regions_later_one_beat_is_overwritten():
    found = rpo_of(base(), a_write("v", 70), a_write("w", 80, region=EU), a_read("w", 120))

    assert fates_of(found) == {Fate.OVERWRITTEN}


def test_a_write_that_a_concurrent_one_beat_is_overwritten():
    found = rpo_of(base(), a_write("v", 70, took_s=2), a_write("w", 71, region=EU), a_read("w", 120))

    assert fates_of(found) == {Fate.OVERWRITTEN}


def test_a_write_that_an_earlier_one_beat_by_its_regions_clock_is_overwritten():
    """w was over 0.1 s before v began, but the regions' clocks may be 0.5 s apart."""
    found = rpo_of(base(), a_write("w", 69.9, region=EU), a_write("v", 70), a_read("w", 120))

    assert fates_of(found) == {Fate.OVERWRITTEN}


def test_a_write_that_a_delete_elsewhere_beat_is_overwritten():
    found = rpo_of(base(), a_write("v", 70), a_delete("d", 80, region=EU), a_read(None, 120))

    assert fates_of(found) == {Fate.OVERWRITTEN}


def test_a_write_that_beat_another_regions_has_arrived():
    found = rpo_of(base(), a_write("w", 70, region=EU), a_write("v", 80), a_read("w", 90), a_read("v", 120))

    assert fates_of(found) == {Fate.ARRIVED}


def test_a_write_that_nothing_overwrote_and_nobody_shows_long_after_healing_is_lost():
    """The last look, at 110 s, is 10 s after healing."""
    found = rpo_of(base(), a_write("v", 70), a_read("base", 110))

    assert fates_of(found) == {Fate.LOST}
    assert len(found.lost_writes) == 1


def test_an_older_write_of_another_region_does_not_excuse_a_loss():
    found = rpo_of(base(), a_write("w", 65, region=EU), a_write("v", 70), a_read("w", 120))

    assert fates_of(found) == {Fate.LOST}


def test_a_delete_of_which_nobody_knows_is_lost():
    """The item is still there at 120 s."""
    found = rpo_of(base(), a_delete("d", 70), a_read("base", 120))

    assert fates_of(found) == {Fate.LOST}


def test_a_delete_whose_item_is_gone_has_arrived():
    assert fates_of(rpo_of(base(), a_delete("d", 70), a_read("base", 90), a_read(None, 120))) == {Fate.ARRIVED}


def test_a_delete_of_an_item_that_was_never_seen_has_nothing_to_lose():
    assert fates_of(rpo_of(a_delete("d", 70), a_read(None, 120))) == {Fate.ARRIVED}


def test_a_missing_write_that_was_not_looked_for_long_enough_is_waiting():
    """The last look is 9.9 s after healing."""
    assert fates_of(rpo_of(base(), a_write("v", 70), a_read("base", 109.9))) == {Fate.WAITING}


def test_without_healing_everything_waits():
    found = rpo_of(base(), a_write("v", 70), a_read("base", 500), cut=a_cut(US, healed_s=None))

    assert (fates_of(found), found.healed_s, found.caught_up_s) == ({Fate.WAITING}, None, None)


def test_a_write_that_crosses_during_the_cut_is_told():
    assert fates_of(rpo_of(a_write("v", 70), a_read(None, 75), a_read("v", 80))) == {Fate.CROSSED}


def test_only_the_last_write_of_a_key_that_nobody_reads_elsewhere_is_unwatched():
    found = rpo_of(a_write("v", 50), a_write("w", 55), a_write("x", 70), a_read("x", 120, region=US))

    assert (fates_of(found), found.unwatched, found.watched) == ({Fate.UNWATCHED}, 1, 0)


@pytest.mark.parametrize("later", [a_write("w", 101), a_write("w", 80, outcome=Outcome.UNKNOWN)])
def test_a_write_after_healing_or_without_a_reply_does_not_stand_for_the_one_before_it(later):
    assert rpo_of(a_write("v", 70), later, a_read("w", 120, region=US)).unwatched == 1


def test_a_fault_that_cuts_nothing_off_has_no_recovery_point():
    history = history_of(a_fault(US))

    with pytest.raises(InvalidHistory, match=f"'health-broken' in {US} did not cut off {US}"):
        rpo(history, fault_windows(history)[0], US)


def test_each_region_of_each_cut_has_its_own():
    """A partition cuts both off from each other; the broken health check cuts nothing off."""
    history = history_of(
        a_cut(US, EU, fault="partition"), a_fault(EU, injected_s=(200, 201), rolled_back_s=(210, 211), fault_id="other")
    )

    assert [(one.region, one.fault) for one in rpos(history, an_experiment())] == [(US, "partition"), (EU, "partition")]
    assert [one.region for one in rpos(history, an_experiment(), EU)] == [EU]


@given(seed=st.integers(0, 10**6))
def test_every_write_at_risk_has_one_fate_and_the_sure_ones_are_possible(seed):
    """Random writes, deletes and looks, whether they make sense or not."""
    chance = random.Random(seed)
    events = []
    for number in range(chance.randrange(1, 25)):
        region, key, at_s = chance.choice((US, EU)), chance.choice("kl"), chance.uniform(0, 150)
        operation = chance.choice((Operation.PUT, Operation.PUT, Operation.DELETE))
        events.append(
            a_write(f"v{number}", at_s, took_s=chance.uniform(0, 5), key=key, region=region, operation=operation)
        )
        shows = chance.choice([None, *(f"v{n}" for n in range(number + 1))])
        events.append(a_read(shows, chance.uniform(0, 150), key=key, region=chance.choice((US, EU))))
    found = rpo_of(events)
    acknowledged = sum(
        event.region == US and event.start_s < 100 for event in events if event.source and hasattr(event, "value")
    )

    assert found.at_risk_surely <= found.at_risk_possibly <= found.at_risk <= acknowledged
    assert found.at_risk_possibly + found.written_during <= found.at_risk
    assert found.at_risk <= found.at_risk_possibly + found.written_during + found.unwatched
    assert 0 <= found.oldest_age_low_s <= found.oldest_age_high_s


# The check.


def test_all_arrived_passes():
    (finding,) = judged(a_write("v", 70), a_read(None, 80), a_read("v", 120))

    assert (finding.verdict, finding.measured, finding.limit, finding.samples) == (Verdict.PASS, 0, 0, 1)
    assert finding.explanation == "0 writes at risk at the cut and 1 made during it: 1 arrived"


def test_a_loss_fails_and_points_at_the_write():
    events = [*base(), a_write("v", 70), a_read("base", 110)]
    (finding,) = judged(events)
    history = history_of(CUT, events)

    assert (finding.verdict, finding.measured) == (Verdict.FAIL, 1)
    assert [history[index].value for index in finding.evidence] == ["v"]


def test_as_many_losses_as_are_allowed_pass():
    check = RecoveryPoint(region=US, at_most_lost=1)

    assert judged(*base(), a_write("v", 70), a_read("base", 110), check=check)[0].verdict is Verdict.PASS


def test_overwritten_writes_are_no_losses():
    assert judged(*base(), a_write("v", 70), a_write("w", 80, region=EU), a_read("w", 120))[0].verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("events", "cut", "why"),
    [
        pytest.param([a_write("v", 70), a_read("v", 120)], a_cut(US, proven=False), "was not proven", id="unproven"),
        pytest.param([a_write("v", 70), a_read("v", 120)], a_cut(EU), f"{US} was never cut off", id="another region"),
        pytest.param([a_write("v", 70), a_read("v", 120)], a_fault(US), "was never cut off", id="another fault"),
        pytest.param([], CUT, "1 more writes at risk are needed", id="nothing written"),
        pytest.param([a_write("v", 70), a_read(None, 105)], CUT, "1 were not looked at for 10 s", id="too early"),
        pytest.param([a_write("v", 70)], CUT, "1 of 1 were looked for in no other region", id="unwatched"),
        pytest.param([a_write("v", 70), a_read(None, 500)], a_cut(US, healed_s=None), "never undone", id="not healed"),
    ],
)
def test_what_proves_nothing_is_unknown_and_says_why(events, cut, why):
    (finding,) = judged(events, cut=cut)

    assert finding.verdict is Verdict.UNKNOWN
    assert why in finding.explanation


def test_a_loss_fails_even_when_other_writes_are_still_waiting():
    events = [a_write("v", 70), a_read(None, 120), a_write("w", 70, key="l"), a_read(None, 105, key="l")]

    assert judged(events)[0].verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("missing_s", "limit_s", "verdict"),
    [(61, 2.0, Verdict.PASS), (61, 0.5, Verdict.FAIL), (61, 1.5, Verdict.UNKNOWN), (59.5, 0.5, Verdict.UNKNOWN)],
)
def test_the_age_of_the_oldest_is_judged_by_both_its_ends(missing_s, limit_s, verdict):
    """Written at 58-59 s, cut at 60 s: 1 to 2 s old; 0 to 2 s when the last look without it was before the cut."""
    check = RecoveryPoint(region=US, oldest_at_most_s=limit_s)
    events = [a_write("v", 58, took_s=1), a_read(None, missing_s), a_read("v", 102)]
    _, finding = judged(events, check=check)

    assert finding.verdict is verdict
    assert finding.measured == 2


def test_without_writes_at_risk_their_age_is_unknown():
    _, finding = judged(check=RecoveryPoint(region=US, oldest_at_most_s=1.0))

    assert finding.verdict is Verdict.UNKNOWN
