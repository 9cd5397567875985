"""Each property: a history that breaks it, and its neighbours that do not."""

from __future__ import annotations

import pytest
from builders import AP, EU, US, a_fault, a_history
from item_builders import both, deleted, saw, wrote

from harness.checkers.consistency.plain import judge_plainly
from harness.checkers.consistency.rules import Rules, Stretch
from harness.checkers.consistency.violations import Property
from harness.events import Operation, Outcome

RULES = Rules(clock_uncertainty_s=1.0, settle_s=10.0)


def broken(*events):
    """The properties that these events break, each as often as it is broken."""
    return sorted(found.property.value for found in judge_plainly(a_history(events), RULES).violations)


def the_only_violation(*events):
    (found,) = judge_plainly(a_history(events), RULES).violations
    return found


def everywhere(shown, at_s=(100.0, 100.1)):
    return [saw(shown, at_s, region=region) for region in (AP, EU, US)]


# converged


def test_regions_that_differ_when_all_has_settled_have_not_converged():
    found = the_only_violation(wrote("v", (0, 1)), saw("v", (100, 101)), saw(None, (100, 101), region=US))

    assert (found.property, found.regions, found.operations) == (Property.CONVERGED, (EU, US), (2, 3))


def test_regions_may_differ_before_all_has_settled():
    """The write is over at 1 s, so all has settled at 11 s."""
    assert not broken(wrote("v", (0, 1)), saw("v", (10.9, 11)), saw(None, (10.9, 11), region=US))


def test_settling_is_counted_from_the_end_of_the_last_fault():
    """Rolled back at 302 s, settled at 312 s."""
    events = (wrote("v", (0, 1)), saw("v", (310, 311)), saw(None, (310, 311), region=US))

    assert not broken(*events, *a_fault(EU))


def test_only_the_last_look_in_a_region_counts():
    looks = [saw(None, (50, 51), region=US), saw("v", (60, 61), region=US)]

    assert not broken(wrote("v", (0, 1)), saw("v", (50, 51)), *looks)


# written, whole


def test_a_value_that_nobody_wrote_is_not_explained():
    found = the_only_violation(wrote("v", (0, 1)), saw("ghost", (2, 3)))

    assert (found.property, found.operations) == (Property.WRITTEN, (2,))
    assert "no write that may have happened carries 'ghost'" in found.text


def test_a_value_written_to_another_key_is_not_explained():
    assert broken(wrote("v", (0, 1), key="other"), saw("v", (2, 3))) == ["written"]


def test_a_refused_write_explains_nothing():
    assert broken(wrote("v", (0, 1), outcome=Outcome.FAIL), saw("v", (2, 3))) == ["written"]


def test_an_item_without_attributes_is_not_explained():
    assert broken(saw({}, (2, 3))) == ["written"]


def test_a_write_with_an_unknown_outcome_explains_its_item():
    assert not broken(wrote("v", (0, 1), outcome=Outcome.UNKNOWN), saw("v", (200, 201)))


def test_an_item_mixed_from_two_writes_names_both():
    found = the_only_violation(wrote("v", (0, 1)), wrote("w", (2, 3)), saw({"a": "v", "b": "w"}, (9, 9), region=US))

    assert (found.property, found.operations) == (Property.WHOLE, (1, 2, 3))


def test_the_item_that_an_update_left_is_whole():
    update = wrote("w", (2, 3), operation=Operation.UPDATE, item={"a": "v", "b": "w"})

    assert not broken(wrote("v", (0, 1)), update, saw({"a": "v", "b": "w"}, (4, 5)))


@pytest.mark.parametrize(("shown", "expected"), [("v", []), (None, []), ("ghost", ["written"])])
def test_an_update_that_nobody_saw_leaves_the_other_attribute_at_any_written_value(shown, expected):
    update = wrote("w", (2, 3), operation=Operation.UPDATE, outcome=Outcome.UNKNOWN)
    item = {"b": "w"} | ({"a": shown} if shown else {})

    assert broken(wrote("v", (0, 1)), update, saw(item, (4, 5))) == expected


def test_an_item_of_the_applications_shape_is_explained():
    item = {"name": "v", "region": EU}

    assert not broken(wrote("v", (0, 1), item=item), saw(dict(reversed(item.items())), (4, 5)))


# later-wins


def test_the_earlier_of_two_separate_writes_is_not_the_final_state():
    """Two writes 2 s apart, clocks within 1 s: the later one wins, so AP shows what lost."""
    found = the_only_violation(wrote("v", (0, 1), region=US), wrote("w", (3, 4)), saw("v", (100, 101), region=AP))

    assert (found.property, found.operations) == (Property.LATER_WINS, (1, 2, 3))
    assert "put of 'w' in eu-west-1" in found.text
    assert "came after put of 'v' in us-east-1" in found.text


def test_writes_closer_than_the_clocks_may_end_either_way():
    assert not broken(wrote("v", (0, 1), region=US), wrote("w", (1.9, 2.5)), *everywhere("v"))


def test_writes_of_one_region_are_in_order_however_close():
    assert broken(wrote("v", (0, 1)), wrote("w", (1.1, 2)), *everywhere("v")) == ["later-wins"] * 3 + ["nothing-lost"]


def test_a_write_with_an_unknown_outcome_need_not_win():
    assert not broken(wrote("v", (0, 1)), wrote("w", (3, 4), outcome=Outcome.UNKNOWN), *everywhere("v"))


def test_a_write_with_an_unknown_outcome_may_win_at_any_time():
    assert not broken(wrote("v", (0, 1), outcome=Outcome.UNKNOWN), wrote("w", (3, 4)), *everywhere("v"))


def test_an_older_item_is_not_read_where_a_later_write_was_acknowledged():
    found = the_only_violation(wrote("v", (0, 1), region=US), wrote("w", (3, 4)), saw("v", (4.5, 5)))

    assert (found.property, found.operations) == (Property.LATER_WINS, (1, 2, 3))


def test_elsewhere_an_older_item_may_still_be_read():
    assert not broken(wrote("v", (0, 1), region=US), wrote("w", (3, 4)), saw("v", (4.5, 5), region=US))


def test_a_read_that_began_before_the_later_write_was_over_may_miss_it():
    assert not broken(wrote("v", (0, 1), region=US), wrote("w", (3, 4)), saw("v", (3.9, 5)))


def test_an_eventually_consistent_read_may_lag_by_the_settling_time():
    """10 s after the later write's end at 4 s; all has settled at 14 s, and this look is the last."""
    events = wrote("v", (0, 1)), wrote("w", (3, 4))

    assert not broken(*events, saw("v", (13.9, 14), consistent=False))
    assert broken(*events, saw("v", (14.1, 15), consistent=False), saw("w", (99, 99))) == ["later-wins"]


def test_a_wrong_item_read_again_and_again_is_told_once_a_region():
    looks = [saw("v", (at_s, at_s)) for at_s in (5, 6, 7)]

    assert broken(wrote("v", (0, 1)), wrote("w", (3, 4)), *looks) == ["later-wins"]


# deleted-stays-away


def test_a_deleted_item_is_not_read_where_it_was_deleted():
    found = the_only_violation(wrote("v", (0, 1), region=US), deleted("d", (3, 4)), saw("v", (5, 6)))

    assert (found.property, found.operations) == (Property.DELETED_STAYS_AWAY, (1, 2, 3))


def test_a_deleted_item_is_not_the_final_state():
    events = wrote("v", (0, 1)), deleted("d", (3, 4), region=US), *everywhere("v")

    assert broken(*events) == ["deleted-stays-away"] * 3 + ["nothing-lost"]


def test_an_item_that_was_gone_does_not_come_back():
    """Nobody knows which of the two is later, but the region has shown the one after the other."""
    looks = saw("v", (2, 3), region=AP), saw(None, (4, 5), region=AP), saw("v", (6, 7), region=AP)
    found = the_only_violation(wrote("v", (0, 1)), deleted("d", (0, 1), region=US), *looks)

    assert (found.property, found.operations) == (Property.DELETED_STAYS_AWAY, (3, 4, 5))


def test_an_item_written_again_may_come_back():
    events = wrote("v", (0, 1)), deleted("d", (3, 4)), wrote("w", (5, 6))

    assert not broken(*events, saw(None, (4.5, 4.6)), saw("w", (7, 8)))


def test_a_delete_at_the_same_time_may_lose():
    assert not broken(wrote("v", (0, 3)), deleted("d", (2, 4), region=US), *everywhere("v"))


# never-back


def test_an_older_item_is_not_read_after_a_newer_one():
    events = wrote("v", (0, 1), region=US), wrote("w", (3, 4))
    found = the_only_violation(*events, saw("w", (5, 6), region=AP), saw("v", (7, 8), region=AP))

    assert (found.property, found.operations) == (Property.NEVER_BACK, (1, 2, 3, 4))


def test_an_item_that_was_replaced_is_not_read_again():
    """Nobody knows which is newer, but the region has shown the one after the other."""
    events = wrote("v", (0, 1), region=US), wrote("w", (0, 1))
    looks = [saw(value, (at_s, at_s + 0.5), region=AP) for at_s, value in enumerate(("v", "w", "v"), 2)]

    assert broken(*events, *looks) == ["never-back"]


def test_reads_at_the_same_time_are_in_no_order():
    events = wrote("v", (0, 1), region=US), wrote("w", (3, 4))

    assert not broken(*events, saw("w", (5, 7), region=AP), saw("v", (6, 8), region=AP))


def test_an_item_does_not_vanish_without_a_delete():
    looks = saw("v", (2, 3), region=AP), saw(None, (4, 5), region=AP)

    assert broken(wrote("v", (0, 1)), *looks) == ["never-back"]
    assert not broken(wrote("v", (0, 1)), deleted("d", (4.5, 5), region=US), *looks)


def test_a_delete_that_is_surely_older_explains_no_absence():
    looks = saw("v", (6, 7), region=AP), saw(None, (8, 9), region=AP)

    assert broken(deleted("d", (0, 1), region=US), wrote("v", (3, 4)), *looks) == ["never-back"]


def test_eventually_consistent_reads_may_go_back_a_little():
    events = wrote("v", (0, 1), region=US), wrote("w", (3, 4))

    assert not broken(*events, saw("w", (5, 6), region=AP), saw("v", (7, 8), region=AP, consistent=False))


# own-writes-seen


def test_a_client_sees_its_own_write():
    events = wrote("v", (0, 1), client="c"), saw(None, (2, 3), client="c")

    assert broken(*events) == ["own-writes-seen"]
    assert not broken(*events, deleted("d", (0, 1), region=US))


def test_a_client_sees_what_may_have_replaced_its_write():
    events = wrote("v", (0, 1), client="c"), wrote("w", (0, 3), region=US)

    assert not broken(*events, saw("w", (4, 5), client="c"))


def test_another_client_may_not_know_yet_whether_an_item_is_there():
    """Nothing is known of what the region showed before."""
    assert not broken(wrote("v", (0, 1), client="c"), saw(None, (2, 3), client="other"))


def test_in_another_region_a_client_may_miss_its_own_write():
    assert not broken(wrote("v", (0, 1), client="c"), saw(None, (2, 3), client="c", region=US))


def test_an_eventually_consistent_read_promises_nothing_of_own_writes():
    assert not broken(wrote("v", (0, 1), client="c"), saw(None, (50, 51), client="c", consistent=False))


# nothing-lost


def test_a_write_of_which_only_a_value_from_nowhere_is_left_is_lost():
    assert broken(wrote("v", (0, 1)), *everywhere("ghost")) == ["nothing-lost", *["written"] * 3]


def test_an_acknowledged_write_that_is_nowhere_is_lost():
    found = the_only_violation(wrote("v", (0, 1)), *everywhere(None))

    assert (found.property, found.operations) == (Property.NOTHING_LOST, (1, 2, 3, 4))
    assert "put of 'v' in eu-west-1 (0.000-1.000 s, writer-eu-west-1, ok) is lost" in found.text


@pytest.mark.parametrize(
    "other", [deleted("d", (0.5, 2), region=US), deleted("d", (9, 9), outcome=Outcome.UNKNOWN)], ids=["late", "unknown"]
)
def test_a_write_that_a_delete_may_have_replaced_is_not_lost(other):
    assert not broken(wrote("v", (0, 1)), other, *everywhere(None))


def test_a_region_that_was_not_looked_at_may_still_have_it():
    assert not broken(wrote("v", (0, 1)), *everywhere(None)[:2])


def test_a_delete_that_is_lost_is_named():
    events = wrote("v", (0, 1)), wrote("w", (3, 4)), deleted("d", (6, 7)), *everywhere("v")
    lost = [
        found for found in judge_plainly(a_history(events), RULES).violations if found.property.value == "nothing-lost"
    ]

    assert "delete in eu-west-1" in lost[0].text


# tellable


def test_two_writes_of_one_value_cannot_be_told_apart():
    found = the_only_violation(wrote("v", (0, 1)), wrote("v", (2, 3), region=US))

    assert (found.property, found.operations) == (Property.TELLABLE, (1, 2))


def test_an_item_read_before_it_was_written_shows_times_of_two_clocks():
    found = the_only_violation(saw("v", (0, 1)), wrote("v", (2, 3)))

    assert (found.property, found.operations) == (Property.TELLABLE, (2, 1))


# the rest


def test_a_write_whose_key_never_became_known_is_left_out():
    assert not broken(wrote("v", (0, 1), key="", outcome=Outcome.UNKNOWN), *everywhere(None))


def test_reads_that_failed_show_nothing():
    assert not broken(wrote("v", (0, 1), client="c"), saw(None, (2, 3), client="c", outcome=Outcome.FAIL))


def test_what_came_to_light_before_the_stretch_is_not_told_again():
    events = wrote("v", (0, 1), client="c"), saw(None, (2, 3), client="c")

    assert not judge_plainly(a_history(events), RULES, Stretch(from_s=3.5)).violations
    assert not judge_plainly(a_history(events), RULES, Stretch(until_s=1.5)).violations


def test_the_sentence_shows_an_updated_item_by_its_attributes():
    update = wrote("w", (2, 3), operation=Operation.UPDATE, item={"a": "v", "b": "w"})
    found = the_only_violation(wrote("v", (0, 1)), update, saw(both("v"), (4, 5)))

    assert "update of 'w' in eu-west-1 (2.000-3.000 s" in found.text


@pytest.mark.parametrize("wrong", [-1.0, float("inf"), float("nan")])
def test_an_uncertainty_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="must be 0 or more, and finite"):
        Rules(clock_uncertainty_s=wrong)
