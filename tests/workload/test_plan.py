"""A workload as data: the same seed gives the same steps, hot keys meet, cold keys have one writer."""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice

import pytest

from harness.errors import InvalidPlan
from harness.events import Operation
from harness.workload.plan import KeySpace, Mix, SessionPlan, Workload, steps

US, EU = "us-east-1", "eu-west-1"


def first(number, client=f"{EU}/0", **fields):
    workload = Workload(**{"run": "r", "seed": 7, **fields})
    return list(islice(steps(workload, KeySpace(workload, (US, EU)), client), number))


def test_the_same_seed_gives_the_same_steps():
    assert first(50) == first(50)


def test_another_seed_gives_other_steps():
    assert first(50) != first(50, seed=8)


def test_clients_of_one_seed_do_different_things():
    assert [step.operation for step in first(50)] != [step.operation for step in first(50, client=f"{US}/0")]


def test_all_clients_meet_at_the_same_hot_key_in_a_slot():
    mine, others = first(100), first(100, client=f"{US}/1")

    assert [step.hot for step in mine] == [step.hot for step in others]
    assert [step.key for step in mine if step.hot] == [step.key for step in others if step.hot]
    assert len({step.key for step in mine if step.hot}) == 4


def test_a_cold_key_has_one_writer_who_takes_them_in_turn():
    mine = [step.key for step in first(100, cold_keys=3) if not step.hot]
    others = {step.key for step in first(100, cold_keys=3, client=f"{EU}/1") if not step.hot}

    assert mine[:4] == [*(f"harness#r#cold#{EU}/0#{number}" for number in range(3)), mine[0]]
    assert not others & set(mine)


def test_hot_share_is_the_share_of_hot_slots():
    """Of 1,000 slots at a share of 0.2 about 200 are hot; four standard deviations are 51."""
    assert sum(step.hot for step in first(1000, hot_share=0.2)) == pytest.approx(200, abs=51)


@pytest.mark.parametrize(("keys", "hot"), [({"hot_keys": 0}, False), ({"cold_keys": 0}, True)])
def test_without_keys_of_one_kind_all_slots_are_of_the_other(keys, hot):
    assert {step.hot for step in first(50, **keys)} == {hot}


def test_the_mix_weighs_the_operations():
    mix = Mix(put=3, update=0, create=0, swap=0, delete=1)

    counts = Counter(step.operation for step in first(1000, mix=mix))

    assert set(counts) == {Operation.PUT, Operation.DELETE}
    assert counts[Operation.PUT] == pytest.approx(750, abs=55)


def test_every_operation_of_the_default_mix_comes_up():
    assert {step.operation for step in first(200)} == set(Operation)


def test_updates_set_either_attribute():
    assert {step.attribute for step in first(50)} == {"a", "b"}


def test_steps_begin_anywhere_in_the_first_half_of_their_slot():
    delays = [step.delay_share for step in first(500)]

    assert 0 <= min(delays) < 0.02
    assert 0.48 < max(delays) < 0.5


def test_all_keys_begin_with_the_runs_prefix_and_are_different():
    workload = Workload(run="r", seed=1, clients_per_region=2, hot_keys=3, cold_keys=2)
    keys = KeySpace(workload, (US, EU)).all

    assert len(set(keys)) == len(keys) == 3 + 2 * 2 * 2
    assert all(key.startswith("harness#r#") for key in keys)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"run": ""}, "run ''"),
        ({"run": "x" * 1025}, "1 to 1024"),
        ({"run": "ü"}, "ASCII"),
        ({"writes_per_s": 0}, "writes_per_s = 0"),
        ({"writes_per_s": math.nan}, "writes_per_s = nan"),
        ({"polls_every_s": 0}, "polls_every_s = 0"),
        ({"polled_at_most_s": -1}, "polled_at_most_s = -1"),
        ({"clients_per_region": -1}, "clients_per_region = -1"),
        ({"reads_per_s": math.inf}, "reads_per_s = inf"),
        ({"hot_share": 1.1}, "hot_share = 1.1"),
        ({"hot_keys": 0, "cold_keys": 0}, "nothing to write"),
    ],
)
def test_plans_that_cannot_be_are_refused_by_name(fields, told):
    with pytest.raises(InvalidPlan, match=told):
        Workload(**{"run": "r", "seed": 1, **fields})


@pytest.mark.parametrize(
    "weights", [{"put": -1}, {"put": math.nan}, dict.fromkeys([one.value for one in Operation], 0)]
)
def test_a_mix_without_meaning_is_refused(weights):
    with pytest.raises(InvalidPlan, match="mix of operations"):
        Mix(**weights)


def test_a_session_that_only_writes_is_refused():
    with pytest.raises(InvalidPlan, match="no room for a read"):
        SessionPlan(writes_every_s=1, reads_every_s=1)
