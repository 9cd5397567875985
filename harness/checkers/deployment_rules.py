"""What the article prescribes, as data: each rule is about one property of one kind of resource in one region.

Templates in braces are filled per region: {region}, {domain}, {wildcard}, {domain_target} (the regional domain name as
read back) and {here.…}, the fields of that region's `RegionalStack`.

Source: bahr.dev, "How to go multi-region with AWS Serverless and CDK" (2022); limits from the Route 53 API reference.
"""

from __future__ import annotations

import enum

import msgspec

from harness.stack import OPT_IN_TAG


class Kind(enum.Enum):
    RECORD = "AWS::Route53::RecordSet"
    HEALTH_CHECK = "AWS::Route53::HealthCheck"
    DOMAIN = "AWS::ApiGateway::DomainName"
    CERTIFICATE = "AWS::CertificateManager::Certificate"
    MAPPING = "AWS::ApiGateway::BasePathMapping"
    REST_API = "AWS::ApiGateway::RestApi"
    STAGE = "AWS::ApiGateway::Stage"
    TABLE = "AWS::DynamoDB::GlobalTable"
    REPLICA = "replica of a table"
    """Not a resource of its own: the main region's table, asked about another region."""
    STACK = "AWS::CloudFormation::Stack"


GLOBAL_KINDS = (Kind.RECORD, Kind.HEALTH_CHECK)
"""Route 53 is one service for all regions: its resources are found by name alone."""


class Match(enum.Enum):
    """How a value is compared with those allowed, in the words of an explanation: "it must ..."."""

    IS = "be"
    SET = "be set"
    INCLUDES = "include"
    BEGINS = "begin with"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    kind: Kind
    claim: str
    key: str | None = None
    """The property; None for the rule that the resource exists."""
    allowed: tuple[str, ...] = ()
    match: Match = Match.IS
    missing: str = ""
    """What to call the resource when it does not exist."""


def _exists(kind: Kind, claim: str, missing: str) -> Rule:
    return Rule(name=f"{kind.name.lower().replace('_', '-')}-exists", kind=kind, claim=claim, missing=missing)


def _is(name: str, kind: Kind, claim: str, key: str, *allowed: str) -> Rule:
    return Rule(name=name, kind=kind, claim=claim, key=key, allowed=allowed)


def _includes(name: str, kind: Kind, claim: str, key: str, *allowed: str) -> Rule:
    return Rule(name=name, kind=kind, claim=claim, key=key, allowed=allowed, match=Match.INCLUDES)


def _begins(name: str, kind: Kind, claim: str, key: str, *allowed: str) -> Rule:
    return Rule(name=name, kind=kind, claim=claim, key=key, allowed=allowed, match=Match.BEGINS)


_RECORD = (
    _exists(Kind.RECORD, "Users near {region} are routed by a latency record of their own", "{domain} A for {region}"),
    # Any name will do; Route 53 itself sees to it that no two records share one.
    Rule(
        name="record-identified",
        kind=Kind.RECORD,
        claim="The record of {region} has a set identifier",
        key="set_identifier",
        match=Match.SET,
    ),
    _is("record-target", Kind.RECORD, "The record of {region} leads to {region}", "alias_target", "{domain_target}"),
    _is(
        "record-health-check",
        Kind.RECORD,
        "The record of {region} is withdrawn when {region} is sick",
        "health_check_id",
        "{here.health_check_id}",
    ),
)

_HEALTH_CHECK = (
    _exists(Kind.HEALTH_CHECK, "{region} has a health check", "{here.health_check_id}"),
    _is("health-check-type", Kind.HEALTH_CHECK, "The health check of {region} asks over HTTPS", "type", "HTTPS"),
    _is("health-check-port", Kind.HEALTH_CHECK, "The health check of {region} asks port 443", "port", "443"),
    _is(
        "health-check-host",
        Kind.HEALTH_CHECK,
        "The health check of {region} asks the API in {region}",
        "host",
        "{here.execute_api_host}",
    ),
    _is(
        "health-check-path",
        Kind.HEALTH_CHECK,
        "The health check of {region} asks a health path of the stage",
        "path",
        "/{here.stage}/health",
        "/{here.stage}/health/deep",
    ),
    _is(
        "health-check-interval",
        Kind.HEALTH_CHECK,
        "The health check of {region} asks every 10 or 30 seconds",
        "interval_s",
        "10",
        "30",
    ),
    _is(
        "health-check-threshold",
        Kind.HEALTH_CHECK,
        "The health check of {region} flips after 1 to 10 probes",
        "failure_threshold",
        *(str(count) for count in range(1, 11)),
    ),
    # A disabled check counts as healthy for ever; an inverted one sends users to the sick region.
    _is("health-check-on", Kind.HEALTH_CHECK, "The health check of {region} is not disabled", "disabled", "false"),
    _is("health-check-upright", Kind.HEALTH_CHECK, "The health check of {region} is not inverted", "inverted", "false"),
    # API Gateway serves no certificate to a client that does not name its host.
    _is("health-check-sni", Kind.HEALTH_CHECK, "The health check of {region} sends SNI", "sni", "true"),
)

_DOMAIN = (
    _exists(Kind.DOMAIN, "The domain name is served in {region}", "{domain} in {region}"),
    _includes("domain-regional", Kind.DOMAIN, "The domain in {region} is regional", "endpoint_types", "REGIONAL"),
    _begins(
        "domain-tls",
        Kind.DOMAIN,
        "The domain in {region} asks for TLS 1.2 or later",
        "security_policy",
        "TLS_1_2",
        "TLS_1_3",
        "SecurityPolicy_TLS12",
        "SecurityPolicy_TLS13",
    ),
    _exists(Kind.CERTIFICATE, "The domain in {region} has a certificate", "of {domain} in {region}"),
    _is("certificate-issued", Kind.CERTIFICATE, "The certificate in {region} is issued", "status", "ISSUED"),
    _includes(
        "certificate-names",
        Kind.CERTIFICATE,
        "The certificate in {region} is for the domain",
        "names",
        "{domain}",
        "{wildcard}",
    ),
    _exists(Kind.MAPPING, "The domain in {region} leads to an API", "{domain} (none) in {region}"),
    _is(
        "mapping-api",
        Kind.MAPPING,
        "The domain in {region} leads to the API in {region}",
        "rest_api_id",
        "{here.rest_api_id}",
    ),
    _is("mapping-stage", Kind.MAPPING, "The domain in {region} leads to the stage", "stage", "{here.stage}"),
)

_API = (
    _exists(Kind.REST_API, "{region} has its API", "{here.rest_api_id}"),
    _includes("api-regional", Kind.REST_API, "The API in {region} is regional", "endpoint_types", "REGIONAL"),
    _includes("api-write", Kind.REST_API, "The API in {region} takes writes", "routes", "POST /data"),
    _includes("api-read", Kind.REST_API, "The API in {region} takes reads", "routes", "GET /data/{{pk}}"),
    _includes("api-health", Kind.REST_API, "The API in {region} tells its health", "routes", "GET /health"),
    _exists(Kind.STAGE, "The API in {region} has its stage", "{here.rest_api_id}/{here.stage}"),
    _is("stage-health", Kind.STAGE, "The health switch in {region} stands on healthy (200)", "variable.HEALTH", "200"),
)

_TABLE = (
    _exists(Kind.TABLE, "{region} has the table", "{here.table_name} in {region}"),
    _is("table-active", Kind.TABLE, "The table in {region} is active", "status", "ACTIVE"),
    _is("table-replica", Kind.REPLICA, "The main region replicates to {region}", "replica.{region}", "ACTIVE"),
)

_STACK = (
    _exists(Kind.STACK, "{region} has its CloudFormation stack", "in {region}"),
    _is("stack-opted-in", Kind.STACK, "The stack in {region} allows faults", f"tag.{OPT_IN_TAG}", "true"),
)

RULES = _RECORD + _HEALTH_CHECK + _DOMAIN + _API + _TABLE + _STACK
