from __future__ import annotations

import json
import socket
from collections import Counter
from importlib.resources import files
from ipaddress import IPv4Network

import pytest

from harness.errors import UnknownRegion
from harness.lab.dns.latency import MIXED, LatencyDatabase, place_of_region
from harness.vantages import city_vantages

REGIONS = json.loads((files("harness") / "data" / "aws_regions.json").read_text())["regions"]


def test_each_regions_own_network_asks_from_that_region(latency: LatencyDatabase):
    assert {name: latency.region_of(data["client_subnet"]) for name, data in REGIONS.items()} == {n: n for n in REGIONS}


def test_a_client_has_the_round_trips_of_its_region(latency: LatencyDatabase):
    client = latency.clients[latency.region_index(socket.inet_aton("3.252.0.1"))]

    assert min(client.rtt_ms, key=client.rtt_ms.__getitem__) == "eu-west-1"


def test_other_networks_are_spread_over_all_regions(latency: LatencyDatabase):
    """65,536 / 32 = 2,048 expected of each; EC2's own prefixes add a few, and few are cities'."""
    found = Counter(latency.by_16)

    assert min(found[index] for index in range(32)) > 1_700
    assert sum(number for index, number in found.items() if index >= 32) == len(city_vantages())


@pytest.mark.parametrize("vantage", city_vantages(), ids=lambda vantage: vantage.name)
def test_a_citys_users_have_the_round_trips_that_were_measured_there(latency: LatencyDatabase, vantage):
    client = latency.clients[latency.region_index(IPv4Network(vantage.client_subnet).network_address.packed)]

    assert client.rtt_ms == vantage.rtt_ms
    assert client.place.country is not None


def test_the_map_is_the_same_every_time_and_another_for_another_seed(latency: LatencyDatabase):
    assert LatencyDatabase.load().by_16 == latency.by_16
    assert LatencyDatabase.load(seed=1).by_16 != latency.by_16


def test_an_ipv6_network_has_one_region(latency: LatencyDatabase):
    assert latency.region_of("2001:db8:1::/48") == latency.region_of("2001:db8:2::1")


def test_a_moved_subnet_asks_from_elsewhere_and_its_neighbours_do_not(latency: LatencyDatabase):
    moved = latency.moved("3.252.7.0/24", "us-east-1")

    assert moved.region_of("3.252.7.9") == "us-east-1"
    assert moved.region_of("3.252.8.9") == "eu-west-1"
    assert moved.by_16[3 << 8 | 252] == MIXED
    assert latency.region_of("3.252.7.9") == "eu-west-1"


def test_the_longest_of_two_moved_subnets_counts(latency: LatencyDatabase):
    moved = latency.moved("3.252.7.0/24", "us-east-1").moved("3.252.0.0/15", "sa-east-1")

    assert moved.region_of("3.252.7.9") == "us-east-1"
    assert moved.region_of("3.253.7.9") == "sa-east-1"


def test_moving_a_subnet_to_an_unknown_region_names_it(latency: LatencyDatabase):
    with pytest.raises(UnknownRegion, match="eu-moon-1"):
        latency.moved("3.252.7.0/24", "eu-moon-1")


def test_every_region_has_a_country(latency: LatencyDatabase):
    assert [region for region in latency.regions if place_of_region(region).country is None] == []
