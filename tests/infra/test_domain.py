"""Certificate, custom domain, health check and latency record, as the templates say them."""

from __future__ import annotations


def test_the_certificate_is_validated_by_dns_in_the_zone(template):
    certificate = template.only("AWS::CertificateManager::Certificate")

    assert certificate["ValidationMethod"] == "DNS"
    assert certificate["DomainValidationOptions"] == [
        {"DomainName": "api.example.com", "HostedZoneId": "Z0123456789ABC"}
    ]


def test_the_domain_is_regional_and_takes_no_tls_below_1_2(template):
    domain = template.only("AWS::ApiGateway::DomainName")

    assert domain["DomainName"] == "api.example.com"
    assert domain["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert domain["SecurityPolicy"] == "TLS_1_2"


def test_the_root_of_the_domain_leads_to_the_stage(template):
    mapping = template.only("AWS::ApiGateway::BasePathMapping")

    assert mapping["Stage"] == "prod"
    assert "BasePath" not in mapping


def test_the_health_check_probes_the_api_of_its_own_region_and_not_the_common_name(template):
    (api,) = template.of_type("AWS::ApiGateway::RestApi")
    config = template.only("AWS::Route53::HealthCheck")["HealthCheckConfig"]

    assert config["FullyQualifiedDomainName"] == f"<{api}>.execute-api.{template.region}.amazonaws.com"
    assert template.outputs()["ExecuteApiHost"] == config["FullyQualifiedDomainName"]


def test_the_health_check_speaks_https_with_a_server_name(template):
    config = template.only("AWS::Route53::HealthCheck")["HealthCheckConfig"]

    assert (config["Type"], config["Port"], config["EnableSNI"]) == ("HTTPS", 443, True)


def test_parameters_set_path_interval_and_threshold_of_the_health_check(template_with):
    template = template_with(
        "eu-west-1", HealthCheckPath="/health/deep", HealthCheckInterval="10", FailureThreshold="2"
    )
    config = template.only("AWS::Route53::HealthCheck")["HealthCheckConfig"]

    assert config["ResourcePath"] == "/prod/health/deep"
    assert (config["RequestInterval"], config["FailureThreshold"]) == ("10", "2")


def test_the_record_sends_the_nearest_clients_to_this_region_while_its_check_is_healthy(template):
    (health_check,) = template.of_type("AWS::Route53::HealthCheck")
    record = template.only("AWS::Route53::RecordSet")

    assert (record["Type"], record["Name"], record["Region"]) == ("A", "api.example.com", template.region)
    assert record["SetIdentifier"] == f"{template.region}Api"
    assert record["HealthCheckId"] == f"<{health_check}.HealthCheckId>"


def test_the_record_is_an_alias_of_the_domain_in_the_same_region(template):
    (domain,) = template.of_type("AWS::ApiGateway::DomainName")
    target = template.only("AWS::Route53::RecordSet")["AliasTarget"]

    assert target["DNSName"] == f"<{domain}.RegionalDomainName>"
    assert target["HostedZoneId"] == f"<{domain}.RegionalHostedZoneId>"
    assert target["EvaluateTargetHealth"] is False


def test_the_record_comes_after_the_mapping_so_that_no_client_finds_an_unmapped_domain(template):
    (mapping,) = template.of_type("AWS::ApiGateway::BasePathMapping")
    (record,) = (r for r in template.resources.values() if r["Type"] == "AWS::Route53::RecordSet")

    assert mapping in record["DependsOn"]
