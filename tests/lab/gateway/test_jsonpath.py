from __future__ import annotations

import pytest

from harness.lab.gateway.jsonpath import MISSING, UnsupportedPath, find

DOCUMENT = {"a": {"b-c": [1, {"d": None}]}, "list": [{"n": 1}, {"x": 0}, {"n": 2}]}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", DOCUMENT),
        ("a.b-c[0]", 1),
        ("$.a['b-c'][-1].d", None),
        ('$["a"]["b-c"][0]', 1),
        ("$.list[*].n", [1, 2]),
        ("$.list.*.n", [1, 2]),
        ("$.a.nope", MISSING),
        ("$.list[3]", MISSING),
        ("$.a[0]", MISSING),
    ],
)
def test_finds_what_templates_ask_for(path, found):
    assert find(DOCUMENT, path) == found


def test_a_path_outside_the_subset_is_an_error_that_quotes_it():
    with pytest.raises(UnsupportedPath, match=r"\?\(@"):
        find(DOCUMENT, "$.list[?(@.n > 1)]")
