"""A resolver's caches, in virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.models import resolver
from harness.models.resolver import ResolverCache
from harness.resolving import Behaviour, BeyondTtl, ServeStale

NAME = "api.example.com"
IRELAND = ("127.0.0.2",)
SYDNEY = ("127.0.0.3",)
STALE = Behaviour(stale=ServeStale(answer_ttl_s=30, keep_s=1000, recheck_s=30, client_timer_s=1.8))


def test_nothing_is_known_before_the_first_answer():
    assert ResolverCache().use(NAME, 0) is None


def test_an_answer_is_used_until_its_ttl_has_passed():
    """Received at 100 s with TTL 60: used at 159.9 s, asked again at 160 s."""
    cache = ResolverCache()
    cache.store(NAME, IRELAND, ttl_s=60, now_s=100)

    used = cache.use(NAME, 159.9)
    assert used is not None
    assert used.answer.value == IRELAND
    assert used.beyond_ttl is None
    assert cache.use(NAME, 160) is None


def test_an_answer_keeps_the_time_at_which_it_was_resolved_and_tells_what_is_left_of_its_ttl():
    cache = ResolverCache()
    cache.store(NAME, IRELAND, ttl_s=60, now_s=100)

    used = cache.use(NAME, 130)
    assert used is not None
    assert (used.answer.resolved_s, used.answer.ttl_s, used.ttl_left_s) == (100, 60, 30)


def test_a_newer_answer_replaces_the_older():
    cache = ResolverCache()
    cache.store(NAME, IRELAND, ttl_s=60, now_s=0)
    cache.store(NAME, SYDNEY, ttl_s=60, now_s=60)

    used = cache.use(NAME, 61)
    assert used is not None
    assert used.answer.value == SYDNEY


def test_names_do_not_share_answers():
    cache = ResolverCache()
    cache.store(NAME, IRELAND, ttl_s=60, now_s=0)

    assert cache.use("other.example.com", 1) is None


def test_a_ttl_of_zero_is_never_cached():
    cache = ResolverCache()
    cache.store(NAME, IRELAND, ttl_s=0, now_s=5)

    assert cache.use(NAME, 5) is None


def test_the_first_answer_of_a_warm_resolver_expires_early_and_later_ones_do_not():
    """A quarter of 60 s has passed already: the first expires after 45 s, the second after 60 s."""
    cache = ResolverCache(first_age=0.25)
    first = cache.store(NAME, IRELAND, ttl_s=60, now_s=0)
    second = cache.store(NAME, IRELAND, ttl_s=60, now_s=45)

    assert first.answer.expires_s == 45
    assert second.answer.expires_s == 105


@pytest.mark.parametrize("first_age", [-0.1, 1.0, float("nan")])
def test_a_first_age_outside_the_ttl_is_refused(first_age):
    with pytest.raises(ValueError, match="first_age"):
        ResolverCache(first_age=first_age)


def test_a_minimum_keeps_an_answer_beyond_its_ttl_and_says_so():
    """TTL 60 clamped to 300: still used at 299 s, from 60 s on as clamped, asked again at 300 s."""
    cache = ResolverCache(Behaviour(ttl_min_s=300))
    cache.store(NAME, IRELAND, ttl_s=60, now_s=0)

    within, beyond = cache.use(NAME, 59), cache.use(NAME, 299)
    assert within is not None
    assert within.beyond_ttl is None
    assert beyond is not None
    assert beyond.beyond_ttl is BeyondTtl.CLAMPED
    assert beyond.because == "the resolver keeps answers for at least 300 s"
    assert beyond.ttl_left_s == 1
    assert cache.use(NAME, 300) is None


def test_a_maximum_forgets_an_answer_before_its_ttl():
    cache = ResolverCache(Behaviour(ttl_max_s=10))
    cache.store(NAME, IRELAND, ttl_s=60, now_s=0)

    assert cache.use(NAME, 10) is None


def test_an_expired_answer_is_served_stale_when_the_refresh_fails():
    """Expired at 60 s; the refresh at 70 s fails: served with 30 s, and not tried again before 100 s."""
    cache = ResolverCache(STALE)
    cache.store(NAME, IRELAND, ttl_s=60, now_s=0)
    assert cache.use(NAME, 70) is None

    served = cache.failed(NAME, now_s=70, because="SERVFAIL")
    assert served is not None
    assert (served.answer.value, served.ttl_left_s) == (IRELAND, 30)
    assert (served.beyond_ttl, served.because) == (BeyondTtl.STALE, "SERVFAIL")
    again = cache.use(NAME, 99.9)
    assert again is not None
    assert (again.beyond_ttl, again.because) == (BeyondTtl.STALE, "SERVFAIL")
    assert cache.use(NAME, 100) is None


def test_a_stale_answer_is_given_up_after_its_keeping_time():
    """Expired at 60 s and kept for 1000 s: at 1060 s there is nothing left to serve."""
    cache = ResolverCache(STALE)
    cache.store(NAME, IRELAND, ttl_s=60, now_s=0)

    assert cache.failed(NAME, now_s=1059.9, because="x") is not None
    assert cache.use(NAME, 1060) is None
    assert cache.failed(NAME, now_s=1060, because="x") is None


def test_a_refresh_that_succeeds_ends_serving_stale():
    cache = ResolverCache(STALE)
    cache.store(NAME, IRELAND, ttl_s=60, now_s=0)
    cache.failed(NAME, now_s=70, because="x")

    cache.store(NAME, SYDNEY, ttl_s=10, now_s=75)

    used = cache.use(NAME, 80)
    assert used is not None
    assert (used.answer.value, used.beyond_ttl) == (SYDNEY, None)
    assert cache.use(NAME, 90) is None  # the failure at 70 s is forgotten: a refresh is due before 100 s


def test_without_rfc_8767_a_failed_refresh_leaves_nothing():
    cache = ResolverCache()
    cache.store(NAME, IRELAND, ttl_s=60, now_s=0)

    assert cache.failed(NAME, now_s=70, because="x") is None
    assert cache.use(NAME, 71) is None


def test_clients_wait_for_a_refresh_only_while_something_stale_can_be_had():
    cache = ResolverCache(STALE)
    assert cache.may_wait_s(NAME, 0) is None
    cache.store(NAME, IRELAND, ttl_s=60, now_s=0)

    assert cache.may_wait_s(NAME, 70) == 1.8
    assert cache.may_wait_s(NAME, 1060) is None
    assert ResolverCache().may_wait_s(NAME, 70) is None


def test_several_caches_answer_each_from_its_own_memory():
    """Cache 0 asked at 0 s, cache 1 at 40 s: at 70 s the first must ask again while the second still answers."""
    cache = ResolverCache(Behaviour(caches=2))
    cache.store(NAME, IRELAND, ttl_s=60, now_s=0, cache=0)
    cache.store(NAME, SYDNEY, ttl_s=60, now_s=40, cache=1)

    assert cache.use(NAME, 70, cache=0) is None
    used = cache.use(NAME, 70, cache=1)
    assert used is not None
    assert (used.answer.value, used.cache) == (SYDNEY, 1)


def test_which_cache_is_asked_is_seeded_and_reaches_all():
    picks = [ResolverCache(Behaviour(caches=3), seed=7).pick() for _ in range(2)]
    one = ResolverCache(Behaviour(caches=3), seed=7)

    assert picks[0] == picks[1]
    assert {one.pick() for _ in range(100)} == {0, 1, 2}


def test_a_resolver_that_changes_its_ways_keeps_what_it_has():
    """Stored for 60 s as an honest resolver; from then on answers are kept for 300 s, in two caches, then in one."""
    cache = ResolverCache()
    cache.store(NAME, IRELAND, ttl_s=60, now_s=0)
    cache.become(Behaviour(ttl_min_s=300, caches=2))

    assert cache.use(NAME, 59) is not None
    assert cache.use(NAME, 60) is None
    assert cache.store(NAME, SYDNEY, ttl_s=60, now_s=60, cache=1).ttl_left_s == 300
    cache.become(Behaviour())
    assert cache.use(NAME, 59) is not None
    assert cache.pick() == 0


def test_the_memory_has_a_bound(monkeypatch):
    monkeypatch.setattr(resolver, "MOST_NAMES", 2)
    cache = ResolverCache(STALE)
    for name in ("a", "b", "a", "c"):
        cache.store(name, IRELAND, ttl_s=60, now_s=0)

    assert [name for name in ("a", "b", "c") if cache.use(name, 1)] == ["a", "c"]


times = st.floats(0, 1e6)
behaviours = st.builds(
    lambda low, more, stale, caches: Behaviour(
        ttl_min_s=low, ttl_max_s=None if more is None else low + more, stale=stale, caches=caches
    ),
    st.floats(0, 600),
    st.none() | st.floats(0, 600),
    st.none() | st.builds(ServeStale, keep_s=st.floats(1, 1e5), recheck_s=st.floats(0, 300)),
    st.integers(1, 3),
)


@given(first_age=st.floats(0, 0.999), ttl_s=st.floats(0, 86_400), now_s=times, waited_s=st.floats(0, 200_000))
def test_no_answer_is_ever_used_for_longer_than_its_ttl(first_age, ttl_s, now_s, waited_s):
    cache = ResolverCache(first_age=first_age)
    cache.store(NAME, IRELAND, ttl_s=ttl_s, now_s=now_s)

    at_s = now_s + waited_s
    if cache.use(NAME, at_s) is not None:
        assert at_s <= now_s + ttl_s


@given(
    behaviour=behaviours,
    steps=st.lists(st.tuples(st.floats(0, 500), st.booleans(), st.integers(0, 2)), max_size=20),
    ttl_s=st.floats(0, 600),
)
def test_whatever_is_served_beyond_its_ttl_says_why_and_only_as_the_behaviour_allows(behaviour, steps, ttl_s):
    """Looks at any moments, refreshed or failing: within the TTL no reason is given, beyond it the true one."""
    cache, now_s = ResolverCache(behaviour), 0.0
    for waited_s, refreshed, which in steps:
        now_s += waited_s
        number = which % behaviour.caches
        used = cache.use(NAME, now_s, cache=number)
        if used is None:
            used = (
                cache.store(NAME, IRELAND, ttl_s=ttl_s, now_s=now_s, cache=number)
                if refreshed
                else cache.failed(NAME, now_s=now_s, because="down", cache=number)
            )
        if used is None:
            continue
        age_s = now_s - used.answer.resolved_s
        assert used.ttl_left_s >= 0
        if used.beyond_ttl is None:
            assert age_s < ttl_s or age_s == 0
        elif used.beyond_ttl is BeyondTtl.CLAMPED:
            assert ttl_s <= age_s < behaviour.ttl_min_s
        else:
            assert behaviour.stale is not None
            assert used.because == "down"
            assert now_s < used.answer.expires_s + behaviour.stale.keep_s
