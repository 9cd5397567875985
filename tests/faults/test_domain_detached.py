"""domain-detached on the lab: who comes by the custom domain is refused, the health check notices nothing."""

from __future__ import annotations

import pytest
from builders import EU, US
from fault_looks import eventually

from harness.errors import NotDeployed, RollbackFailed
from harness.faults.domain_detached import DomainDetached
from harness.faults.fault import inject
from harness.faults.journal import Journal
from harness.probes.endpoint import get_status, request_in_region
from harness.recorder import Recorder
from harness.target import Target

pytestmark = pytest.mark.lab


def mappings(target: Target) -> list:
    return target.apigateway(EU).get_base_path_mappings(domainName=target.stack.domain_name).get("items", [])


def test_it_bites_in_its_region_and_is_undone(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    before = mappings(lab_target)

    with inject(DomainDetached(region=EU), lab_target, recorder, journal) as injection:
        assert injection.proof == "HTTP 403 from api.example.test in eu-west-1"
        assert get_status(lab_target, lab_target.stack.in_region(EU).execute_api_host, "/prod/health") == 200
        assert request_in_region(lab_target, US, "GET", "/health")[0] == 200
        assert mappings(lab_target) == []

    assert mappings(lab_target) == before
    assert eventually(lab_target, lambda: request_in_region(lab_target, EU, "GET", "/health")[0] == 200)


def test_undoing_it_twice_is_harmless(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    fault = DomainDetached(region=EU)
    before = fault.snapshot(lab_target)
    with inject(fault, lab_target, recorder, journal):
        pass

    fault.rollback(lab_target, before)

    assert fault.is_rolled_back(lab_target, before)


def test_somebody_elses_mapping_is_left_alone_and_reported(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    client, domain_name = lab_target.apigateway(EU), lab_target.stack.domain_name
    theirs = client.create_rest_api(name="theirs")["id"]
    own = DomainDetached(region=EU)
    before = own.snapshot(lab_target)
    try:
        with (
            pytest.raises(
                RollbackFailed, match=rf"is '.*{theirs}.*neither ''.*aws apigateway create-base-path-mapping"
            ),
            inject(own, lab_target, recorder, journal),
        ):
            client.create_base_path_mapping(domainName=domain_name, basePath="(none)", restApiId=theirs)

        assert [mapping["restApiId"] for mapping in mappings(lab_target)] == [theirs]
        with pytest.raises(NotDeployed, match="takes away a mapping to the stack's REST API"):
            own.snapshot(lab_target)
    finally:
        client.delete_base_path_mapping(domainName=domain_name, basePath="(none)")
        own.rollback(lab_target, before)
        client.delete_rest_api(restApiId=theirs)

    assert own.snapshot(lab_target) == before


def test_a_base_path_that_is_not_mapped_is_named(lab_target: Target) -> None:
    with pytest.raises(NotDeployed, match=r"base path .v1. of custom domain .* in eu-west-1 is not mapped"):
        DomainDetached(region=EU, base_path="v1").snapshot(lab_target)
