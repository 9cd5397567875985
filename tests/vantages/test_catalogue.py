"""The catalogue of vantages, and what is known of each."""

from __future__ import annotations

import ipaddress

import msgspec
import pytest

from harness.resolving import Resolver
from harness.vantages import Place, Vantage, catalogue, city_vantages, expected_order, region_vantages, summary

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")


def _vantage(rtt_ms):
    return Vantage(name="aws:test", place=Place(latitude=1.0, longitude=2.0), city="Test", rtt_ms=rtt_ms)


def _by_name(name):
    return next(vantage for vantage in catalogue() if vantage.name == name)


def test_there_are_32_regions_and_43_cities_with_names_of_their_own():
    assert (len(region_vantages()), len(city_vantages())) == (32, 43)
    assert len({vantage.name for vantage in catalogue()}) == 75


def test_each_has_a_subnet_of_its_own_that_a_resolver_would_send():
    networks = [ipaddress.IPv4Network(vantage.client_subnet) for vantage in catalogue()]

    assert all(network.prefixlen == 24 for network in networks)
    assert all(network.is_global for network in networks)
    assert len(set(networks)) == 75


def test_each_is_somewhere_on_earth_and_says_where_its_round_trips_come_from():
    for vantage in catalogue():
        assert -90 < vantage.place.latitude < 90
        assert -180 < vantage.place.longitude < 180
        assert vantage.rtt_from
        assert vantage.areas


def test_each_region_was_measured_to_every_other():
    regions = {vantage.name.removeprefix("aws:") for vantage in region_vantages()}

    assert all(set(vantage.rtt_ms) == regions for vantage in region_vantages())


def test_each_region_is_nearest_to_itself():
    for vantage in region_vantages():
        assert expected_order(vantage, vantage.rtt_ms)[0] == vantage.name.removeprefix("aws:")


def test_each_city_was_measured_to_ten_regions():
    assert all(len(vantage.rtt_ms) == 10 for vantage in city_vantages())


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("aws:eu-central-1", "eu-west-1"),
        ("aws:ca-central-1", "us-east-1"),
        ("aws:ap-southeast-4", "ap-southeast-2"),
        ("city:tokyo", "ap-southeast-2"),
        ("city:lagos", "eu-west-1"),
        ("city:bogota", "us-east-1"),
        ("city:sydney", "ap-southeast-2"),
    ],
)
def test_the_expected_order_starts_with_the_nearest(name, nearest):
    assert expected_order(_by_name(name), REGIONS)[0] == nearest


@pytest.mark.parametrize(("city", "region"), [("city:tokyo", "ap-northeast-1"), ("city:sydney", "ap-southeast-2")])
def test_the_same_city_is_three_milliseconds_away(city, region):
    """The data have 0 for it, and nothing at all for Sydney."""
    assert _by_name(city).rtt_ms[region] == 3.0


def test_the_expected_order_is_by_round_trip():
    assert expected_order(_vantage({"a": 3.0, "b": 1.0, "c": 2.0}), ["a", "b", "c"]) == ("b", "c", "a")


def test_nothing_is_expected_where_a_region_was_never_measured():
    assert expected_order(_vantage({"a": 1.0}), ["a", "b"]) == ()


def test_a_summary_keeps_the_stacks_regions_only():
    kept = summary(_by_name("aws:eu-central-1"), REGIONS)

    assert kept.expected_order[0] == "eu-west-1"
    assert set(kept.rtt_ms) == set(REGIONS)
    assert kept.client_subnet == "3.72.0.0/24"
    assert (kept.city, kept.rtt_from[:10]) == ("Frankfurt", "cloudping.")


def test_a_summary_keeps_how_the_users_resolve_and_connect():
    resolver = Resolver(address="192.0.2.1", ttl_min_s=300)
    vantage = msgspec.structs.replace(
        _by_name("city:tokyo"), resolver=resolver, keeps_connection=True, connection_max_age_s=60
    )

    kept = summary(vantage, REGIONS)

    assert (kept.resolver, kept.keeps_connection, kept.connection_max_age_s) == (resolver, True, 60)
