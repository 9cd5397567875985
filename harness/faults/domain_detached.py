"""domain-detached: in one region the custom domain no longer leads to the API, which its health check does not notice.

The base path mapping is deleted: API Gateway then answers 403 "Forbidden" to whoever comes by the custom domain, while
the API's own host, which the health check asks, goes on as before. Mappings need no redeploy (API Gateway Developer
Guide, "Redeploy a REST API").
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from harness.aws import aws_errors
from harness.errors import NotDeployed
from harness.faults.about import About, Confidence
from harness.faults.calls import Call, aws_call
from harness.faults.values import RegionalFault, Values
from harness.probes.endpoint import request_in_region
from harness.stack import Stack
from harness.target import Target

ROOT = "(none)"
"""What AWS calls the base path of a mapping without one."""


class _Mapping(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    restApiId: str  # noqa: N815  # as AWS has it
    stage: str = ""


class DomainDetached(RegionalFault, frozen=True, kw_only=True, tag="domain-detached"):
    """The custom domain's mapping to the region's API is gone until rolled back."""

    base_path: str = ROOT

    name: ClassVar[str] = "domain-detached"
    about: ClassVar[About] = About(
        summary="the custom domain answers 403 in the region; a health check on the API's own host stays green (gray)",
        iam_actions=("apigateway:GET", "apigateway:DELETE", "apigateway:POST"),
        aws="a request by a custom domain that matches no base path mapping is answered 403; the default endpoint "
        "does not depend on mappings",
        confidence=Confidence.DOCUMENTED,
        unknown="how soon a deleted or a new mapping takes effect; the body of the 403",
    )

    def resources(self, stack: Stack) -> tuple[str, ...]:
        return (f"apigateway:{self.region}:{stack.domain_name}/mappings/{self.base_path}",)

    def read(self, target: Target) -> Values:
        """{base path: the mapping as JSON}; empty when there is none. Raises NotDeployed without the domain."""
        client, domain_name = target.apigateway(self.region), target.stack.domain_name
        with aws_errors(f"reading the base path mappings of {domain_name} in {self.region}"):
            try:
                pages = list(client.get_paginator("get_base_path_mappings").paginate(domainName=domain_name))
            except client.exceptions.NotFoundException as error:
                raise NotDeployed(
                    f"custom domain {domain_name} does not exist in {self.region}: deploy or discover again"
                ) from error
        for page in pages:
            for shown in page.get("items", []):
                if shown.get("basePath", ROOT) == self.base_path:
                    mapping = _Mapping(restApiId=shown["restApiId"], stage=shown.get("stage", ""))
                    return {self.base_path: msgspec.json.encode(mapping).decode()}
        return {self.base_path: ""}

    def broken(self, snapshot: Values) -> Values:  # noqa: ARG002
        return {self.base_path: ""}

    def snapshot(self, target: Target) -> Values:
        """Raises NotDeployed when there is no such mapping, or when it is to another API than the stack's."""
        found, wanted = self.read(target), target.stack.in_region(self.region).rest_api_id
        text = found[self.base_path]
        if not text or msgspec.json.decode(text, type=_Mapping).restApiId != wanted:
            raise NotDeployed(
                f"base path {self.base_path!r} of custom domain {target.stack.domain_name} in {self.region} is "
                f"{f'mapped by {text}' if text else 'not mapped'}: fault 'domain-detached' takes away a mapping to "
                f"the stack's REST API {wanted}"
            )
        return found

    def changes(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:  # noqa: ARG002
        names = {"domainName": stack.domain_name, "basePath": self.base_path}
        return (aws_call("apigateway", self.region, "DeleteBasePathMapping", names),)

    def undoing(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:
        mapping: dict[str, str] = msgspec.json.decode(snapshot[self.base_path])
        names = {"domainName": stack.domain_name, "basePath": self.base_path}
        return (aws_call("apigateway", self.region, "CreateBasePathMapping", names | mapping),)

    def prove(self, target: Target) -> str | None:
        status = self._ask(target)
        return f"HTTP 403 from {target.stack.domain_name} in {self.region}" if status == 403 else None

    def prove_removed(self, target: Target) -> bool:
        status = self._ask(target)
        return status is not None and status != 403

    def _ask(self, target: Target) -> int | None:
        """The health route by the custom domain: it takes no rights and no data, so a 403 is the domain's."""
        base = "" if self.base_path == ROOT else f"/{self.base_path}"
        reply = request_in_region(target, self.region, "GET", f"{base}{target.stack.health_check_path}")
        return reply[0] if reply else None
