"""Looks at a stack on which faults are tried: all that they may change, and what comes true a little later."""

from __future__ import annotations

import json
from collections.abc import Callable

from harness.faults.policies import read_policy
from harness.faults.records import read_records
from harness.target import Target


def eventually(target: Target, holds: Callable[[], bool], within_s: float = 120.0) -> bool:
    """Whether it comes to hold within two minutes of the target's: what is changed is served a little later."""
    clock = target.new_clock()
    while not holds():
        if clock.now_s() > within_s:
            return False
        clock.sleep_until_s(clock.now_s() + 1.0)
    return True


def read_back(target: Target) -> dict[str, str]:
    """Everything of a stack that any fault may change, read back from the target, to the byte."""
    found = {"records": _text(read_records(target)), "levers": (target.levers().read("") or b"").decode()}
    for regional in target.stack.regions:
        region = regional.region
        gateway, tables = target.apigateway(region), target.dynamodb(region)
        stage = gateway.get_stage(restApiId=regional.rest_api_id, stageName=regional.stage)
        check = target.route53().get_health_check(HealthCheckId=regional.health_check_id)["HealthCheck"]
        table = tables.describe_table(TableName=regional.table_name)["Table"]
        api = gateway.get_rest_api(restApiId=regional.rest_api_id)
        mappings = gateway.get_base_path_mappings(domainName=target.stack.domain_name).get("items", [])
        arns = [table["TableArn"], table["LatestStreamArn"]]
        found |= {
            f"stage {region}": _text({key: stage.get(key) for key in ("variables", "methodSettings", "deploymentId")}),
            f"api {region}": _text({key: api.get(key) for key in ("policy", "disableExecuteApiEndpoint", "tags")}),
            f"mappings {region}": _text(mappings),
            f"check {region}": _text(check["HealthCheckConfig"]),
            f"policies {region}": _text([read_policy(target, region, arn).text for arn in arns]),
            f"capacity {region}": _text(
                {key: table.get(key) for key in ("BillingModeSummary", "OnDemandThroughput", "ProvisionedThroughput")}
            ),
        }
    return found


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str, indent=1)
