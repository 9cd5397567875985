"""The TTL cache, in virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.models.resolver import TtlCache

NAME = "api.example.com"
IRELAND = ("127.0.0.2",)
SYDNEY = ("127.0.0.3",)


def test_nothing_is_known_before_the_first_answer():
    assert TtlCache().fresh(NAME, 0) is None


def test_an_answer_is_used_until_its_ttl_has_passed():
    """Received at 100 s with TTL 60: used at 159.9 s, asked again at 160 s."""
    cache = TtlCache()
    cache.store(NAME, IRELAND, ttl_s=60, now_s=100)

    used = cache.fresh(NAME, 159.9)
    assert used is not None
    assert used.addresses == IRELAND
    assert cache.fresh(NAME, 160) is None


def test_an_answer_keeps_the_time_at_which_it_was_resolved():
    cache = TtlCache()
    cache.store(NAME, IRELAND, ttl_s=60, now_s=100)

    used = cache.fresh(NAME, 130)
    assert used is not None
    assert used.resolved_s == 100


def test_a_newer_answer_replaces_the_older():
    cache = TtlCache()
    cache.store(NAME, IRELAND, ttl_s=60, now_s=0)
    cache.store(NAME, SYDNEY, ttl_s=60, now_s=60)

    used = cache.fresh(NAME, 61)
    assert used is not None
    assert used.addresses == SYDNEY


def test_names_do_not_share_answers():
    cache = TtlCache()
    cache.store(NAME, IRELAND, ttl_s=60, now_s=0)

    assert cache.fresh("other.example.com", 1) is None


def test_a_ttl_of_zero_is_never_cached():
    cache = TtlCache()
    cache.store(NAME, IRELAND, ttl_s=0, now_s=5)

    assert cache.fresh(NAME, 5) is None


def test_the_first_answer_of_a_warm_resolver_expires_early_and_later_ones_do_not():
    """A quarter of 60 s has passed already: the first expires after 45 s, the second after 60 s."""
    cache = TtlCache(first_age=0.25)
    first = cache.store(NAME, IRELAND, ttl_s=60, now_s=0)
    second = cache.store(NAME, IRELAND, ttl_s=60, now_s=45)

    assert first.expires_s == 45
    assert second.expires_s == 105


@pytest.mark.parametrize("first_age", [-0.1, 1.0, float("nan")])
def test_a_first_age_outside_the_ttl_is_refused(first_age):
    with pytest.raises(ValueError, match="first_age"):
        TtlCache(first_age)


@given(
    first_age=st.floats(0, 0.999), ttl_s=st.floats(0, 86_400), now_s=st.floats(0, 1e6), waited_s=st.floats(0, 200_000)
)
def test_no_answer_is_ever_used_for_longer_than_its_ttl(first_age, ttl_s, now_s, waited_s):
    cache = TtlCache(first_age)
    cache.store(NAME, IRELAND, ttl_s=ttl_s, now_s=now_s)

    at_s = now_s + waited_s
    if cache.fresh(NAME, at_s) is not None:
        assert at_s <= now_s + ttl_s
