"""Resource Groups Tagging API, GetResources only: stacks, REST APIs, stages, domain names, certificates and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moto.core.responses import ActionResult, BaseResponse
from moto.dynamodb.models import dynamodb_backends

from harness.lab.controlplane.cloudformation.api import LabCloudFormation
from harness.lab.controlplane.services import acm
from harness.lab.controlplane.services import apigateway_state as apigateway
from harness.lab.controlplane.services.account import ACCOUNT_ID
from harness.stack import RegionName

Tagged = tuple[str, str, Mapping[str, str]]
"""Resource type ("cloudformation:stack"), ARN, tags."""


class LabTagging(BaseResponse):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(service_name="resourcegroupstaggingapi")
        self.automated_parameter_parsing = True

    def get_resources(self) -> ActionResult:
        types = self._get_param("ResourceTypeFilters", [])
        filters = self._get_param("TagFilters", [])
        mappings = [
            {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            for kind, arn, tags in _tagged(self.region)
            if tags and _has_type(kind, types) and all(_matches(tags, wanted) for wanted in filters)
        ]
        return ActionResult({"PaginationToken": "", "ResourceTagMappingList": mappings})


def _has_type(kind: str, wanted: list[str]) -> bool:
    return not wanted or any(kind == each or kind.startswith(f"{each}:") for each in wanted)


def _matches(tags: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    values = wanted.get("Values") or []
    return wanted["Key"] in tags and (not values or tags[wanted["Key"]] in values)


def _tagged(region: RegionName) -> Iterator[Tagged]:
    for record in LabCloudFormation.regions.stacks(region):
        yield "cloudformation:stack", record.stack_id, record.submission.tags if record.submission else {}
    prefix = f"arn:aws:apigateway:{region}::"
    for api in apigateway.backend(region).apis.values():
        yield "apigateway:restapis", f"{prefix}/restapis/{api.id}", api.tags or {}
        for stage in api.stages.values():
            yield "apigateway:stages", f"{prefix}/restapis/{api.id}/stages/{stage.name}", stage.tags or {}
    for domain in apigateway.backend(region).domain_names.values():
        yield "apigateway:domainnames", f"{prefix}/domainnames/{domain.domain_name}", domain.tags or {}
    for certificate in acm.backend(region).list_certificates([], {}):
        yield "acm:certificate", certificate.arn, certificate.tags
    for table in dynamodb_backends[ACCOUNT_ID][region].tables.values():
        yield "dynamodb:table", table.table_arn, {tag["Key"]: tag["Value"] for tag in table.tags or []}
