"""stage-throttled and method-throttled on the lab: who is refused, and that settings come back to the byte."""

from __future__ import annotations

import pytest
from builders import EU, US

from harness.errors import InvalidPlan, NotDeployed, RollbackFailed
from harness.faults.fault import inject
from harness.faults.journal import Journal
from harness.faults.throttled import MethodThrottled, StageThrottled
from harness.probes.endpoint import get_status, request_in_region
from harness.recorder import Recorder
from harness.target import Target

READ_ITEM = "GET /data/{pk}"


def settings(target: Target) -> dict:
    regional = target.stack.in_region(EU)
    shown = target.apigateway(EU).get_stage(restApiId=regional.rest_api_id, stageName=regional.stage)
    return shown["methodSettings"]


def patch(target: Target, *operations: tuple[str, ...]) -> None:
    regional = target.stack.in_region(EU)
    target.apigateway(EU).update_stage(
        restApiId=regional.rest_api_id,
        stageName=regional.stage,
        patchOperations=[dict(zip(("op", "path", "value"), operation, strict=False)) for operation in operations],
    )


def health_of(target: Target, region: str) -> int | None:
    return get_status(target, target.stack.in_region(region).execute_api_host, "/prod/health")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"rate_per_s": -1}, "from 0 to 10000"),
        ({"rate_per_s": float("nan")}, "from 0 to 10000"),
        ({"burst": 5001}, "from 0 to 5000"),
        ({"methods": ("/data",)}, "is not like 'GET /data/{pk}'"),
        ({"methods": ()}, "name at least one"),
        ({"methods": (READ_ITEM, READ_ITEM)}, "each once"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict, why: str) -> None:
    with pytest.raises(InvalidPlan, match=why):
        MethodThrottled(region=EU, **fields)


@pytest.mark.lab
def test_a_throttled_stage_refuses_the_health_check_too(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    before = settings(lab_target)

    with inject(StageThrottled(region=EU), lab_target, recorder, journal) as injection:
        assert injection.proof == "1 of 1 requests for the health route were answered 429"
        assert (health_of(lab_target, EU), health_of(lab_target, US)) == (429, 200)

    assert settings(lab_target) == before


@pytest.mark.lab
def test_a_throttled_method_leaves_the_health_check_green(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    fault = MethodThrottled(region=EU)

    with inject(fault, lab_target, recorder, journal) as injection:
        assert injection.proof == "1 of 1 requests for GET /data/harness were answered 429"
        assert health_of(lab_target, EU) == 200
        assert request_in_region(lab_target, EU, "POST", "/data", b'{"name": "x"}')[0] == 429
        assert request_in_region(lab_target, US, "GET", "/data/harness")[0] == 404

    assert settings(lab_target) == {}


@pytest.mark.lab
def test_a_rate_above_zero_lets_some_pass(lab_target: Target, recorder: Recorder, journal: Journal) -> None:
    """The bucket holds 20, and asking 45 times in a row takes less than 20 s of the lab's time."""
    fault = MethodThrottled(region=EU, methods=(READ_ITEM,), rate_per_s=1, burst=20)

    with inject(fault, lab_target, recorder, journal) as injection:
        assert injection.proof is not None
        refused = int(injection.proof.split()[0])

    assert 0 < refused <= 25
    assert injection.proof.endswith(" of 45 requests for GET /data/harness were answered 429")


@pytest.mark.lab
def test_a_setting_that_was_there_before_gets_its_values_back(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    path = "/~1data~1{pk}/GET"
    patch(
        lab_target,
        ("replace", f"{path}/throttling/rateLimit", "12.5"),
        ("replace", f"{path}/throttling/burstLimit", "7"),
        ("replace", f"{path}/metrics/enabled", "true"),
    )
    before = settings(lab_target)
    try:
        with inject(MethodThrottled(region=EU, methods=(READ_ITEM,)), lab_target, recorder, journal):
            assert settings(lab_target) != before

        assert settings(lab_target) == before
    finally:
        patch(lab_target, ("remove", path))


@pytest.mark.lab
def test_somebody_elses_setting_is_left_alone_and_reported(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    """Undoing removes the whole setting, as there was none; that would take their logging away."""
    with (
        pytest.raises(RollbackFailed, match=r"the rest in eu-west-1 is .*loggingLevel.*neither '\{\}', .*update-stage"),
        inject(StageThrottled(region=EU), lab_target, recorder, journal),
    ):
        patch(lab_target, ("replace", "/*/*/logging/loglevel", "INFO"))

    assert settings(lab_target)["*/*"]["loggingLevel"] == "INFO"
    patch(lab_target, ("remove", "/*/*"))


@pytest.mark.lab
def test_a_method_that_the_api_does_not_have_is_named(lab_target: Target) -> None:
    with pytest.raises(NotDeployed, match=r"no method 'GET /items': it has GET /data/\{pk\}, GET /health"):
        MethodThrottled(region=EU, methods=("GET /items",)).snapshot(lab_target)
