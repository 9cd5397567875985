"""What tests of faults on a lab share: a recorder, a journal, and all that a fault may change, as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from builders import a_header

from harness.faults.journal import Journal
from harness.faults.policies import read_policy
from harness.faults.records import read_records
from harness.recorder import Recorder
from harness.target import Target


@pytest.fixture
def recorder(lab_target: Target) -> Recorder:
    header = msgspec.structs.replace(a_header(), stack=lab_target.stack)
    return Recorder(lab_target.new_clock(), header)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.jsonl", run="test") as journal:
        yield journal


@pytest.fixture
def read_back() -> Callable[[Target], dict[str, str]]:
    """Everything of a stack that any fault may change, read back from the target, to the byte."""
    return _read_back


def _read_back(target: Target) -> dict[str, str]:
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
