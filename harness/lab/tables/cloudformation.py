"""AWS::DynamoDB::GlobalTable for moto's CloudFormation: one resource, in one region's stack, owns all replicas."""

from __future__ import annotations

import sys
from typing import Any

from moto.core.common_models import CloudFormationModel
from moto.core.exceptions import ServiceException
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from harness.errors import UnknownRegion
from harness.lab.tables.control import STREAM, create_replica, table_id
from harness.lab.tables.replication import Replication
from harness.models.wan import rtt_ms
from harness.stack import RegionName

Properties = dict[str, Any]


class ValidationError(ServiceException):  # type: ignore[misc]
    code = "ValidationError"


class GlobalTableResource(CloudFormationModel):  # type: ignore[misc]
    """The deployed resource. moto finds the class because it is a direct subclass of CloudFormationModel."""

    replication: Replication | None = None
    """The lab's, while one is installed."""

    def __init__(self, name: str, account: str, region: RegionName) -> None:
        self.name = name
        self.account = account
        self.region = region

    @staticmethod
    def cloudformation_name_type() -> str:
        return "TableName"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::DynamoDB::GlobalTable"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in {"Arn", "StreamArn", "TableId"}

    @property
    def physical_resource_id(self) -> str:
        return self.name

    def get_cfn_attribute(self, attribute_name: str) -> str:
        table = dynamodb_backends[self.account][self.region].get_table(self.name)
        if attribute_name == "Arn":
            return str(table.table_arn)
        if attribute_name == "TableId":
            return table_id(table)
        if attribute_name == "StreamArn":
            return str(table.describe()["TableDescription"]["LatestStreamArn"])
        raise ValidationError(f"{self.name} has no attribute {attribute_name}")

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Properties, account_id: str, region_name: str, **_: Any
    ) -> GlobalTableResource:
        properties = cloudformation_json["Properties"]
        _check_replicas(resource_name, properties, region_name)
        for replica in properties["Replicas"]:
            if resource_name in dynamodb_backends[account_id][replica["Region"]].tables:
                raise ValidationError(f"{resource_name} already exists in {replica['Region']}")
        source = _create_first(resource_name, properties, account_id, region_name)
        replication = _installed(cls.replication)
        replication.members.make_global(source)
        _set_replicas(replication, source, properties)
        return cls(resource_name, account_id, region_name)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: GlobalTableResource,
        new_resource_name: str,
        cloudformation_json: Properties,
        account_id: str,
        region_name: str,
    ) -> GlobalTableResource:
        """Adds and removes replicas, and sets tags, TTL and protection. What AWS would replace is refused."""
        properties = cloudformation_json["Properties"]
        table = dynamodb_backends[account_id][region_name].get_table(original_resource.name)
        _check_replicas(table.name, properties, region_name)
        renamed = "TableName" in properties and new_resource_name != table.name
        if renamed or properties["KeySchema"] != table.schema:
            raise ValidationError(
                f"{table.name}: a new TableName or KeySchema means a new table; the lab replaces none, "
                "delete the stack and create it again",
            )
        _set_replicas(_installed(cls.replication), table, properties)
        return original_resource

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, _cloudformation_json: Properties, account_id: str, region_name: str
    ) -> None:
        cls(resource_name, account_id, region_name).delete(account_id, region_name)

    def delete(self, account_id: str, region_name: str) -> None:
        """Deletes the replicas in every region; the one in the stack's own region last."""
        global_table = _installed(self.replication).members.of(account_id, self.name)
        others = [region for region in global_table.regions if region != region_name] if global_table else []
        for region in (*others, region_name):
            backend = dynamodb_backends[account_id][region]
            if self.name in backend.tables:
                backend.delete_table(self.name)


def install_cloudformation(replication: Replication) -> None:
    GlobalTableResource.replication = replication
    # moto's own CloudFormation takes 1.5 s and 120 MB to import, and the lab has another one in its place: so it is
    # only told of this type when something else has imported it.
    parsing = sys.modules.get("moto.cloudformation.parsing")
    if parsing is not None:
        for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
            cached.cache_clear()


def uninstall_cloudformation() -> None:
    GlobalTableResource.replication = None


def _installed(replication: Replication | None) -> Replication:
    if replication is None:
        raise ValidationError("AWS::DynamoDB::GlobalTable: the lab's tables are not installed in this process")
    return replication


def _check_replicas(name: str, properties: Properties, region: RegionName) -> None:
    regions = [replica["Region"] for replica in properties.get("Replicas", [])]
    if region not in regions:
        raise ValidationError(f"{name}: Replicas ({', '.join(regions)}) must include the stack's region {region}")
    for named in regions:
        try:
            rtt_ms(region, named)
        except UnknownRegion as error:
            raise ValidationError(f"{name}: {error}") from error


def _create_first(name: str, properties: Properties, account: str, region: RegionName) -> Table:
    return dynamodb_backends[account][region].create_table(
        name,
        schema=properties["KeySchema"],
        attr=properties["AttributeDefinitions"],
        throughput=None,
        global_indexes=properties.get("GlobalSecondaryIndexes", []),
        indexes=properties.get("LocalSecondaryIndexes", []),
        streams=dict(STREAM),
        # CloudFormation's default is PROVISIONED; capacity is not modelled, so no numbers go with it.
        billing_mode=properties.get("BillingMode", "PROVISIONED"),
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )


def _set_replicas(replication: Replication, table: Table, properties: Properties) -> None:
    """Makes the replicas of `table` what the template says."""
    wanted = {replica["Region"]: replica for replica in properties["Replicas"]}
    global_table = replication.members.of_table(table) or replication.members.make_global(table)
    for region in wanted.keys() - set(global_table.regions):
        create_replica(replication, table, region)
    for region in set(global_table.regions) - wanted.keys():
        dynamodb_backends[table.account_id][region].delete_table(table.name)
    for region, replica in wanted.items():
        _set_options(dynamodb_backends[table.account_id][region].get_table(table.name), replica)
    ttl = properties.get("TimeToLiveSpecification")
    if ttl is not None:
        backend = dynamodb_backends[table.account_id][table.region_name]
        backend.update_time_to_live(table.name, {**ttl, "AttributeName": ttl.get("AttributeName", "")})


def _set_options(table: Table, replica: Properties) -> None:
    table.tags = list(replica.get("Tags", []))
    table.deletion_protection_enabled = _is_true(replica.get("DeletionProtectionEnabled"))
    recovery = replica.get("PointInTimeRecoverySpecification", {})
    dynamodb_backends[table.account_id][table.region_name].update_continuous_backups(
        table.name, {"PointInTimeRecoveryEnabled": _is_true(recovery.get("PointInTimeRecoveryEnabled"))}
    )


def _is_true(value: object) -> bool:
    """CloudFormation takes booleans as JSON or as text."""
    return str(value).lower() == "true"
