"""What a template says can be read back, updated, deleted and made again, all through boto3."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]
Deploy = Callable[..., dict[str, Any]]
Template = dict[str, Any]


def api_records(client: Client, zone_id: str) -> dict[str, dict[str, Any]]:
    found = client("route53").list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"]
    return {record["SetIdentifier"]: record for record in found if "SetIdentifier" in record}


def test_every_resource_of_the_template_is_there(
    deploy: Deploy, template: Template, physical_ids: Callable[..., dict[str, str]]
) -> None:
    stack = deploy(template)

    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert physical_ids().keys() == template["Resources"].keys()
    assert all(physical_ids().values())


def test_outputs_tell_what_api_gateway_and_route_53_tell(
    deploy: Deploy, template: Template, client: Client, outputs: Callable[..., dict[str, str]]
) -> None:
    told = outputs(deploy(template))
    domain = client("apigateway").get_domain_name(domainName="api.example.com")

    assert told["ApiId"] == client("apigateway").get_rest_apis()["items"][0]["id"]
    assert told["Target"] == domain["regionalDomainName"]
    assert told["Zone"] == domain["regionalHostedZoneId"]
    assert told["CheckId"] == client("route53").list_health_checks()["HealthChecks"][0]["Id"]


def test_the_method_is_read_back_whole(deploy: Deploy, template: Template, client: Client) -> None:
    stack = deploy(template)
    api_id = stack["Outputs"][0]["OutputValue"]
    resources = client("apigateway").get_resources(restApiId=api_id, embed=["methods"])["items"]
    method = next(r for r in resources if r["path"] == "/health")["resourceMethods"]["GET"]

    assert method["methodIntegration"]["type"] == "MOCK"
    assert method["methodIntegration"]["requestTemplates"] == {
        "application/json": '{"statusCode": $stageVariables.HEALTH}'
    }
    assert method["methodIntegration"]["integrationResponses"]["503"]["selectionPattern"] == "503"
    assert method["methodIntegration"]["passthroughBehavior"] == "WHEN_NO_MATCH"
    assert method["methodResponses"].keys() == {"200", "503"}
    validator = client("apigateway").get_request_validators(restApiId=api_id)["items"][0]
    assert method["requestValidatorId"] == validator["id"]
    assert validator["validateRequestBody"] is True


def test_the_rest_of_the_api_is_read_back(deploy: Deploy, template: Template, client: Client) -> None:
    apigateway = client("apigateway")
    api_id = deploy(template)["Outputs"][0]["OutputValue"]
    stage = apigateway.get_stage(restApiId=api_id, stageName="prod")
    response = apigateway.get_gateway_response(restApiId=api_id, responseType="DEFAULT_4XX")

    assert apigateway.get_rest_api(restApiId=api_id)["endpointConfiguration"]["types"] == ["REGIONAL"]
    assert stage["variables"] == {"HEALTH": "200"}
    assert stage["methodSettings"]["*/*"]["throttlingRateLimit"] == 50
    assert stage["methodSettings"]["*/*"]["throttlingBurstLimit"] == 5000
    assert stage["tags"]["team"] == "edge"
    assert stage["tags"]["aws:cloudformation:stack-name"] == "app"
    assert response["responseParameters"] == {"gatewayresponse.header.x-region": "'eu-west-1'"}
    assert json.loads(apigateway.get_models(restApiId=api_id)["items"][0]["schema"])["required"] == ["name"]
    mapping = apigateway.get_base_path_mappings(domainName="api.example.com")["items"][0]
    assert (mapping["basePath"], mapping["restApiId"], mapping["stage"]) == ("(none)", api_id, "prod")


def test_certificate_role_and_account_are_read_back(deploy: Deploy, template: Template, client: Client) -> None:
    deploy(template)
    domain = client("apigateway").get_domain_name(domainName="api.example.com")
    certificate = client("acm").describe_certificate(CertificateArn=domain["regionalCertificateArn"])["Certificate"]
    role = client("apigateway").get_account()["cloudwatchRoleArn"].rsplit("/", 1)[-1]
    policy = client("iam").get_role_policy(RoleName=role, PolicyName="may-write")["PolicyDocument"]

    assert (certificate["Status"], certificate["DomainName"]) == ("ISSUED", "api.example.com")
    assert policy["Statement"][0]["Action"] == "dynamodb:PutItem"


def test_record_and_health_check_are_read_back(
    deploy: Deploy, template: Template, client: Client, zone_id: str, outputs: Callable[..., dict[str, str]]
) -> None:
    told = outputs(deploy(template))
    record = api_records(client, zone_id)["eu-west-1Api"]
    check = client("route53").get_health_check(HealthCheckId=told["CheckId"])["HealthCheck"]
    tags = client("route53").list_tags_for_resource(ResourceType="healthcheck", ResourceId=told["CheckId"])

    assert record["AliasTarget"] == {
        "DNSName": f"{told['Target']}.",
        "HostedZoneId": told["Zone"],
        "EvaluateTargetHealth": False,
    }
    assert (record["Region"], record["HealthCheckId"]) == ("eu-west-1", told["CheckId"])
    assert check["HealthCheckConfig"]["RequestInterval"] == 30
    assert check["HealthCheckConfig"]["EnableSNI"] is True
    assert {"Key": "Name", "Value": "app"} in tags["ResourceTagSet"]["Tags"]


def test_an_update_keeps_what_it_can_and_replaces_what_it_must(
    deploy: Deploy,
    template: Template,
    client: Client,
    submit: Callable[..., Any],
    physical_ids: Callable[..., dict[str, str]],
) -> None:
    """The stage changes in place; a new interval means a new health check, and the record must follow it."""
    deploy(template)
    before = physical_ids()
    client("cloudformation").update_stack(StackName="app", **submit(template, Interval="10", Health="503"))
    after = physical_ids()

    assert {name for name in after if after[name] != before[name]} == {"Check"}
    zone_id = client("route53").list_hosted_zones()["HostedZones"][0]["Id"]
    assert api_records(client, zone_id)["eu-west-1Api"]["HealthCheckId"] == after["Check"]
    checks = client("route53").list_health_checks()["HealthChecks"]
    assert [(check["Id"], check["HealthCheckConfig"]["RequestInterval"]) for check in checks] == [(after["Check"], 10)]
    stage = client("apigateway").get_stage(restApiId=after["Api"], stageName="prod")
    assert stage["variables"] == {"HEALTH": "503"}


def test_resources_taken_out_of_the_template_are_deleted(
    deploy: Deploy, template: Template, client: Client, submit: Callable[..., Any], zone_id: str
) -> None:
    deploy(template)
    del template["Resources"]["Record"]
    client("cloudformation").update_stack(StackName="app", **submit(template))

    assert not api_records(client, zone_id)
    assert client("route53").list_health_checks()["HealthChecks"]


def test_a_record_that_others_changed_can_still_be_renamed(
    deploy: Deploy, template: Template, client: Client, submit: Callable[..., Any], zone_id: str
) -> None:
    """The health check was taken off by hand; then the template gives the record another SetIdentifier."""
    deploy(template)
    record = api_records(client, zone_id)["eu-west-1Api"]
    del record["HealthCheckId"]
    batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    client("route53").change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch)
    template["Resources"]["Record"]["Properties"]["SetIdentifier"] = "ireland"
    client("cloudformation").update_stack(StackName="app", **submit(template))

    assert api_records(client, zone_id).keys() == {"ireland"}


def test_a_new_deployment_moves_the_stage_before_the_old_one_goes(
    deploy: Deploy, template: Template, client: Client, submit: Callable[..., Any]
) -> None:
    """As the CDK does: it gives the deployment a new logical id whenever the API changes."""
    api_id = deploy(template)["Outputs"][0]["OutputValue"]
    template["Resources"]["Deployment2"] = template["Resources"].pop("Deployment")
    template["Resources"]["Stage"]["Properties"]["DeploymentId"] = {"Ref": "Deployment2"}
    client("cloudformation").update_stack(StackName="app", **submit(template))

    deployments = client("apigateway").get_deployments(restApiId=api_id)["items"]
    stage = client("apigateway").get_stage(restApiId=api_id, stageName="prod")
    assert [deployment["id"] for deployment in deployments] == [stage["deploymentId"]]


def test_deleting_a_stack_leaves_the_other_regions_record(
    deploy: Deploy, template: Template, client: Client, zone_id: str
) -> None:
    deploy(template, "eu-west-1")
    deploy(template, "us-east-1")
    client("cloudformation", "eu-west-1").delete_stack(StackName="app")

    assert api_records(client, zone_id).keys() == {"us-east-1Api"}
    assert client("apigateway", "us-east-1").get_rest_apis()["items"]


def test_deleting_a_stack_deletes_all_that_it_made(deploy: Deploy, template: Template, client: Client) -> None:
    stack = deploy(template)
    client("cloudformation").delete_stack(StackName="app")

    assert client("apigateway").get_rest_apis()["items"] == []
    assert client("apigateway").get_domain_names()["items"] == []
    assert client("route53").list_health_checks()["HealthChecks"] == []
    assert client("acm").list_certificates()["CertificateSummaryList"] == []
    assert client("iam").list_roles()["Roles"] == []
    gone = client("cloudformation").describe_stacks(StackName=stack["StackId"])["Stacks"][0]
    assert gone["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="does not exist"):
        client("cloudformation").describe_stacks(StackName="app")


def test_a_deleted_stack_can_be_made_again(deploy: Deploy, template: Template, client: Client, zone_id: str) -> None:
    first = deploy(template)
    client("cloudformation").delete_stack(StackName="app")
    second = deploy(template)

    assert second["StackStatus"] == "CREATE_COMPLETE"
    assert second["StackId"] != first["StackId"]
    assert api_records(client, zone_id).keys() == {"eu-west-1Api"}


def test_domain_targets_differ_by_region_in_host_and_zone(
    deploy: Deploy, template: Template, outputs: Callable[..., dict[str, str]]
) -> None:
    ireland, virginia = outputs(deploy(template, "eu-west-1")), outputs(deploy(template, "us-east-1"))

    assert ireland["Target"].endswith(".execute-api.eu-west-1.amazonaws.com")
    assert virginia["Target"].endswith(".execute-api.us-east-1.amazonaws.com")
    assert ireland["Zone"] != virginia["Zone"]


def test_the_template_comes_back_as_it_was_submitted(deploy: Deploy, template: Template, client: Client) -> None:
    deploy(template)

    assert client("cloudformation").get_template(StackName="app")["TemplateBody"] == template
