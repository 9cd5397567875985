"""The DynamoDB global table: created by the main region's stack, known by its name in the others."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct


def create_global_table(
    scope: Construct, *, name: str, replica_regions: Sequence[str], retain: bool
) -> dynamodb.TableV2:
    """One AWS::DynamoDB::GlobalTable with the stack's own region and `replica_regions`.

    Not `Table(replication_regions=...)`: that adds replicas through Lambdas, a state machine and uploaded code.
    Regions added to the list later become replicas by a stack update, one region per deployment.
    """
    return dynamodb.TableV2(
        scope,
        "Table",
        table_name=name,
        partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
        billing=dynamodb.Billing.on_demand(),
        replicas=[dynamodb.ReplicaTableProps(region=region) for region in replica_regions],
        removal_policy=RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY,
    )


def replica_by_name(scope: Construct, name: str) -> dynamodb.ITableV2:
    """The replica in the stack's own region, which the main region's stack has made."""
    return dynamodb.TableV2.from_table_name(scope, "Table", name)
