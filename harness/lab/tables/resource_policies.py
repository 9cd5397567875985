"""Put, get and delete of resource policies as AWS does them, for tables and for their streams."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from moto.dynamodb.exceptions import (
    MockValidationException,
    PolicyNotFoundException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import ResourcePolicy
from moto.dynamodb.responses import DynamoHandler, DynamoResult

from harness.lab.tables.authorization import stream_arn
from harness.lab.tables.patches import Function, Patches
from harness.lab.tables.policies import InvalidPolicy, parse_policy
from harness.lab.tables.replication import Replication

NO_POLICY = "NO_POLICY"
LARGEST_POLICY_BYTES = 20 * 1024
_ARN = re.compile(r"arn:[^:]+:dynamodb:([^:]+):(\d{12}):table/([^/]+)(/stream/[^/]+)?")


def install_resource_policies(patches: Patches, replication: Replication) -> ResourcePolicies:
    policies = ResourcePolicies(replication)
    patches.set(DynamoDBBackend, "put_resource_policy", policies.put)
    patches.set(DynamoDBBackend, "get_resource_policy", policies.get)
    patches.set(DynamoDBBackend, "delete_resource_policy", policies.delete)
    patches.wrap(DynamoHandler, "delete_resource_policy", _answers_revision)
    return policies


class ResourcePolicies:
    """What was put is in force at once, where AWS takes some seconds.

    AWS refuses a change of a resource's policy for 15 s after the one before. It does not publish with which error:
    ResourceInUseException is ours ("You tried to update a resource that was already being updated").
    """

    def __init__(self, replication: Replication) -> None:
        self._replication = replication
        self._revisions = itertools.count(1)
        self._changed_s: dict[str, float] = {}

    @property
    def put(self) -> Function:
        def put_resource_policy(
            backend: DynamoDBBackend, resource_arn: str, policy_doc: str, expected_revision_id: str | None
        ) -> ResourcePolicy:
            _require_resource(backend, resource_arn)
            _require_valid(policy_doc)
            current = backend.resource_policies.get(resource_arn)
            _require_expected(resource_arn, current, expected_revision_id)
            if current is not None and current.policy_doc == policy_doc:
                return current
            self._begin_change(resource_arn)
            return self._store(backend, resource_arn, policy_doc)

        return put_resource_policy

    @property
    def get(self) -> Function:
        def get_resource_policy(backend: DynamoDBBackend, resource_arn: str) -> ResourcePolicy:
            _require_resource(backend, resource_arn)
            policy = backend.resource_policies.get(resource_arn)
            if policy is None:
                raise PolicyNotFoundException(
                    f"Resource-based policy not found for the provided ResourceArn: {resource_arn}"
                )
            return policy

        return get_resource_policy

    @property
    def delete(self) -> Function:
        """Its result is the revision that was deleted; none when there was no policy, which is no error."""

        def delete_resource_policy(
            backend: DynamoDBBackend, resource_arn: str, expected_revision_id: str | None
        ) -> str | None:
            _require_resource(backend, resource_arn)
            current = backend.resource_policies.get(resource_arn)
            _require_expected(resource_arn, current, expected_revision_id)
            if current is None:
                return None
            self._begin_change(resource_arn)
            self._drop(backend, resource_arn)
            return str(current.revision_id)

        return delete_resource_policy

    def write_unblocked(self, backend: DynamoDBBackend, resource_arn: str, policy_doc: str) -> None:
        """As an AWS service of its own accord; an empty document: no policy.

        How a service gets past a change that is less than 15 s old is not published: it does so at once here, and the
        15 s begin anew for everybody else.
        """
        if policy_doc:
            self._store(backend, resource_arn, policy_doc)
        else:
            self._drop(backend, resource_arn)
        self._changed_s[resource_arn] = self._replication.clock.now_s()

    def _store(self, backend: DynamoDBBackend, resource_arn: str, policy_doc: str) -> ResourcePolicy:
        policy = ResourcePolicy(resource_arn, policy_doc)
        # moto's are milliseconds: two changes within one would not be told apart.
        policy.revision_id = f"{policy.revision_id}{next(self._revisions):06}"
        backend.resource_policies[resource_arn] = policy
        self._replication.gates_changed()
        return policy

    def _drop(self, backend: DynamoDBBackend, resource_arn: str) -> None:
        del backend.resource_policies[resource_arn]
        self._replication.gates_changed()

    def _begin_change(self, resource_arn: str) -> None:
        now_s = self._replication.clock.now_s()
        blocked_s = self._replication.parameters.policy_change_blocked_s
        passed_s = now_s - self._changed_s.get(resource_arn, float("-inf"))
        if passed_s < blocked_s:
            raise ResourceInUseException(
                f"The resource-based policy of {resource_arn} was changed {passed_s:.1f} s ago: further changes are "
                f"blocked for {blocked_s:g} s after a successful one; try again in {blocked_s - passed_s:.1f} s"
            )
        self._changed_s[resource_arn] = now_s


def _require_resource(backend: DynamoDBBackend, resource_arn: str) -> None:
    """Raises AWS's errors unless the ARN is that of a table of this region, or of its present stream."""
    match = _ARN.fullmatch(resource_arn)
    if match is None:
        raise MockValidationException(f"Invalid ResourceArn: {resource_arn} is not the ARN of a table or a stream")
    region, account, name, stream = match.groups()
    table = backend.tables.get(name)
    if table is None or (region, account) != (backend.region_name, backend.account_id):
        raise ResourceNotFoundException(table_name=name)
    if stream and resource_arn != stream_arn(table):
        raise ResourceNotFoundException(f"Requested resource not found: Stream: {resource_arn} not found")


def _require_valid(policy_doc: str) -> None:
    if len(policy_doc.encode()) > LARGEST_POLICY_BYTES:
        raise MockValidationException(
            f"Invalid policy document: {len(policy_doc.encode())} bytes, more than the {LARGEST_POLICY_BYTES} allowed"
        )
    try:
        parse_policy(policy_doc)
    except InvalidPolicy as error:
        raise MockValidationException(f"Invalid policy document: {error}") from error


def _require_expected(resource_arn: str, current: ResourcePolicy | None, expected: str | None) -> None:
    present = current.revision_id if current is not None else NO_POLICY
    if expected is not None and expected != present:
        raise PolicyNotFoundException(
            f"Resource-based policy not found for the provided ResourceArn: expected revision {expected}, but "
            f"{resource_arn} has {present}"
        )


def _answers_revision(_original: Function) -> Callable[[DynamoHandler], DynamoResult]:
    """moto's handler drops it."""

    def delete_resource_policy(handler: DynamoHandler) -> DynamoResult:
        revision = handler.dynamodb_backend.delete_resource_policy(
            resource_arn=handler.body.get("ResourceArn"),
            expected_revision_id=handler.body.get("ExpectedRevisionId"),
        )
        return DynamoResult({"RevisionId": revision} if revision else {})

    return delete_resource_policy
