"""Whether what is deployed is what the article prescribes: one finding per rule and resource, naming the resource.

The rules read the last `DeploymentSeen` of a history. This is the contract with whoever fills it: each resource's
`resource` is its CloudFormation type and, after a space, the name a person would look for; `region` is the region it
was read in (for records and health checks, which are global, the stack region that they serve); `properties` are the
strings below, booleans as "true" and "false", what AWS does not report left out. What does not exist is left out
whole, and the rule that asks for it fails. A resource that could not be read has the one property `error`, and its
rules are UNKNOWN.

    AWS::Route53::RecordSet {name} {type} {set_identifier}      every record set of the stack's domain name
        name                    without the last dot
        type                    A, AAAA, CNAME, ...
        set_identifier
        latency_region          its Region
        alias_target            DNSName of the alias, without the last dot
        health_check_id
    AWS::Route53::HealthCheck {id}                              per region, the one of the stack's outputs
        id, type, port, host (FullyQualifiedDomainName), path (ResourcePath), interval_s, failure_threshold,
        disabled, inverted, sni
    AWS::ApiGateway::DomainName {name}                          per region
        domain_name, regional_domain_name, endpoint_types (comma separated), security_policy, certificate_arn
    AWS::CertificateManager::Certificate {arn}                  per region, the domain's
        arn, status, names (the domain name and all alternative names, comma separated)
    AWS::ApiGateway::BasePathMapping {domain name} {base path}  per region, every mapping of the domain
        domain_name, base_path ("(none)" for the root), rest_api_id, stage
    AWS::ApiGateway::RestApi {id}                               per region, the stack's
        id, endpoint_types (comma separated), routes ("GET /data/{pk},POST /data", comma separated)
    AWS::ApiGateway::Stage {rest api id}/{stage}                per region, the stack's
        rest_api_id, stage, variable.{NAME} for every stage variable
    AWS::DynamoDB::GlobalTable {table name}                     per region in which DescribeTable finds it
        table_name, status, replica.{region} = its ReplicaStatus for every replica that this region's description lists
    AWS::CloudFormation::Stack {stack name}                     per region
        stack_name, status, tag.{KEY} for every tag
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from harness.checkers.deployment_rules import GLOBAL_KINDS, RULES, Kind, Match, Rule
from harness.events import DeployedResource, DeploymentSeen
from harness.findings import Finding, Verdict
from harness.history import History
from harness.stack import RegionalStack, RegionName, Stack


class Place:
    """The stack's part in one region, and how to find its resources among those seen."""

    def __init__(self, stack: Stack, regional: RegionalStack, resources: tuple[DeployedResource, ...]) -> None:
        self.stack = stack
        self.regional = regional
        self._resources = resources

    def locate(self, kind: Kind) -> list[DeployedResource]:
        """The resources that rules on `kind` are about, here."""
        if kind is Kind.REPLICA:
            return self._main_table()
        if kind is Kind.CERTIFICATE:
            arns = [domain.properties.get("certificate_arn") for domain in self.locate(Kind.DOMAIN)]
            return [found for arn in arns if arn for found in self._find(kind, arn=arn)]
        return self._find(kind, **self._names(kind))

    def _names(self, kind: Kind) -> dict[str, str]:
        """The properties that tell this place's resource from others of its kind."""
        here, domain = self.regional, self.stack.domain_name
        names = {
            Kind.RECORD: {"name": domain, "type": "A", "latency_region": here.region},
            Kind.HEALTH_CHECK: {"id": here.health_check_id},
            Kind.DOMAIN: {"domain_name": domain},
            Kind.MAPPING: {"domain_name": domain, "base_path": "(none)"},
            Kind.REST_API: {"id": here.rest_api_id},
            Kind.STAGE: {"rest_api_id": here.rest_api_id, "stage": here.stage},
            Kind.TABLE: {"table_name": here.table_name},
        }
        return names.get(kind, {})

    def fill(self, template: str) -> str:
        """`template` with this place's own names in it."""
        return template.format(
            region=self.regional.region,
            here=self.regional,
            domain=self.stack.domain_name,
            wildcard="*." + self.stack.domain_name.partition(".")[2],
            domain_target=self.domain_target(self.regional.region) or "the domain name, which does not exist here",
        )

    def domain_target(self, region: RegionName) -> str | None:
        """The name that an alias to the stack's domain in `region` must point to, as read back."""
        there = Place(self.stack, self.stack.in_region(region), self._resources).locate(Kind.DOMAIN)
        return there[0].properties.get("regional_domain_name") if there else None

    def _find(self, kind: Kind, **names: str) -> list[DeployedResource]:
        """Resources of `kind` with these properties, and what of it could not be read here."""
        return [
            resource
            for resource in self._resources
            if _kind_of(resource) == kind.value
            and (
                self._hidden_here(kind, resource)
                if _error_of(resource)
                else self._is_here(kind, resource) and names.items() <= resource.properties.items()
            )
        ]

    def _is_here(self, kind: Kind, resource: DeployedResource) -> bool:
        return kind in GLOBAL_KINDS or resource.region == self.regional.region

    def _hidden_here(self, kind: Kind, resource: DeployedResource) -> bool:
        """One call lists the records of all regions: when it fails, it fails for all of them."""
        return kind is Kind.RECORD or resource.region == self.regional.region

    def _main_table(self) -> list[DeployedResource]:
        """The table as the main region describes it; none when this is the main region."""
        main = self.stack.regions[0]
        return [] if main == self.regional else Place(self.stack, main, self._resources).locate(Kind.TABLE)


def check_deployment(history: History, by_s: float = math.inf) -> list[Finding]:
    """One finding per rule and resource of the last description of the deployment that began by `by_s`."""
    seen = [pair for pair in history.indexed(DeploymentSeen) if pair[1].start_s <= by_s]
    if not seen:
        claim = "What is deployed is what was prescribed"
        return [Finding.unknown("deployment", claim, "nobody read the deployment back in this run")]
    index, event = seen[-1]
    findings = list(_judge_strays(history.header.stack, event))
    for regional in history.header.stack.regions:
        place = Place(history.header.stack, regional, event.resources)
        findings += [finding for rule in RULES for finding in _judge(rule, place)]
    return [msgspec.structs.replace(finding, evidence=(index,)) for finding in findings]


def _judge(rule: Rule, place: Place) -> Iterator[Finding]:
    found = place.locate(rule.kind)
    blind = _unreadable_domain(rule, place)
    if blind:
        subjects = [resource.resource for resource in found] or [blind.resource]
        why = f"{blind.resource} could not be read: {_error_of(blind)}"
        yield from (_finding(rule, place, subject, Verdict.UNKNOWN, why) for subject in subjects)
    elif found:
        yield from (_judge_resource(rule, place, resource) for resource in found)
    elif rule.key is None:
        # Only this rule speaks of what is missing; those on its properties have nothing to be about.
        name = place.fill(rule.missing)
        yield _finding(rule, place, f"{rule.kind.value} {name}", Verdict.FAIL, "it does not exist")


def _unreadable_domain(rule: Rule, place: Place) -> DeployedResource | None:
    """The domain name of this region, when the rule leans on it and it could not be read."""
    leans = rule.kind is Kind.CERTIFICATE or any("{domain_target}" in template for template in rule.allowed)
    return next((domain for domain in place.locate(Kind.DOMAIN) if leans and _error_of(domain)), None)


def _judge_resource(rule: Rule, place: Place, resource: DeployedResource) -> Finding:
    subject = resource.resource
    if error := _error_of(resource):
        return _finding(rule, place, subject, Verdict.UNKNOWN, f"it could not be read: {error}")
    if rule.key is None:
        return _finding(rule, place, subject, Verdict.PASS, "it exists")
    key = place.fill(rule.key)
    value = resource.properties.get(key, "")
    allowed = [place.fill(template) for template in rule.allowed]
    shown = f"{key} is {value or 'absent'}{_whose(value, place)}"
    if fits(value, rule.match, allowed):
        return _finding(rule, place, subject, Verdict.PASS, shown)
    must = f"it must {rule.match.value} {' or '.join(allowed)}".rstrip()
    return _finding(rule, place, subject, Verdict.FAIL, f"{shown}; {must}")


def fits(value: str, match: Match, allowed: list[str]) -> bool:
    """Whether a property's value is one of those allowed; an absent value ("") never is."""
    match match:
        case Match.IS:
            return value in allowed
        case Match.SET:
            return bool(value)
        case Match.INCLUDES:
            return bool(set(value.split(",")) & set(allowed))
        case Match.BEGINS:
            return bool(value) and value.startswith(tuple(allowed))


def _whose(value: str, place: Place) -> str:
    """Says of another region's name whose it is: that is the mistake a person looks for."""
    for other in place.stack.regions:
        if other != place.regional and value in {
            other.execute_api_host,
            other.health_check_id,
            other.rest_api_id,
            place.domain_target(other.region),
        }:
            return f" (that is of {other.region})"
    return ""


def _judge_strays(stack: Stack, event: DeploymentSeen) -> Iterator[Finding]:
    """Records of the domain that lead where the stack is not: users sent there find nobody."""
    for resource in event.resources:
        region = resource.properties.get("latency_region", "")
        if _kind_of(resource) == Kind.RECORD.value and region and region not in stack.region_names:
            yield Finding(
                checker="deployment/record-stray",
                claim=f"No record sends users to {region}, where the stack is not",
                verdict=Verdict.FAIL,
                explanation=f"the record is for {region}, the stack is in {', '.join(stack.region_names)}",
                samples=1,
                subject=resource.resource,
            )


def _kind_of(resource: DeployedResource) -> str:
    return resource.resource.partition(" ")[0]


def _error_of(resource: DeployedResource) -> str | None:
    return resource.properties.get("error")


def _finding(rule: Rule, place: Place, subject: str, verdict: Verdict, explanation: str) -> Finding:
    return Finding(
        checker=f"deployment/{rule.name}",
        claim=place.fill(rule.claim),
        verdict=verdict,
        explanation=explanation,
        samples=1,
        subject=subject,
    )
