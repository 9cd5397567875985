"""What is said of a resolver, as data."""

from __future__ import annotations

import msgspec
import pytest

from harness.resolving import Behaviour, DnsWay, Resolver, ServeStale


@pytest.mark.parametrize(
    ("behaviour", "ttl_s", "kept_s"),
    [
        (Behaviour(), 60, 60),
        (Behaviour(ttl_min_s=300), 60, 300),
        (Behaviour(ttl_min_s=300), 600, 600),
        (Behaviour(ttl_max_s=30), 60, 30),
        (Behaviour(ttl_max_s=0), 60, 0),
        (Behaviour(ttl_min_s=10, ttl_max_s=30), 5, 10),
    ],
)
def test_a_ttl_is_clamped_between_minimum_and_maximum(behaviour, ttl_s, kept_s):
    assert behaviour.kept_s(ttl_s) == kept_s


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"ttl_min_s": -1}, "ttl_min_s"),
        ({"ttl_min_s": 60, "ttl_max_s": 30}, "ttl_max_s"),
        ({"caches": 0}, "caches"),
        ({"caches": 65}, "caches"),
        ({"stale": {"keep_s": 0}}, "keep_s"),
        ({"stale": {"client_timer_s": 0}}, "client_timer_s"),
        ({"stale": {"recheck_s": -1}}, "below 0"),
        ({"min_ttl": 5}, "unknown field"),
        ({"stale": {"ttl": 5}}, "unknown field"),
    ],
)
def test_behaviour_that_cannot_be_is_refused_by_the_name_of_its_field(fields, rule):
    with pytest.raises(msgspec.ValidationError, match=rule):
        msgspec.convert(fields, Resolver)


@pytest.mark.parametrize(
    ("address", "way"),
    [
        ("authoritative", DnsWay.AUTHORITATIVE),
        ("system", DnsWay.SYSTEM),
        ("test-dns-answer", DnsWay.TEST_DNS_ANSWER),
        ("192.0.2.1:5353", DnsWay.RECURSIVE),
    ],
)
def test_the_address_says_which_way_is_taken(address, way):
    assert Resolver(address=address).way is way


def test_serving_stale_has_the_times_that_rfc_8767_recommends():
    assert (ServeStale().answer_ttl_s, ServeStale().recheck_s, ServeStale().client_timer_s) == (30, 30, 1.8)
    assert 86_400 <= ServeStale().keep_s <= 3 * 86_400
