"""Vantages of the user's own: what a file says, and how each mistake in it is told."""

from __future__ import annotations

import re

import pytest

from harness.errors import InvalidVantages
from harness.resolving import DnsWay, ServeStale, Transport
from harness.vantages import load_vantages
from harness.vantages.catalogue import city_vantages

WHOLE = """\
# Our offices.
[[vantage]]
name = "berlin office"
city = "Berlin"
latitude = 52.52
longitude = 13.40
client_subnet = "198.51.100.0/24"
rtt_ms = { eu-west-1 = 25, us-east-1 = 95.5 }
keeps_connection = true
connection_max_age_s = 90

[vantage.resolver]
address = "192.0.2.53:5353"
transport = "tcp"
ttl_min_s = 300
sends_subnet = false
caches = 4
stale = { keep_s = 172800 }

[[vantage]]
name = "tokyo by the api"
like = "tokyo"
resolver = { address = "test-dns-answer" }
"""


@pytest.fixture
def load(tmp_path):
    """What a file with this text loads to."""

    def load(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return load_vantages(path)

    return load


def entry(*lines, name="a"):
    return "\n".join(("[[vantage]]", f'name = "{name}"', *lines)) + "\n"


def test_everything_that_can_be_said_is_understood(load):
    berlin, _ = load(WHOLE)

    assert (berlin.name, berlin.city, berlin.place.latitude) == ("berlin office", "Berlin", 52.52)
    assert (berlin.client_subnet, berlin.rtt_ms) == ("198.51.100.0/24", {"eu-west-1": 25, "us-east-1": 95.5})
    assert (berlin.keeps_connection, berlin.connection_max_age_s) == (True, 90)
    resolver = berlin.resolver
    assert (resolver.way, resolver.address, resolver.transport) == (
        DnsWay.RECURSIVE,
        "192.0.2.53:5353",
        Transport.TCP,
    )
    assert (resolver.ttl_min_s, resolver.sends_subnet, resolver.caches) == (300, False, 4)
    assert resolver.stale == ServeStale(keep_s=172_800)


def test_one_like_a_vantage_of_the_catalogue_has_its_place_subnet_and_round_trips_and_says_so(load):
    _, tokyo = load(WHOLE)
    known = next(vantage for vantage in city_vantages() if vantage.name == "city:tokyo")

    assert (tokyo.place, tokyo.client_subnet, tokyo.rtt_ms) == (known.place, known.client_subnet, known.rtt_ms)
    assert tokyo.rtt_from.startswith("as from city:tokyo: WonderProxy")
    assert tokyo.resolver.way is DnsWay.TEST_DNS_ANSWER


PLACE = ("latitude = 1", "longitude = 2")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (entry(*PLACE, 'subnet = "10.0.0.0/8"'), 5, "unknown field `subnet`; the fields are name, like"),
        (entry(*PLACE, 'client_subnet = "10.0.0.1/8"'), 5, "client_subnet: 10.0.0.1/8 has host bits set"),
        (entry(*PLACE, 'client_subnet = "berlin"'), 5, "client_subnet: 'berlin' does not appear"),
        (entry(*PLACE, 'client_subnet = "0.0.0.0/0"'), 5, "client_subnet: 0.0.0.0/0 is everybody"),
        (entry(*PLACE) + "\n" + entry(*PLACE), 7, "name: another one before it has the same name"),
        (entry(*PLACE, name="city:tokyo"), 2, "name: the catalogue has one of that name"),
        (entry(*PLACE, name="a,b"), 2, "name: 1 to 80 characters"),
        (entry("latitude = 91", "longitude = 2"), 3, "latitude: 91 is not between"),
        (entry("latitude = 1", "longitude = 200"), 4, "longitude: 200 is not between"),
        (entry("latitude = 1"), 1, "longitude: must be said"),
        (entry('latitude = "x"', "longitude = 2"), 3, "Expected `float | null`, got `str`"),
        (entry('like = "atlantis"'), 3, "like: 'atlantis' is no vantage"),
        (entry(*PLACE, 'resolver = { address = "dns.google" }'), 5, "resolver: address 'dns.google' is not an address"),
        (entry(*PLACE, "[vantage.resolver]", "ttl_min = 5"), 6, "unknown field `ttl_min`; the fields are"),
        (entry(*PLACE, "[vantage.resolver]", "ttl_min_s = 60", "ttl_max_s = 5"), 7, "`ttl_max_s`: not below"),
        (entry(*PLACE, "[vantage.resolver]", "caches = 0"), 6, "`caches`: 1 to 64"),
        (entry(*PLACE, 'resolver = { transport = "quic" }'), 5, "Invalid enum value 'quic'"),
        (entry(*PLACE, "rtt_ms = { moon = 3 }"), 5, "rtt_ms: 'moon' is not a region name"),
        (entry(*PLACE, "rtt_ms = { eu-west-1 = -1 }"), 5, "rtt_ms: eu-west-1: -1 ms is no round trip"),
        (entry(*PLACE, "connection_max_age_s = 5"), 5, "connection_max_age_s: above 0, and only with"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(load, text, line, message):
    with pytest.raises(InvalidVantages, match=rf"mine\.toml, line {line}: vantage .*{re.escape(message)}"):
        load(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[vantage]\n", "line 1"),
        ("", "missing required field `vantage`"),
        ("vantage = []\n", "it has no [[vantage]]"),
        ("[[vantages]]\n", "it holds [[vantage]] tables and nothing else"),
    ],
)
def test_a_file_that_is_none_is_told(load, text, message):
    with pytest.raises(InvalidVantages, match=rf"mine\.toml.*{re.escape(message)}"):
        load(text)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InvalidVantages, match="No such file"):
        load_vantages(tmp_path / "nowhere.toml")
