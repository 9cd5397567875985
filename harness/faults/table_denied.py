"""table-denied: the API of one region may not use its table, by a statement in the table's resource policy.

A gray failure: API Gateway answers, the shallow health route too, and each request that needs the table fails. DynamoDB
says AccessDeniedException with HTTP status 400, so an integration that maps every 400 to "bad input" hides it from
whoever counts 5xx. The statement names the API's role by aws:PrincipalArn, as AWS FIS names roles in the statements it
writes: that holds for sessions of the role too. It ends by itself (DateLessThan), and replication goes on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal

import msgspec

from harness.aws import aws_errors
from harness.errors import InvalidPlan, NotDeployed
from harness.faults.about import About, Confidence
from harness.faults.calls import Call
from harness.faults.policies import Policy, Statement, read_policy, remove_statements, write_policy
from harness.faults.values import RegionalFault, Values
from harness.probes.endpoint import request_in_region
from harness.stack import Stack
from harness.target import Target

SID = "HarnessTableDenied"
LONGEST_S = 12 * 3600.0

Operations = Literal["all", "reads", "writes"]

_READS = ("GetItem", "BatchGetItem", "Query", "Scan", "ConditionCheckItem", "PartiQLSelect")
_WRITES = (
    "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete",
)  # fmt: skip
_ACTIONS: dict[Operations, tuple[str, ...]] = {"all": (*_READS, *_WRITES), "reads": _READS, "writes": _WRITES}

NO_SUCH_ITEM = "/data/harness-table-denied"


class _Created(msgspec.Struct):
    pk: str = ""


class TableDenied(RegionalFault, frozen=True, kw_only=True, tag="table-denied"):
    """The roles by which the region's API uses its table are denied these operations, until rolled back or expired."""

    operations: Operations = "all"
    expires_after_s: float = 3600.0

    name: ClassVar[str] = "table-denied"
    about: ClassVar[About] = About(
        summary="the region's API may not use its table; a health route that does not ask the table stays green (gray)",
        iam_actions=(
            "apigateway:GET",
            "dynamodb:DescribeTable",
            "dynamodb:GetResourcePolicy",
            "dynamodb:PutResourcePolicy",
            "dynamodb:DeleteResourcePolicy",
            "dynamodb:DeleteItem",
        ),
        aws="a Deny in a table's resource policy overrides every Allow; DynamoDB answers 400 AccessDeniedException, "
        "and what users see of it is up to the integration's mapping",
        confidence=Confidence.DOCUMENTED,
        unknown="how soon a changed policy counts; AWS refuses to change it again for 15 s",
    )

    def __post_init__(self) -> None:
        if not 0 < self.expires_after_s <= LONGEST_S:
            raise InvalidPlan(
                f"table-denied expires_after_s {self.expires_after_s:g}: must be above 0 and at most {LONGEST_S:g}, so "
                "that it ends soon though nobody undoes it"
            )

    @property
    def ends_itself_after_s(self) -> float | None:
        return self.expires_after_s

    def describe(self) -> str:
        what = "" if self.operations == "all" else f" ({self.operations})"
        return f"{self.name}{what} in {self.region}"

    def resources(self, stack: Stack) -> tuple[str, ...]:
        return (f"dynamodb:{self.region}:{stack.in_region(self.region).table_name}/policy",)

    def snapshot(self, target: Target) -> Values:
        """The table's policy to the byte with its revision, the roles that will be denied, and when that expires."""
        arn = self._table_arn(target)
        policy = read_policy(target, self.region, arn)
        expires_at = target.new_clock().calendar() + timedelta(seconds=self.expires_after_s)
        return {
            "until": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "table_arn": arn,
            "table_policy": policy.text,
            "table_revision": policy.revision,
            "roles": " ".join(self._roles(target)),
        }

    def changes(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:  # noqa: ARG002
        policy = Policy(text=snapshot["table_policy"], revision=snapshot["table_revision"])
        denial = statement(snapshot["table_arn"], snapshot["roles"].split(), self.operations, snapshot["until"])
        return (write_policy(self.region, snapshot["table_arn"], policy.having([denial]), policy.revision),)

    def undoing(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:  # noqa: ARG002
        return (write_policy(self.region, snapshot["table_arn"], snapshot["table_policy"], None),)

    def prove(self, target: Target) -> str | None:
        """What the application answers over the custom domain; None while it answers as if the table did."""
        verb, status = self._ask(target)
        denied = status is not None and status >= 400 and status != 404
        return f"HTTP {status} to {verb} of the application in {self.region}" if denied else None

    def prove_removed(self, target: Target) -> bool:
        _verb, status = self._ask(target)
        return status is not None and (status < 400 or status == 404)

    def rollback(self, target: Target, snapshot: Values) -> None:
        """Removes our statement only; what others changed meanwhile stays."""
        remove_statements(target, self.region, snapshot["table_arn"], (SID,), snapshot["table_policy"])

    def is_rolled_back(self, target: Target, snapshot: Values) -> bool:
        return SID not in read_policy(target, self.region, snapshot["table_arn"]).sids()

    def is_gone(self, target: Target) -> bool:
        try:
            self._table_arn(target)
        except NotDeployed:
            return True
        return False

    def _table_arn(self, target: Target) -> str:
        table, client = target.stack.in_region(self.region).table_name, target.dynamodb(self.region)
        with aws_errors(f"describing table {table} in {self.region}"):
            try:
                return client.describe_table(TableName=table)["Table"]["TableArn"]
            except client.exceptions.ResourceNotFoundException as error:
                raise NotDeployed(f"table {table} does not exist in {self.region}: run `harness deploy`") from error

    def _roles(self, target: Target) -> list[str]:
        """Roles that the API's DynamoDB integrations take on."""
        api_id = target.stack.in_region(self.region).rest_api_id
        client = target.apigateway(self.region)
        with aws_errors(f"reading the integrations of REST API {api_id} in {self.region}"):
            try:
                pages = list(client.get_paginator("get_resources").paginate(restApiId=api_id, embed=["methods"]))
            except client.exceptions.NotFoundException as error:
                raise NotDeployed(f"REST API {api_id} does not exist in {self.region}: deploy or discover") from error
        integrations = [
            method.get("methodIntegration", {})
            for page in pages
            for resource in page["items"]
            for method in resource.get("resourceMethods", {}).values()
        ]
        roles = {
            integration["credentials"]
            for integration in integrations
            if ":dynamodb:" in integration.get("uri", "") and integration.get("credentials")
        }
        if not roles:
            raise NotDeployed(
                f"REST API {api_id} in {self.region} has no integration with DynamoDB that names a role: fault "
                "'table-denied' denies the table to those roles, as in infra/"
            )
        return sorted(roles)

    def _ask(self, target: Target) -> tuple[str, int | None]:
        """One request as a user makes it, which needs the table. What it writes, where it may, is removed again."""
        if self.operations != "writes":
            reply = request_in_region(target, self.region, "GET", NO_SUCH_ITEM)
            return "GET", reply[0] if reply else None
        reply = request_in_region(target, self.region, "POST", "/data", b'{"name": "harness canary"}')
        if reply and reply[0] == 200:
            self._remove(target, reply[1])
        return "POST", reply[0] if reply else None

    def _remove(self, target: Target, body: bytes) -> None:
        table, pk = target.stack.in_region(self.region).table_name, msgspec.json.decode(body, type=_Created).pk
        with aws_errors(f"deleting the canary {pk} from table {table} in {self.region}"):
            target.dynamodb(self.region).delete_item(TableName=table, Key={"pk": {"S": pk}})


def statement(arn: str, roles: list[str], operations: Operations, until: str) -> Statement:
    """The denial. `until` is RFC 3339, UTC."""
    return {
        "Sid": SID,
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": [f"dynamodb:{action}" for action in _ACTIONS[operations]],
        "Resource": [arn, f"{arn}/index/*"],
        "Condition": {"ArnEquals": {"aws:PrincipalArn": roles}, "DateLessThan": {"aws:CurrentTime": until}},
    }
