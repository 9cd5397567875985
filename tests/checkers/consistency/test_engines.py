"""Both engines say the same: violations, samples, quiescence."""

from __future__ import annotations

import msgspec
import pytest
from builders import AP, EU, US, a_fault, a_history
from hypothesis import given, settings
from hypothesis import strategies as st
from item_builders import deleted, saw, wrote
from simulated_table import Defect, simulate

from harness.checkers.consistency import engines
from harness.checkers.consistency.columnar import judge_columns
from harness.checkers.consistency.engines import judge_file, judge_history
from harness.checkers.consistency.plain import judge_plainly
from harness.checkers.consistency.rules import Rules, Stretch
from harness.checkers.consistency.violations import Property
from harness.columns import columns_of_history
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


TIMES = st.integers(0, 12).flatmap(lambda start: st.tuples(st.just(float(start)), st.integers(start, 14).map(float)))
REGION, VALUE = st.sampled_from([EU, US]), st.sampled_from("vwx")
WRITES = st.builds(
    lambda value, at_s, region, operation, outcome, item: wrote(
        value,
        at_s,
        region=region,
        operation=operation,
        outcome=outcome,
        item=item if operation is Operation.UPDATE else None,
    ),
    st.sampled_from([f"v{n}" for n in range(12)]),
    TIMES,
    REGION,
    st.sampled_from([Operation.PUT, Operation.UPDATE]),
    st.sampled_from(list(Outcome)),
    st.none() | st.just({"a": "v1", "b": "v2"}),
)
DELETES = st.builds(lambda n, at_s, region: deleted(f"d{n}", at_s, region=region), st.integers(0, 9), TIMES, REGION)
ITEMS = st.sampled_from([f"v{n}" for n in range(13)]) | st.none() | st.just({"a": "v1", "b": "v2"}) | st.just({})
READS = st.builds(
    lambda shown, at_s, region, consistent, client: saw(
        shown, at_s, region=region, consistent=consistent, client=client
    ),
    ITEMS,
    TIMES,
    REGION,
    st.booleans(),
    st.sampled_from([f"writer-{EU}", "other"]),
)
OPERATIONS = st.lists(WRITES | DELETES | READS | READS, max_size=14)


@settings(max_examples=8, deadline=None)
@given(st.lists(OPERATIONS, min_size=25, max_size=25))
def test_both_engines_find_the_same_in_any_operations_whatever(of_keys):
    """Histories that no table makes: whole seconds, so that many moments coincide; a hundred and more keys in all."""
    events = [msgspec.structs.replace(event, key=f"k{key}") for key, some in enumerate(of_keys) for event in some]
    history, rules = a_history(events), Rules(clock_uncertainty_s=1.0, settle_s=0.0)

    assert in_columns(history, rules) == judge_plainly(history, rules)


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

    assert judge_file(path, RULES) == judge_plainly(load_history(path).history, RULES)


def test_a_large_history_is_judged_in_columns(monkeypatch):
    history = simulate(seed=3, defect=Defect.STOPPED, operations=300)
    expected = judge_plainly(history, RULES)
    monkeypatch.setattr(engines, "LARGE", 100)
    monkeypatch.setattr(engines, "judge_plainly", lambda *_: pytest.fail("judged in plain Python"))

    assert judge_history(history, RULES) == expected
