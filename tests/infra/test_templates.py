"""The committed templates: which there are, and what CloudFormation demands of every template."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from harness.errors import UnknownRegion
from infra.templates import DEFAULT_REGIONS, default_templates, template_path

PARAMETERS = {
    "HostedZoneId",
    "DomainName",
    "TableName",
    "HealthCheckInterval",
    "FailureThreshold",
    "HealthCheckPath",
    "AllowFaults",
}
OUTPUTS = {
    "RestApiId",
    "StageName",
    "ExecuteApiHost",
    "RegionalDomainName",
    "RegionalHostedZoneId",
    "HealthCheckId",
    "TableName",
    "DomainName",
    "HostedZoneId",
    "HealthCheckInterval",
    "FailureThreshold",
    "HealthCheckPath",
    "ApiUrl",
}


def test_every_default_region_has_a_template():
    assert [path.is_file() for path in default_templates().values()] == [True] * 3


def test_another_region_is_an_error_that_says_what_to_install():
    with pytest.raises(UnknownRegion, match=r"pip install 'multi-region-harness\[cdk\]'"):
        template_path("eu-central-1")


def test_a_template_fits_into_one_request_so_that_no_bucket_is_needed(template):
    """CloudFormation takes up to 51,200 bytes in a request; larger ones must be uploaded to S3 first."""
    assert len(template_path(template.region).read_bytes()) <= 51_200


def test_nothing_in_a_template_needs_a_bootstrapped_account(template):
    types = {resource["Type"] for resource in template.resources.values()}

    assert "BootstrapVersion" not in template.raw["Parameters"]
    assert not [name for name in types if name.startswith(("AWS::CDK::", "AWS::Lambda::", "Custom::"))]


def test_the_parameters_are_those_that_the_harness_gives(template):
    assert set(template.raw["Parameters"]) == PARAMETERS


def test_only_zone_and_domain_must_be_given(template):
    parameters = template.raw["Parameters"]

    assert {name for name in parameters if "Default" not in parameters[name]} == {"HostedZoneId", "DomainName"}


def test_the_defaults_are_a_check_of_the_mock_every_30_s_with_3_failures_in_a_row(template):
    parameters = template.raw["Parameters"]

    defaults = [str(parameters[name]["Default"]) for name in ("HealthCheckInterval", "FailureThreshold")]
    assert defaults == ["30", "3"]
    assert parameters["HealthCheckPath"]["Default"] == "/health"


def test_no_other_interval_or_path_than_those_that_work_is_taken(template):
    parameters = template.raw["Parameters"]

    assert parameters["HealthCheckInterval"]["AllowedValues"] == ["10", "30"]
    assert parameters["HealthCheckPath"]["AllowedValues"] == ["/health", "/health/deep"]
    assert (parameters["FailureThreshold"]["MinValue"], parameters["FailureThreshold"]["MaxValue"]) == (1, 10)


def test_the_outputs_are_those_that_the_harness_reads(template):
    assert set(template.outputs()) == OUTPUTS


def test_outputs_that_repeat_a_parameter_have_its_value(template_with):
    outputs = template_with("eu-west-1", HealthCheckInterval="10", FailureThreshold="2").outputs()

    assert (outputs["HealthCheckInterval"], outputs["FailureThreshold"]) == ("10", "2")
    assert outputs["ApiUrl"] == "https://api.example.com/"


def test_outside_the_main_region_all_templates_are_one():
    others = [template_path(region).read_text("utf-8") for region in DEFAULT_REGIONS[1:]]

    assert all(one == another for one, another in pairwise(others))


def test_every_resource_that_can_have_tags_carries_the_one_that_allows_faults(template_with):
    template = template_with("us-east-1", AllowFaults="false")
    tagged = {
        resource["Type"]
        for logical_id, resource in template.resources.items()
        if '{"Key": "harness:allow-faults", "Value": "false"}' in json.dumps(template.resolve(resource))
    }

    assert tagged == {
        "AWS::ApiGateway::RestApi",
        "AWS::ApiGateway::Stage",
        "AWS::ApiGateway::DomainName",
        "AWS::CertificateManager::Certificate",
        "AWS::DynamoDB::GlobalTable",
        "AWS::IAM::Role",
        "AWS::Route53::HealthCheck",
    }


@pytest.mark.slow
def test_cfn_lint_has_nothing_to_say(template):
    api = pytest.importorskip("cfnlint.api", reason="cfn-lint comes with the extra [dev]")

    text = template_path(template.region).read_text("utf-8")
    assert api.lint(text, regions=[template.region]) == []
