from __future__ import annotations

import pytest

from harness.lab.dns import HostedZone, ZoneSet, wire
from harness.lab.dns.zones import ZoneIndex, ZoneIndexes, text_name, wire_name
from harness.models.routing import Record


def index(*records: Record) -> ZoneIndex:
    return ZoneIndex(HostedZone(id="Z1", name="example.com.", records=records))


def test_names_are_absolute_and_lower_case_with_and_without_the_final_dot():
    assert wire_name("API.Example.com") == wire_name("api.example.com.") == b"\x03api\x07example\x03com\x00"


def test_a_name_comes_back_as_text_without_the_final_dot():
    assert text_name(wire_name("api.example.com.")) == "api.example.com"


def test_a_record_that_cannot_be_read_is_left_out_and_named():
    zone = index(Record(name="bad.example.com.", type="A", values=("not an address",)))

    assert zone.node(wire_name("bad.example.com")) is None
    assert [problem.startswith("A bad.example.com.: not answered, ") for problem in zone.problems] == [True]


def test_a_record_outside_its_zone_is_left_out_and_named():
    (problem,) = index(Record(name="a.example.net.", type="A", values=("192.0.2.1",))).problems

    assert problem == "A a.example.net.: not answered, it is outside its zone"


def test_an_soa_that_cannot_be_read_is_replaced_in_silence():
    """moto shows the SOA of a new zone as the repr of a dict."""
    zone = index(Record(name="example.com.", type="SOA", ttl_s=900, values=("{'Value': 'ns-2048...'}",)))

    assert (zone.problems, zone.negative.ttl_s) == ([], 900)


@pytest.mark.parametrize(("ttl_s", "minimum_s", "expected_s"), [(900, 86400, 900), (900, 60, 60)])
def test_the_negative_ttl_is_the_smaller_of_the_soas_ttl_and_its_minimum(ttl_s: int, minimum_s: int, expected_s: int):
    soa = f"ns.example.com. admin.example.com. 1 7200 900 1209600 {minimum_s}"

    assert index(Record(name="example.com.", type="SOA", ttl_s=ttl_s, values=(soa,))).negative.ttl_s == expected_s


def test_the_zone_with_the_longest_name_answers():
    indexes = ZoneIndexes(
        ZoneSet(zones=(HostedZone(id="parent", name="example.com."), HostedZone(id="child", name="dev.example.com.")))
    )

    found = [indexes.zone_of(wire_name(name)) for name in ("a.dev.example.com", "a.example.com", "com")]

    assert [zone and zone.id for zone in found] == ["child", "parent", None]


def test_of_two_zones_with_one_name_the_first_answers_and_the_other_is_named():
    indexes = ZoneIndexes(
        ZoneSet(zones=(HostedZone(id="Z1", name="example.com."), HostedZone(id="Z2", name="example.com.")))
    )

    assert indexes.problems == ["zone Z2: not answered, zone Z1 has its name"]
    assert indexes.zone_of(wire_name("example.com")) is indexes.by_id("Z1")


def test_names_without_a_final_dot_in_values_are_absolute():
    zone = index(Record(name="www.example.com.", type="CNAME", values=("api.example.com",)))

    (record,) = zone.group(wire_name("www.example.com"), wire.CNAME)
    assert zone.rdatas(record) == (wire_name("api.example.com"),)
