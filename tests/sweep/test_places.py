from __future__ import annotations

import pytest

from harness.sweep.places import Places, latency_class
from harness.sweep.subnets import parse_subnet
from harness.vantages import Place, Vantage

HOME = Vantage(
    name="aws:eu-west-1",
    place=Place(latitude=53, longitude=-6),
    city="Dublin",
    client_subnet="3.248.0.0/24",
    rtt_ms={"eu-west-1": 4.0},
)
OFFICE = Vantage(
    name="office", place=Place(latitude=0, longitude=0), city="", client_subnet="3.248.7.0/24", rtt_ms={"eu-west-1": 70}
)


@pytest.fixture(scope="module")
def places() -> Places:
    return Places([HOME, OFFICE])


@pytest.mark.parametrize(
    ("subnet", "vantage"),
    [
        ("3.248.0.0/24", "aws:eu-west-1"),
        ("3.249.9.0/24", "aws:eu-west-1"),  # in the region's EC2 prefix, 3.248.0.0/13
        ("3.248.7.0/24", "office"),  # the longer prefix
        ("3.248.7.128/25", "office"),
        ("3.240.0.0/12", None),  # wider than anything known: partly elsewhere
        ("9.9.9.0/24", None),
        ("13.244.0.0/24", None),  # in Cape Town's prefix, whose vantage is not among these
        ("2001:db8::/48", None),
    ],
)
def test_a_subnet_is_where_the_longest_known_network_around_it_is(places: Places, subnet: str, vantage: str | None):
    assert places.vantage_of(parse_subnet(subnet)) == vantage


def test_what_the_file_says_counts_first(places: Places):
    assert places.vantage_of(parse_subnet("3.248.0.0/24", "office")) == "office"


@pytest.mark.parametrize(
    ("vantage", "region", "expected"),
    [("office", "eu-west-1", 70), ("office", "us-east-1", None), (None, "eu-west-1", None), ("office", None, None)],
)
def test_a_round_trip_is_known_where_it_was_measured(
    places: Places, vantage: str | None, region: str | None, expected: float | None
):
    assert places.rtt_ms(vantage, region) == expected


@pytest.mark.parametrize(
    ("rtt_ms", "expected"),
    [(None, None), (4, "near"), (50, "near"), (51, "fair"), (100, "fair"), (200, "far"), (201, "remote")],
)
def test_a_latency_class_has_its_upper_bound_in_it(rtt_ms: float | None, expected: str | None):
    assert latency_class(rtt_ms) == expected
