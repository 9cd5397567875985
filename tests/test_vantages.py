"""The catalogue of vantages."""

from __future__ import annotations

import ipaddress

import pytest

from harness.errors import UsageError
from harness.vantages import Place, Vantage, catalogue, choose, expected_order, summary

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")


def _vantage(rtt_ms):
    return Vantage(name="aws:test", place=Place(latitude=1.0, longitude=2.0), city="Test", rtt_ms=rtt_ms)


def _by_name(name):
    return choose([name])[0]


def test_there_are_32_vantages_with_names_of_their_own():
    assert len({vantage.name for vantage in catalogue()}) == len(catalogue()) == 32


def test_each_has_a_subnet_of_its_own_that_a_resolver_would_send():
    networks = [ipaddress.IPv4Network(vantage.client_subnet) for vantage in catalogue()]

    assert all(network.prefixlen == 24 for network in networks)
    assert len(set(networks)) == 32


def test_each_was_measured_to_every_region_of_the_catalogue():
    regions = {vantage.name.removeprefix("aws:") for vantage in catalogue()}

    assert all(set(vantage.rtt_ms) == regions for vantage in catalogue())


def test_each_is_nearest_to_its_own_region():
    for vantage in catalogue():
        assert expected_order(vantage, vantage.rtt_ms)[0] == vantage.name.removeprefix("aws:")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("eu-central-1", "eu-west-1"), ("ca-central-1", "us-east-1"), ("ap-southeast-4", "ap-southeast-2")],
)
def test_the_expected_order_starts_with_the_nearest(name, nearest):
    assert expected_order(_by_name(name), REGIONS)[0] == nearest


def test_the_expected_order_is_by_round_trip():
    assert expected_order(_vantage({"a": 3.0, "b": 1.0, "c": 2.0}), ["a", "b", "c"]) == ("b", "c", "a")


def test_nothing_is_expected_where_a_region_was_never_measured():
    assert expected_order(_vantage({"a": 1.0}), ["a", "b"]) == ()


def test_vantages_are_chosen_by_name_and_by_glob():
    assert [vantage.name for vantage in choose(["aws:eu-west-1"])] == ["aws:eu-west-1"]
    assert {vantage.name for vantage in choose(["us-*"])} == {
        f"aws:us-{r}" for r in ("east-1", "east-2", "west-1", "west-2")
    }
    assert choose() == catalogue()


def test_a_vantage_that_two_patterns_match_comes_once():
    assert len(choose(["eu-west-1", "eu-west-*"])) == 3


def test_a_limit_spreads_over_the_world():
    continents = {vantage.name.removeprefix("aws:")[:2] for vantage in choose(limit=8)}

    assert len(choose(limit=8)) == 8
    assert len(continents) >= 5


def test_an_unknown_vantage_is_named_with_what_there_is():
    with pytest.raises(UsageError, match=r"'eu-north-9'.*aws:eu-north-1"):
        choose(["us-east-1", "eu-north-9"])


def test_a_limit_of_none_at_all_is_refused():
    with pytest.raises(UsageError, match="limit 0"):
        choose(limit=0)


def test_a_summary_keeps_the_stacks_regions_only():
    kept = summary(_by_name("eu-central-1"), REGIONS)

    assert kept.expected_order[0] == "eu-west-1"
    assert set(kept.rtt_ms) == set(REGIONS)
    assert kept.client_subnet == "3.72.0.0/24"
