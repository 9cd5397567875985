"""AWS::IAM::Role and AWS::IAM::Policy (an inline policy of roles)."""

# Every type has the same three calls, whether or not it needs all of their arguments.
# ruff: noqa: ARG002

from __future__ import annotations

import json
import zlib
from typing import Any

from moto.iam.models import IAMBackend, iam_backends

from harness.lab.controlplane.cloudformation.errors import ResourceFailed
from harness.lab.controlplane.cloudformation.registry import Context, Made, Properties, ResourceType, cfn


def _backend(context: Context) -> Any:
    backend: IAMBackend = iam_backends[context.account_id]["aws"]
    return backend


def _document(policy: Any) -> str:
    return policy if isinstance(policy, str) else json.dumps(policy)


@cfn(
    "AWS::IAM::Role",
    properties="AssumeRolePolicyDocument Description ManagedPolicyArns MaxSessionDuration Path PermissionsBoundary"
    " Policies RoleName Tags",
    replaced_by="RoleName Path",
    attributes="Arn RoleId",
)
class Role(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("RoleName") or _generated_name(context)
        role = _backend(context).create_role(
            role_name=name,
            assume_role_policy_document=_document(properties["AssumeRolePolicyDocument"]),
            path=properties.get("Path", "/"),
            permissions_boundary=properties.get("PermissionsBoundary"),
            description=properties.get("Description", ""),
            tags=_tags(context, properties),
            max_session_duration=properties.get("MaxSessionDuration", 3600),
        )
        self._set_policies(context, name, {}, properties)
        return Made(physical_id=name, attributes={"Arn": role.arn, "RoleId": role.id})

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        role = _backend(context).get_role(made.physical_id)
        role.assume_role_policy_document = _document(new["AssumeRolePolicyDocument"])
        role.description = new.get("Description", "")
        role.max_session_duration = new.get("MaxSessionDuration", 3600)
        role.permissions_boundary_arn = new.get("PermissionsBoundary")
        role.tags = _tags(context, new)
        self._set_policies(context, made.physical_id, old, new)
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        self._set_policies(context, made.physical_id, properties, {})
        _backend(context).delete_role(made.physical_id)

    def _set_policies(self, context: Context, name: str, old: Properties, new: Properties) -> None:
        """Inline and managed policies of `old` are replaced by those of `new`; others (of AWS::IAM::Policy) stay."""
        backend = _backend(context)
        role = backend.get_role(name)
        for policy in old.get("Policies") or ():
            role.policies.pop(policy["PolicyName"], None)
        for policy in new.get("Policies") or ():
            backend.put_role_policy(name, policy["PolicyName"], _document(policy["PolicyDocument"]))
        for arn in old.get("ManagedPolicyArns") or ():
            backend.detach_role_policy(arn, name)
        for arn in new.get("ManagedPolicyArns") or ():
            backend.attach_role_policy(arn, name)


@cfn("AWS::IAM::Policy", properties="PolicyDocument PolicyName Roles", attributes="Id")
class Policy(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        if not properties.get("Roles"):
            raise ResourceFailed("At least one of [Groups,Roles,Users] must be non-empty. (the lab models Roles)")
        for role in properties["Roles"]:
            _backend(context).put_role_policy(role, properties["PolicyName"], _document(properties["PolicyDocument"]))
        name = f"{context.stack_name[:5]}-{context.logical_id[:4]}-{_suffix(context)}"
        return Made(physical_id=name, attributes={"Id": name})

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        self.create(context, new)
        gone = set(old["Roles"]) if old["PolicyName"] != new["PolicyName"] else set(old["Roles"]) - set(new["Roles"])
        self._remove(context, gone, old["PolicyName"])
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        self._remove(context, set(properties["Roles"]), properties["PolicyName"])

    def _remove(self, context: Context, roles: set[str], policy_name: str) -> None:
        backend = _backend(context)
        for role in roles & {role.name for role in backend.get_roles()}:
            backend.get_role(role).policies.pop(policy_name, None)


def _tags(context: Context, properties: Properties) -> list[dict[str, str]]:
    # IAM takes no aws: tags from callers; CloudFormation adds none to roles either.
    return [{"Key": k, "Value": v} for k, v in context.tags(properties).items() if not k.startswith("aws:")]


def _generated_name(context: Context) -> str:
    """Unique in the account although roles are global and the same stack may run in many regions."""
    return f"{context.stack_name[:24]}-{context.logical_id[:24]}-{_suffix(context)}"


def _suffix(context: Context) -> str:
    return f"{zlib.crc32(f'{context.stack_id}/{context.logical_id}'.encode()):08X}"
