"""GetResources of the tagging API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_a_stack_is_found_by_its_tag(
    client: Callable[..., Any], deploy: Callable[..., dict[str, Any]], template: dict[str, Any]
) -> None:
    stack = deploy(template)
    found = client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "team", "Values": ["edge"]}], ResourceTypeFilters=["cloudformation"]
    )["ResourceTagMappingList"]

    assert [each["ResourceARN"] for each in found] == [stack["StackId"]]


def test_stack_tags_reach_the_resources(
    client: Callable[..., Any], deploy: Callable[..., dict[str, Any]], template: dict[str, Any]
) -> None:
    deploy(template)
    found = client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "team"}])["ResourceTagMappingList"]
    services = {each["ResourceARN"].split(":")[2] for each in found}

    assert services == {"cloudformation", "apigateway", "acm"}
