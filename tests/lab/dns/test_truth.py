from __future__ import annotations

from harness.lab.dns import wire
from harness.lab.dns.answers import Service
from harness.lab.dns.truth import service_changes
from harness.lab.dns.zones import wire_name
from harness.lab.ports import Truth
from harness.models.routing import Record

RECORDS = tuple(
    Record(name="api.example.com", type="A", set_identifier=region, region=region, health_check_id=f"check-{region}")
    for region in ("ireland", "tokyo")
)


def service(*healthy: str) -> dict[tuple[str, bytes, int], Service]:
    records = frozenset(record for record in RECORDS if record.region in healthy)
    return {("Z1", wire_name("api.example.com"), wire.A): Service(records, RECORDS)}


def test_a_region_that_left_is_told_with_those_that_still_serve():
    (truth,) = service_changes(service("ireland", "tokyo"), service("tokyo"), at_s=7)

    assert truth == Truth(
        at_s=7,
        what="dns-changed",
        region="ireland",
        detail={
            "change": "left",
            "zone_id": "Z1",
            "name": "api.example.com",
            "type": "A",
            "set_identifier": "ireland",
            "health_check_id": "check-ireland",
            "serving": ["tokyo"],
            "fail_open": False,
        },
    )


def test_a_region_that_returned_is_told():
    (truth,) = service_changes(service("tokyo"), service("ireland", "tokyo"), at_s=7)

    assert (truth.region, truth.detail["change"]) == ("ireland", "returned")


def test_the_last_region_to_leave_leaves_everybody_serving():
    (truth,) = service_changes(service("tokyo"), service(), at_s=7)

    assert (truth.region, truth.detail["serving"], truth.detail["fail_open"]) == ("tokyo", ["ireland", "tokyo"], True)


def test_no_change_is_nothing_to_tell():
    assert list(service_changes(service("tokyo"), service("tokyo"), at_s=7)) == []


def test_a_name_that_is_new_is_no_change_of_routing():
    assert list(service_changes({}, service("tokyo"), at_s=7)) == []
