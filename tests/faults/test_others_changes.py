"""Somebody else changes the same thing while a fault is in force: what they did stays, and we are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from builders import EU, US
from fault_looks import read_back

from harness.errors import InvalidPlan, NeedsLevers, RollbackFailed, TargetError
from harness.faults.blast_radius import BlastRadius
from harness.faults.calls import carry_out
from harness.faults.capacity_capped import CapacityCapped
from harness.faults.fault import inject
from harness.faults.health_check_inverted import HealthCheckInverted
from harness.faults.health_check_repointed import HealthCheckRepointed
from harness.faults.journal import Journal
from harness.faults.record_removed import RecordRemoved
from harness.faults.record_weighted import RecordWeighted
from harness.faults.records import change_records, leads_to, read_records
from harness.faults.region_outage import RegionOutage
from harness.faults.wan_delayed import WanDelayed
from harness.recorder import Recorder
from harness.target import Target

pytestmark = pytest.mark.lab


def config(target: Target) -> dict[str, Any]:
    check_id = target.stack.in_region(EU).health_check_id
    return dict(target.route53().get_health_check(HealthCheckId=check_id)["HealthCheck"]["HealthCheckConfig"])


def update_check(target: Target, **fields: Any) -> None:
    target.route53().update_health_check(HealthCheckId=target.stack.in_region(EU).health_check_id, **fields)


def set_weight(target: Target, weight: int) -> None:
    """Of the record that has none."""
    (ours,) = [record for record in read_records(target) if record["Weight"] == 0]
    carry_out([change_records(target.stack, [("UPSERT", {**ours, "Weight": weight})])], target)


@pytest.fixture(autouse=True)
def nothing_is_left(lab_target: Target) -> Iterator[None]:
    before = read_back(lab_target)
    yield
    assert read_back(lab_target) == before


def test_another_field_of_the_health_check_is_theirs_and_stays(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    threshold = config(lab_target)["FailureThreshold"]
    with inject(HealthCheckInverted(region=EU), lab_target, recorder, journal):
        update_check(lab_target, FailureThreshold=threshold + 1)

    assert (config(lab_target)["Inverted"], config(lab_target)["FailureThreshold"]) == (False, threshold + 1)
    update_check(lab_target, FailureThreshold=threshold)


def test_who_put_it_right_before_us_is_thanked_in_silence(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    with inject(HealthCheckInverted(region=EU), lab_target, recorder, journal):
        update_check(lab_target, Inverted=False)

    assert journal.open_entries() == []


def test_a_path_that_somebody_else_set_stays_and_the_command_is_told(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    path = config(lab_target)["ResourcePath"]
    with (
        pytest.raises(RollbackFailed, match=r"is '/theirs': neither '/harness-no-such-path'.*--resource-path"),
        inject(HealthCheckRepointed(region=EU), lab_target, recorder, journal),
    ):
        update_check(lab_target, ResourcePath="/theirs")

    assert config(lab_target)["ResourcePath"] == "/theirs"
    assert len(journal.open_entries()) == 1
    update_check(lab_target, ResourcePath=path)


def test_a_change_between_our_look_and_our_call_is_not_overwritten(lab_target: Target) -> None:
    """Route 53 compares the version that we saw; API Gateway has no such thing."""
    fault = HealthCheckInverted(region=EU)
    snapshot = fault.snapshot(lab_target)
    threshold = config(lab_target)["FailureThreshold"]
    update_check(lab_target, FailureThreshold=threshold + 1)

    with pytest.raises(TargetError, match="HealthCheckVersionMismatch"):
        carry_out(fault.changes(lab_target.stack, snapshot), lab_target)

    assert config(lab_target)["Inverted"] is False
    update_check(lab_target, FailureThreshold=threshold)


def test_a_record_that_somebody_made_in_place_of_the_removed_one_stays(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    (record,) = [record for record in read_records(lab_target) if leads_to(record, EU)]
    theirs = {**{key: value for key, value in record.items() if key != "AliasTarget"}, "TTL": 60}
    theirs["ResourceRecords"] = [{"Value": "192.0.2.1"}]
    stack = lab_target.stack
    with (
        pytest.raises(RollbackFailed, match=r"192\.0\.2\.1.*Somebody changed it meanwhile"),
        inject(RecordRemoved(region=EU), lab_target, recorder, journal),
    ):
        carry_out([change_records(stack, [("CREATE", theirs)])], lab_target)

    assert [one["ResourceRecords"] for one in read_records(lab_target) if leads_to(one, EU)] == [
        [{"Value": "192.0.2.1"}]
    ]
    carry_out([change_records(stack, [("DELETE", theirs), ("CREATE", record)])], lab_target)


def test_a_weight_that_somebody_else_set_stays(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    before = read_records(lab_target)
    stack = lab_target.stack
    with (
        pytest.raises(RollbackFailed, match=r'"Weight":7.*Somebody changed it meanwhile'),
        inject(RecordWeighted(region=EU), lab_target, recorder, journal),
    ):
        set_weight(lab_target, 7)

    now = read_records(lab_target)
    assert sorted(record["Weight"] for record in now) == [7, 100, 100]
    batch = [("DELETE", record) for record in now] + [("CREATE", record) for record in before]
    carry_out([change_records(stack, batch)], lab_target)


def test_a_maximum_that_somebody_else_set_stays(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    region = lab_target.stack.main_region
    table = lab_target.stack.in_region(region).table_name

    def cap(units: int) -> None:
        lab_target.dynamodb(region).update_table(TableName=table, OnDemandThroughput={"MaxWriteRequestUnits": units})

    fault = CapacityCapped(regions=lab_target.stack.region_names)
    everywhere = BlastRadius(every_region_of=lab_target.stack.name)
    with (
        pytest.raises(RollbackFailed, match=r"is '500': neither '1'.*aws dynamodb update-table"),
        inject(fault, lab_target, recorder, journal, blast_radius=everywhere),
    ):
        cap(500)

    assert fault.read(lab_target) == {"MaxWriteRequestUnits": "500"}
    cap(-1)


def test_a_maximum_of_one_region_alone_is_refused(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    with (
        pytest.raises(InvalidPlan, match="one for all replicas of the table, so all regions of the stack must be"),
        inject(CapacityCapped(regions=(EU,)), lab_target, recorder, journal),
    ):
        pytest.fail("the fault was let in")


def test_a_lever_that_somebody_else_turned_stays(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    levers = lab_target.levers()
    with (
        pytest.raises(RollbackFailed, match=r"99.*Somebody changed it meanwhile.*curl -X DELETE"),
        inject(WanDelayed(region=EU, other=US), lab_target, recorder, journal),
    ):
        levers.turn("PUT", f"delay/{EU}/{US}", b'{"median_s": 99}')

    assert b"99" in (levers.read(f"delay/{EU}/{US}") or b"")
    for path in (f"delay/{EU}/{US}", f"delay/{US}/{EU}"):
        levers.turn("DELETE", path)


def test_a_target_without_levers_refuses_what_only_a_lab_can_do(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    endpoints = msgspec.structs.replace(lab_target.endpoints, levers_url=None)
    without = Target(lab_target.stack, endpoints, name="aws")
    with (
        pytest.raises(NeedsLevers, match=r"fault 'region-outage in eu-west-1' needs levers that only a lab has"),
        inject(RegionOutage(region=EU), without, recorder, journal),
    ):
        pytest.fail("the fault was let in")

    assert journal.open_entries() == []
