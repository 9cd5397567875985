"""Before anything is broken: can the stack be looked at from here at all?"""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from harness.aws import Aws, aws_errors
from harness.errors import CertificateInvalid, NameserverUnreachable, TargetError
from harness.nameservers import query
from harness.probes.https import look
from harness.probes.user import User
from harness.target import Target
from harness.vantages import Vantage, catalogue


def preflight(target: Target, vantage: Vantage | None = None, *, path: str = "/") -> None:
    """The name servers are authoritative, the domain is theirs, and one HTTPS look verifies its certificate.

    The status of that look is not judged: whether the stack is well is the steady state's question.

    Raises:
        NameserverUnreachable: no server answers, or one that does is not authoritative for the zone.
        CertificateInvalid: the CA file is unusable, or the certificate does not verify against it.
        TargetError: the domain is not in the hosted zone, has no address, or nothing speaks HTTPS there.
    """
    zone_name = check_domain(target.aws, target.stack.hosted_zone_id, target.stack.domain_name)
    check_authoritative(target, zone_name)
    check_https(target, vantage or catalogue()[0], path=path)


def check_domain(aws: Aws, zone_id: str, domain_name: str) -> str:
    """The hosted zone's name. Raises TargetError when there is no such zone, or the domain is not in it."""
    with aws_errors(f"reading hosted zone {zone_id}"):
        zone_name = aws.route53().get_hosted_zone(Id=zone_id)["HostedZone"]["Name"].rstrip(".").lower()
    domain_name = domain_name.rstrip(".").lower()
    if domain_name != zone_name and not domain_name.endswith(f".{zone_name}"):
        raise TargetError(
            f"domain {domain_name} is not in hosted zone {zone_id} ({zone_name}): "
            "name a domain below the zone (DOMAIN_NAME) or the zone of that domain (HOSTED_ZONE_ID)"
        )
    return zone_name


def check_authoritative(target: Target, zone_name: str) -> None:
    """Each name server answers SOA of the zone with authority. One that is down is enough to refuse: probes ask all."""
    for server in target.nameservers():
        reply = query(dns.message.make_query(zone_name, "SOA", flags=0), [server])
        authoritative = reply.flags & dns.flags.AA and reply.rcode() == dns.rcode.NOERROR
        if not authoritative or not any(rrset.rdtype == dns.rdatatype.SOA for rrset in reply.answer):
            raise NameserverUnreachable(
                f"name server {server[0]}:{server[1]} is not authoritative for {zone_name} "
                f"(it answers {dns.rcode.to_text(reply.rcode())}): check `nameservers` of the target"
            )


def check_https(target: Target, vantage: Vantage, *, path: str) -> None:
    reply = look(target, User(vantage), clock=target.new_clock(), path=path)
    if reply.status is not None:
        return
    where = f"https://{target.stack.domain_name}{path} at {reply.address or 'no address'}"
    if reply.error and reply.error.startswith("certificate: "):
        ca_file = target.endpoints.ca_file or "the system's certificates"
        raise CertificateInvalid(
            f"{where}: {reply.error.removeprefix('certificate: ')}; it was verified against {ca_file}: "
            "set the target's `ca_file` to the CA that signed it, or renew the certificate"
        )
    raise TargetError(f"{where}: {reply.error}; is the stack deployed and its certificate issued?")
