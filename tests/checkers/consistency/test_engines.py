"""Both engines say the same: violations, samples, quiescence."""

from __future__ import annotations

import random

import msgspec
import pytest
from builders import AP, EU, US, a_fault, a_history
from hypothesis import given, settings
from hypothesis import strategies as st
from item_builders import deleted, saw, wrote
from simulated_table import Defect, simulate

from harness.checkers.consistency import engines
from harness.checkers.consistency.columnar import judge_columns
from harness.checkers.consistency.engines import judge_history
from harness.checkers.consistency.plain import judge_plainly
from harness.checkers.consistency.rules import Rules, Stretch
from harness.checkers.consistency.violations import Property
from harness.columns import columns_of_file, columns_of_history
from harness.events import ItemRead, ItemWrite, Operation, Outcome
from harness.history import encode_line, load_history

RULES = Rules(clock_uncertainty_s=0.1, settle_s=5.0)


def in_columns(history, rules=RULES, stretch=Stretch()):  # noqa: B008  # frozen
    with columns_of_history(history) as columns:
        return judge_columns(columns, rules, stretch)


def keyed(history, prefix):
    """Its operations, on keys and with values of their own."""

    def named(item):
        return item and {name: f"{prefix}{value}" for name, value in item.items()}

    for event in history:
        if isinstance(event, ItemWrite):
            own = {"value": prefix + event.value, "based_on": event.based_on and prefix + event.based_on}
            yield msgspec.structs.replace(event, key=prefix + event.key, item=named(event.item), **own)
        elif isinstance(event, ItemRead):
            yield msgspec.structs.replace(event, key=prefix + event.key, item=named(event.item))


def every_defect(seed, **fields):
    """All the defects in one history, each on keys of its own: one judgement in columns takes a tenth of a second."""
    return a_history(
        event for defect in Defect for event in keyed(simulate(seed=seed, defect=defect, **fields), f"{defect.name}-")
    )


@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    keys=st.integers(2, 10),
    spacing_s=st.sampled_from([0.01, 0.05, 0.2]),
    uncertainty_s=st.sampled_from([0.0, 0.1, 2.0]),
    stretch=st.sampled_from([Stretch(), Stretch(from_s=3, until_s=9), Stretch(until_s=2)]),
)
def test_both_engines_find_the_same_in_tables_with_every_defect(seed, keys, spacing_s, uncertainty_s, stretch):
    history = every_defect(seed, keys=keys, spacing_s=spacing_s, operations=150)
    rules = Rules(clock_uncertainty_s=uncertainty_s, settle_s=5.0)

    assert in_columns(history, rules, stretch) == judge_plainly(history, rules, stretch)


def any_operations(rng, key):
    """What no table would make of it: whole seconds, so that many moments coincide, and a dozen values."""
    for number in range(rng.randrange(2, 14)):
        start_s = rng.randrange(12)
        at_s = float(start_s), float(start_s + rng.choice([0, 0, 1, 1, 2, 5]))
        region, value = rng.choice([EU, US]), f"v{number}"
        outcome = rng.choices(list(Outcome), [8, 1, 1])[0]
        shown = rng.choice([f"v{rng.randrange(13)}", f"v{rng.randrange(13)}", None, {"a": "v1", "b": "v2"}, {}])
        yield rng.choice(
            [
                wrote(value, at_s, region=region, key=key, outcome=outcome),
                wrote(value, at_s, region=region, key=key),
                deleted(value, at_s, region=region, key=key, outcome=outcome),
                an_update(value, at_s, region=region, key=key, outcome=outcome, seen=rng.random() < 0.5),
                *(saw(shown, at_s, region=region, key=key, consistent=rng.random() < 0.8) for _ in range(4)),
                saw(shown, at_s, region=region, key=key, client=f"writer-{region}"),
            ]
        )


def an_update(value, at_s, *, seen, **fields):
    item = {"a": value, "b": "v1"} if seen else None
    return wrote(value, at_s, operation=Operation.UPDATE, item=item, **fields)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), settle_s=st.sampled_from([0.0, 2.0]))
def test_both_engines_find_the_same_in_any_operations_whatever(seed, settle_s):
    """400 keys a time: one judgement in columns takes a tenth of a second, however few there are."""
    rng = random.Random(seed)
    history = a_history(event for key in range(400) for event in any_operations(rng, f"k{key}"))
    rules = Rules(clock_uncertainty_s=rng.choice([0.0, 1.0, 3.0]), settle_s=settle_s)

    assert in_columns(history, rules) == judge_plainly(history, rules)


CONCURRENT = wrote("v", (0, 1)), wrote("w", (0, 1), region=US)
SEEN_ONCE = {
    "shown to and fro": (*CONCURRENT, *(saw(value, (at_s, at_s), region=AP) for at_s, value in enumerate("vwv", 2))),
    "to and fro at one moment": (*CONCURRENT, *(saw(value, (2, 2), region=AP) for value in "vw")),
    "within another's stretch": (*CONCURRENT, saw("v", (2, 3)), saw("w", (3, 4)), saw("v", (4, 5))),
    "beside another's stretch": (*CONCURRENT, saw("v", (2, 3)), saw("w", (2.5, 4)), saw("v", (3.5, 5))),
    "acknowledged and at once read older": (wrote("v", (0, 1)), wrote("w", (2, 3)), saw("v", (3, 4))),
    "read before it was over": (wrote("v", (0, 1)), wrote("w", (2, 3)), saw("v", (2.9, 4))),
    "gone and back": (
        *CONCURRENT[:1],
        deleted("d", (0, 1), region=US),
        saw("v", (2, 2)),
        saw(None, (2, 2)),
        saw("v", (2, 2)),
    ),
    "gone by a delete under way": (wrote("v", (0, 1)), deleted("d", (2, 9)), saw(None, (1.5, 2))),
    "gone before the delete": (wrote("v", (0, 1)), deleted("d", (2.1, 9)), saw("v", (1, 1)), saw(None, (1.5, 2))),
    "one value twice": (wrote("v", (0, 1)), wrote("v", (0, 1), region=US)),
    "two updates that nobody saw": (
        an_update("u", (0, 1), seen=False),
        wrote("v", (2, 3)),
        an_update("w", (5, 6), seen=False),
        saw({"a": "u", "b": "w"}, (7, 8), region=AP),
        saw("v", (9, 10), region=AP),
    ),
    "an update that nobody saw": (
        wrote("v", (0, 1)),
        an_update("u", (2, 3), seen=False),
        an_update("w", (2, 30), seen=False, outcome=Outcome.UNKNOWN),
        wrote("x", (5, 6)),
        saw({"a": "u", "b": "v"}, (7, 8)),
        saw({"a": "u", "b": "w"}, (9, 10)),
    ),
}


def test_both_engines_find_the_same_at_the_edges():
    """Each story on a key of its own."""
    history = a_history(
        msgspec.structs.replace(event, key=name) for name, events in SEEN_ONCE.items() for event in events
    )
    rules = Rules(clock_uncertainty_s=0.0, settle_s=50.0)
    judged = in_columns(history, rules)

    assert judged == judge_plainly(history, rules)
    assert {found.key for found in judged.violations} == set(SEEN_ONCE) - {
        "beside another's stretch",
        "read before it was over",
        "gone by a delete under way",
    }


@pytest.mark.parametrize("rolled_back_s", [None, (300.0, 302.0)])
def test_both_engines_wait_for_the_faults_to_end(rolled_back_s):
    looks = [saw(value, (400, 401), region=region) for value, region in (("v", EU), (None, US), ("v", AP))]
    history = a_history(wrote("v", (0, 1)), looks, a_fault(EU, rolled_back_s=rolled_back_s))
    judged = in_columns(history)

    assert judged == judge_plainly(history, RULES)
    assert bool(judged.of(Property.CONVERGED)) is (rolled_back_s is not None)


def test_both_engines_judge_a_history_without_operations():
    assert in_columns(a_history()) == judge_plainly(a_history(), RULES)


def test_columns_name_operations_by_their_place_in_the_history(tmp_path):
    """In the file the lines are in the order in which the operations ended."""
    history = simulate(seed=3, defect=Defect.STOPPED, operations=300)
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"".join(encode_line(event) for event in sorted(history, key=lambda event: event.end_s)))

    with columns_of_file(path) as columns:
        assert judge_columns(columns, RULES) == judge_plainly(load_history(path).history, RULES)


def test_a_large_history_is_judged_in_columns(monkeypatch):
    history = simulate(seed=3, defect=Defect.STOPPED, operations=300)
    expected = judge_plainly(history, RULES)
    monkeypatch.setattr(engines, "LARGE", 100)
    monkeypatch.setattr(engines, "judge_plainly", lambda *_: pytest.fail("judged in plain Python"))

    assert judge_history(history, RULES) == expected
