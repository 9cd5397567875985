"""A table that is unfit for the workload is refused, and told by what it lacks."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from harness.errors import NotDeployed, NotOptedIn, TargetError
from harness.stack import OPT_IN_TAG
from harness.target import Target
from harness.workload.preflight import check_table

pytestmark = pytest.mark.lab

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def with_table(lab_target):
    """A table's name -> a target whose stack has it."""

    def make(name, regions=None):
        kept = [one for one in lab_target.stack.regions if regions is None or one.region in regions]
        found = tuple(msgspec.structs.replace(one, table_name=name) for one in kept)
        stack = msgspec.structs.replace(lab_target.stack, regions=found)
        target = Target(stack, lab_target.endpoints, name="test")
        target.aws = lab_target.aws
        return target

    return make


@pytest.fixture(scope="module")
def make_table(lab_target):
    """Makes a table in Virginia with replicas elsewhere; returns its name."""

    def make(*replicas, key="pk", key_type="S", opted_in="true"):
        name = f"preflight-{next(NUMBERS)}"
        client = lab_target.dynamodb(US)
        client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": key_type}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            Tags=[{"Key": OPT_IN_TAG, "Value": opted_in}],
        )
        for region in replicas:
            client.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": region}}])
        return name

    return make


def test_the_reference_stacks_table_is_fit(lab_target):
    check_table(lab_target)


def test_a_table_that_does_not_exist_is_not_deployed(with_table):
    with pytest.raises(NotDeployed, match="table nothing does not exist in us-east-1: add the replica"):
        check_table(with_table("nothing"))


def test_a_table_of_one_region_is_not_global(with_table, make_table):
    name = make_table()

    with pytest.raises(TargetError, match=f"table {name} in us-east-1 is not a global table"):
        check_table(with_table(name))


def test_a_missing_replica_is_named(with_table, make_table):
    name = make_table(EU)

    with pytest.raises(TargetError, match=f"table {name} in us-east-1 has no replica in ap-southeast-2"):
        check_table(with_table(name))


@pytest.mark.parametrize("key", [{"key": "id"}, {"key_type": "N"}])
def test_a_table_of_another_key_is_refused(with_table, make_table, key):
    name = make_table(EU, AP, **key)

    with pytest.raises(TargetError, match="the workload's items have the partition key 'pk' of type S"):
        check_table(with_table(name))


def test_a_table_that_is_not_opted_in_is_not_written_to(with_table, make_table):
    name = make_table(EU, AP, opted_in="false")

    with pytest.raises(NotOptedIn, match=f"table {name} in us-east-1 has tag {OPT_IN_TAG}='false'"):
        check_table(with_table(name))


def test_a_stack_of_one_region_has_nothing_to_replicate(with_table, make_table):
    with pytest.raises(TargetError, match="has one region: nothing replicates"):
        check_table(with_table(make_table(EU, AP), regions={US}))


def test_replicas_of_different_names_are_no_global_table(lab_target, with_table):
    stack = lab_target.stack
    regions = (msgspec.structs.replace(stack.regions[0], table_name="other"), *stack.regions[1:])
    target = Target(msgspec.structs.replace(stack, regions=regions), lab_target.endpoints, name="test")

    with pytest.raises(TargetError, match="names 2 tables"):
        check_table(target)
