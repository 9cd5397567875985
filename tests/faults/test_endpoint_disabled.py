"""endpoint-disabled on the lab: the health check's host refuses, users notice nothing, the old deployment is back."""

from __future__ import annotations

import pytest
from builders import EU

from harness.errors import NotDeployed, RollbackFailed
from harness.faults.calls import carry_out
from harness.faults.endpoint_disabled import EndpointDisabled
from harness.faults.fault import inject
from harness.faults.journal import Journal
from harness.probes.endpoint import get_status, request_in_region
from harness.recorder import Recorder
from harness.target import Target

pytestmark = pytest.mark.lab


def everything(target: Target) -> tuple:
    """The API, its stage and its deployments as AWS shows them."""
    regional, client = target.stack.in_region(EU), target.apigateway(EU)
    api = client.get_rest_api(restApiId=regional.rest_api_id)
    stage = client.get_stage(restApiId=regional.rest_api_id, stageName=regional.stage)
    deployments = client.get_deployments(restApiId=regional.rest_api_id)["items"]
    for shown in (api, stage):
        shown.pop("ResponseMetadata")
    return api, stage, deployments


def own_host(target: Target) -> int | None:
    return get_status(target, target.stack.in_region(EU).execute_api_host, "/prod/health")


def test_the_health_check_is_refused_and_users_are_not(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    before = everything(lab_target)

    with inject(EndpointDisabled(region=EU), lab_target, recorder, journal) as injection:
        assert injection.proof == f"HTTP 403 from {lab_target.stack.in_region(EU).execute_api_host}"
        assert request_in_region(lab_target, EU, "GET", "/health")[0] == 200

    assert own_host(lab_target) == 200
    assert everything(lab_target) == before


def test_half_of_it_is_undone_too(lab_target: Target) -> None:
    """The harness died between the two calls: the flag is set, nothing was deployed yet."""
    fault, before = EndpointDisabled(region=EU), everything(lab_target)
    snapshot = fault.snapshot(lab_target)
    carry_out(fault.changes(lab_target.stack, snapshot)[:1], lab_target)
    assert not fault.is_rolled_back(lab_target, snapshot)

    fault.rollback(lab_target, snapshot)
    fault.rollback(lab_target, snapshot)

    assert fault.is_rolled_back(lab_target, snapshot)
    assert everything(lab_target) == before


def test_somebody_elses_deployment_stays_and_is_reported(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    fault, regional, client = EndpointDisabled(region=EU), lab_target.stack.in_region(EU), lab_target.apigateway(EU)
    before = fault.snapshot(lab_target)
    with (
        pytest.raises(RollbackFailed, match="Somebody deployed meanwhile; it was left as it is"),
        inject(fault, lab_target, recorder, journal),
    ):
        theirs = client.create_deployment(restApiId=regional.rest_api_id, stageName=regional.stage)["id"]

    assert fault.read(lab_target)["deploymentId"] == theirs
    with pytest.raises(NotDeployed, match="disabled already"):
        fault.snapshot(lab_target)
    carry_out(fault.undoing(lab_target.stack, before), lab_target)
    client.delete_deployment(restApiId=regional.rest_api_id, deploymentId=theirs)
    fault.rollback(lab_target, before)
    assert fault.is_rolled_back(lab_target, before)
