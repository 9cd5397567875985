"""Where a key stands in a TOML text, whatever its value looks like."""

from __future__ import annotations

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.gameday.positions import KeyPath, Position, key_positions, position_of

TEXT = '''\
title = "a # b"   # a comment = no key
goal = """
not = "a key"
[nor.a.table]
"""

[window]
freeze = [
  { first = 2026-12-15, why = "x, y" },
  { first = 2027-01-01 },
]
a.b = { c = 1, d = [1, [2, 3]] }

[[experiments]]
scenario = 'failover'
[experiments.parameters]
"hold s" = 1_000
[[experiments]]
scenario = "partition" # second
'''


def test_every_kind_of_key_is_found() -> None:
    found = key_positions(TEXT)

    assert found["title",] == Position(1, 1)
    assert found["window",] == Position(7, 1)
    assert found["window", "freeze"] == Position(8, 1)
    assert found["window", "freeze", 1] == Position(10, 3)
    assert found["window", "freeze", 1, "first"] == Position(10, 5)
    assert found["window", "a", "b", "d"] == Position(12, 16)
    assert found["window", "a", "b", "d", 1, 0] == Position(12, 25)
    assert found["experiments", 0, "parameters", "hold s"] == Position(17, 1)
    assert found["experiments", 1] == Position(18, 1)
    assert found["experiments", 1, "scenario"] == Position(19, 1)
    assert ("not",) not in found


def test_what_is_not_there_stands_where_what_is_around_it_does() -> None:
    found = key_positions(TEXT)

    assert position_of(("experiments", 1, "parameters", "region"), found) == Position(18, 1)
    assert position_of(("owner",), found) is None


KEYS = st.from_regex(r"\A[a-z]{1,4}\Z")
STRINGS = st.sampled_from(['"a, b] = {"', "'x = [1'", '"""\n[t]\nk = 1"""', "'''#'''", '"\\""'])
SCALARS = st.one_of(STRINGS, st.sampled_from(["1", "-1.5e3", "true", "2026-01-01T10:00:00Z", "0x1F"]))


def inline(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    tables = st.dictionaries(KEYS, values, max_size=3)
    return st.one_of(
        st.lists(values, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(values, max_size=3).map(lambda items: "[ # note\n" + "".join(f"  {item},\n" for item in items) + "]"),
        tables.map(lambda table: f"{{{', '.join(f'{key} = {value}' for key, value in table.items())}}}"),
    )


VALUES = st.recursive(SCALARS, inline, max_leaves=6)


@settings(max_examples=30, deadline=None)
@given(table=st.dictionaries(KEYS, VALUES, max_size=4), many=st.lists(st.dictionaries(KEYS, VALUES, max_size=3)))
def test_every_key_that_tomllib_reads_has_a_position(table: dict[str, str], many: list[dict[str, str]]) -> None:
    blocks = [("", table), *(("[[many-tables]]", one) for one in many)]
    text = "\n".join(f"{header}\n" + "".join(f"{k} = {v}\n" for k, v in one.items()) for header, one in blocks)

    found = key_positions(text)

    for path in paths_of(tomllib.loads(text)):
        assert path in found, text
        line = text.splitlines()[found[path].line - 1]
        key = path[-1]
        if isinstance(key, str) and key != "many-tables":
            assert line[found[path].column - 1 :].startswith(key)


def paths_of(value: object, prefix: KeyPath = ()) -> list[KeyPath]:
    """Every key and element below `value`."""
    inside: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [path for key, one in inside for path in ((*prefix, key), *paths_of(one, (*prefix, key)))]
