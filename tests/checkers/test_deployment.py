"""Each mistake a template can hold turns exactly the findings red that speak of it."""

from __future__ import annotations

import pytest
from builders import AP, EU, US, Story, a_history, a_stack, an_experiment, deployment

from harness.checkers.checks import DeployedAsPrescribed, judge
from harness.checkers.deployment import check_deployment, fits
from harness.checkers.deployment_rules import RULES, Kind, Match
from harness.events import DeployedResource
from harness.findings import Verdict

DOMAIN = "api.example.com"


def resource(region: str, kind: str, called: str, **properties: str) -> DeployedResource:
    return DeployedResource(region=region, resource=f"{kind} {called}", properties=properties)


def as_prescribed() -> dict[tuple[str, str], DeployedResource]:
    """(kind's short name, region) -> resource, of the three-region stack as it should be."""
    found: dict[tuple[str, str], DeployedResource] = {}
    for here in a_stack().regions:
        region, api, target = here.region, here.rest_api_id, here.domain_target
        others = {f"replica.{other}": "ACTIVE" for other in (US, EU, AP) if other != region}
        for key, kind, name, properties in (
            (
                "record",
                Kind.RECORD,
                f"{DOMAIN} A {region}Api",
                {
                    "name": DOMAIN,
                    "type": "A",
                    "set_identifier": f"{region}Api",
                    "latency_region": region,
                    "alias_target": target,
                    "health_check_id": here.health_check_id,
                },
            ),
            (
                "check",
                Kind.HEALTH_CHECK,
                here.health_check_id,
                {
                    "id": here.health_check_id,
                    "type": "HTTPS",
                    "port": "443",
                    "host": here.execute_api_host,
                    "path": "/prod/health",
                    "interval_s": "30",
                    "failure_threshold": "3",
                    "disabled": "false",
                    "inverted": "false",
                    "sni": "true",
                },
            ),
            (
                "domain",
                Kind.DOMAIN,
                DOMAIN,
                {
                    "domain_name": DOMAIN,
                    "regional_domain_name": target,
                    "endpoint_types": "REGIONAL",
                    "security_policy": "TLS_1_2",
                    "certificate_arn": f"arn:{region}",
                },
            ),
            (
                "certificate",
                Kind.CERTIFICATE,
                f"arn:{region}",
                {"arn": f"arn:{region}", "status": "ISSUED", "names": DOMAIN},
            ),
            (
                "mapping",
                Kind.MAPPING,
                f"{DOMAIN} (none)",
                {"domain_name": DOMAIN, "base_path": "(none)", "rest_api_id": api, "stage": "prod"},
            ),
            (
                "api",
                Kind.REST_API,
                api,
                {
                    "id": api,
                    "endpoint_types": "REGIONAL",
                    "routes": "GET /data/{pk},GET /health,OPTIONS /data,POST /data",
                },
            ),
            (
                "stage",
                Kind.STAGE,
                f"{api}/prod",
                {"rest_api_id": api, "stage": "prod", "variable.HEALTH": "200"},
            ),
            ("table", Kind.TABLE, "demo", {"table_name": "demo", "status": "ACTIVE", **others}),
            (
                "stack",
                Kind.STACK,
                "demo",
                {"stack_name": "demo", "status": "CREATE_COMPLETE", "tag.harness:allow-faults": "true"},
            ),
        ):
            found[key, region] = resource(region, kind.value, name, **properties)
    return found


def judged(resources):
    return check_deployment(a_history(deployment(*resources.values())))


def failed(resources):
    return {(finding.checker, finding.subject) for finding in judged(resources) if finding.verdict is not Verdict.PASS}


def with_property(key, region, **properties):
    resources = as_prescribed()
    there = resources[key, region]
    kept = {**there.properties, **properties}
    resources[key, region] = DeployedResource(
        region=region,
        resource=there.resource,
        properties={name: value for name, value in kept.items() if value is not None},
    )
    return resources, there.resource


def test_what_the_article_prescribes_passes_every_rule():
    findings = judged(as_prescribed())

    assert [finding.explanation for finding in findings if finding.verdict is not Verdict.PASS] == []


def test_every_rule_is_judged_in_every_region():
    """The main region's table cannot be its own replica: one finding less."""
    assert len(judged(as_prescribed())) == len(RULES) * 3 - 1


@pytest.mark.parametrize(
    ("key", "properties", "rule"),
    [
        ("record", {"health_check_id": None}, "record-health-check"),
        ("record", {"health_check_id": f"check-{US}"}, "record-health-check"),
        ("record", {"alias_target": f"d-{US}.execute-api.{US}.amazonaws.com"}, "record-target"),
        ("record", {"set_identifier": None}, "record-identified"),
        ("check", {"type": "HTTP"}, "health-check-type"),
        ("check", {"port": "80"}, "health-check-port"),
        ("check", {"host": f"api-{US}.execute-api.{US}.amazonaws.com"}, "health-check-host"),
        ("check", {"host": DOMAIN}, "health-check-host"),
        ("check", {"path": "/prod/healthz"}, "health-check-path"),
        ("check", {"path": "/health"}, "health-check-path"),
        ("check", {"interval_s": "20"}, "health-check-interval"),
        ("check", {"failure_threshold": "11"}, "health-check-threshold"),
        ("check", {"failure_threshold": "0"}, "health-check-threshold"),
        ("check", {"disabled": "true"}, "health-check-on"),
        ("check", {"inverted": "true"}, "health-check-upright"),
        ("check", {"sni": "false"}, "health-check-sni"),
        ("domain", {"endpoint_types": "EDGE"}, "domain-regional"),
        ("domain", {"security_policy": "TLS_1_0"}, "domain-tls"),
        ("domain", {"security_policy": None}, "domain-tls"),
        ("certificate", {"status": "PENDING_VALIDATION"}, "certificate-issued"),
        ("certificate", {"names": "other.example.com"}, "certificate-names"),
        ("mapping", {"rest_api_id": f"api-{US}"}, "mapping-api"),
        ("mapping", {"stage": "dev"}, "mapping-stage"),
        ("api", {"endpoint_types": "EDGE"}, "api-regional"),
        ("api", {"routes": "GET /data/{pk},GET /health"}, "api-write"),
        ("api", {"routes": "POST /data,GET /health"}, "api-read"),
        ("api", {"routes": "POST /data,GET /data/{pk}"}, "api-health"),
        ("stage", {"variable.HEALTH": "503"}, "stage-health"),
        ("stage", {"variable.HEALTH": None}, "stage-health"),
        ("table", {"status": "CREATING"}, "table-active"),
        ("stack", {"tag.harness:allow-faults": None}, "stack-opted-in"),
    ],
)
def test_a_wrong_property_fails_its_one_rule_and_names_the_resource(key, properties, rule):
    resources, name = with_property(key, EU, **properties)

    assert failed(resources) == {(f"deployment/{rule}", name)}


@pytest.mark.parametrize(
    ("key", "properties"),
    [
        ("check", {"path": "/prod/health/deep"}),
        ("check", {"interval_s": "10", "failure_threshold": "1"}),
        ("domain", {"security_policy": "SecurityPolicy_TLS13_1_3_2025_09"}),
        ("certificate", {"names": "example.com,*.example.com"}),
    ],
)
def test_what_is_also_right_passes(key, properties):
    assert failed(with_property(key, EU, **properties)[0]) == set()


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        ("record", "record-exists"),
        ("check", "health-check-exists"),
        ("certificate", "certificate-exists"),
        ("mapping", "mapping-exists"),
        ("api", "rest-api-exists"),
        ("stage", "stage-exists"),
        ("table", "table-exists"),
        ("stack", "stack-exists"),
    ],
)
def test_a_missing_resource_fails_once(key, rule):
    resources = as_prescribed()
    del resources[key, EU]

    assert [checker for checker, _ in failed(resources)] == [f"deployment/{rule}"]


def test_a_missing_domain_leaves_the_record_without_a_target():
    resources = as_prescribed()
    del resources["domain", EU]

    assert {checker for checker, _ in failed(resources)} == {
        "deployment/domain-exists",
        "deployment/certificate-exists",
        "deployment/record-target",
    }


def test_a_replica_that_the_main_region_does_not_list_fails():
    resources, name = with_property("table", US, **{f"replica.{EU}": None})

    assert failed(resources) == {("deployment/table-replica", name)}


def test_another_regions_api_is_called_by_its_region():
    resources, _ = with_property("record", EU, alias_target=f"d-{US}.execute-api.{US}.amazonaws.com")

    (finding,) = [finding for finding in judged(resources) if finding.verdict is Verdict.FAIL]

    assert f"(that is of {US})" in finding.explanation
    assert f"it must be d-{EU}.execute-api.{EU}.amazonaws.com" in finding.explanation


def test_a_record_for_a_region_without_the_stack_fails():
    resources = as_prescribed()
    stray = resource(
        "sa-east-1", Kind.RECORD.value, f"{DOMAIN} A old", name=DOMAIN, type="A", latency_region="sa-east-1"
    )
    resources["record", "sa-east-1"] = stray

    assert failed(resources) == {("deployment/record-stray", stray.resource)}


@pytest.mark.parametrize("key", ["record", "check", "certificate", "mapping", "api", "stage", "table", "stack"])
def test_what_could_not_be_read_is_unknown_and_says_why(key):
    resources = as_prescribed()
    resources[key, EU] = DeployedResource(
        region=EU, resource=resources[key, EU].resource, properties={"error": "AccessDenied"}
    )

    findings = [finding for finding in judged(resources) if finding.verdict is not Verdict.PASS]

    assert {finding.verdict for finding in findings} == {Verdict.UNKNOWN}
    assert all("AccessDenied" in finding.explanation for finding in findings)


def test_records_that_could_not_be_listed_are_unknown_in_every_region():
    resources = {place: found for place, found in as_prescribed().items() if place[0] != "record"}
    resources["record", US] = DeployedResource(
        region=US, resource=f"{Kind.RECORD.value} {DOMAIN}", properties={"error": "AccessDenied"}
    )

    findings = [finding for finding in judged(resources) if "/record-" in finding.checker]

    assert {finding.verdict for finding in findings} == {Verdict.UNKNOWN}
    assert len(findings) == 4 * 3


def test_a_domain_that_could_not_be_read_leaves_the_records_target_unknown():
    resources = as_prescribed()
    resources["domain", EU] = DeployedResource(
        region=EU, resource=f"{Kind.DOMAIN.value} {DOMAIN}", properties={"error": "AccessDenied"}
    )

    verdicts = {
        finding.checker: finding.verdict for finding in judged(resources) if finding.verdict is not Verdict.PASS
    }

    assert verdicts["deployment/record-target"] is Verdict.UNKNOWN
    assert set(verdicts.values()) == {Verdict.UNKNOWN}


def test_without_a_description_nothing_is_known():
    assert [finding.verdict for finding in check_deployment(Story().history())] == [Verdict.UNKNOWN]


def test_the_last_description_counts():
    broken, _ = with_property("check", EU, path="/nope")
    history = a_history(deployment(*broken.values(), at_s=1), deployment(*as_prescribed().values(), at_s=2))

    assert {finding.verdict for finding in check_deployment(history)} == {Verdict.PASS}


def test_a_description_after_the_experiment_is_not_its_own():
    history = a_history(an_experiment(end_s=10), deployment(*as_prescribed().values(), at_s=20))

    assert [finding.verdict for finding in judge(history, "e", [DeployedAsPrescribed()])] == [Verdict.UNKNOWN]


def test_findings_point_at_the_description():
    history = a_history(deployment(*as_prescribed().values()))

    assert {finding.evidence for finding in check_deployment(history)} == {(1,)}


def test_an_absent_value_never_fits():
    assert not any(fits("", match, ["x"]) for match in Match)
