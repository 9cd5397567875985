"""Asks the resolver of a vantage, whichever it is: the name servers, a recursive one, Route 53's API, the system's.

All give the same observation. None takes longer than its deadline, and what goes wrong is in the answer.
"""

from __future__ import annotations

import contextlib
import ipaddress
import math
import queue
import socket
import threading
from collections.abc import Callable

from harness.aws import aws_errors
from harness.clock import Clock
from harness.errors import TargetError
from harness.events import DnsAnswer
from harness.nameservers import Nameserver, parse_nameserver
from harness.probes.dns import ask, try_s
from harness.probes.dns_answers import Asked, Manner
from harness.probes.flights import TRIES
from harness.probes.wire import Reply
from harness.resolving import DnsWay
from harness.target import Target
from harness.vantages import Vantage

_MOST_SYSTEM_LOOKUPS = 8
"""At once: the system's resolver cannot be told to give up, and one that hangs must not collect threads."""
_system_lookups = threading.BoundedSemaphore(_MOST_SYSTEM_LOOKUPS)


def ask_resolver(
    target: Target, vantage: Vantage, *, clock: Clock, within_s: float | None = None, until_s: float = math.inf
) -> DnsAnswer:
    """What the vantage's resolver answers now, for the vantage's client subnet unless its resolver sends none.

    `within_s`: stack seconds that one server may take, when that is less than usual; after `until_s` no further
    server is asked.
    """
    resolver = vantage.resolver
    manner = Manner(way=resolver.way, with_subnet=resolver.sends_subnet, within_s=within_s)
    match resolver.way:
        case DnsWay.AUTHORITATIVE:
            return _ask_name_servers(target, vantage, manner, clock, until_s)
        case DnsWay.RECURSIVE:
            server = parse_nameserver(resolver.address)
            return ask(target, vantage, server, clock=clock, manner=manner, transport=resolver.transport)
        case DnsWay.TEST_DNS_ANSWER:
            return _ask_route53(target, vantage, manner, clock)
        case DnsWay.SYSTEM:
            return _ask_system(target, vantage, manner, clock)


def _ask_name_servers(target: Target, vantage: Vantage, manner: Manner, clock: Clock, until_s: float) -> DnsAnswer:
    """The first that has an answer; one that says there is none ends it too."""
    servers: tuple[Nameserver, ...] = target.nameservers()
    for server in servers:
        answer = ask(target, vantage, server, clock=clock, manner=manner, transport=vantage.resolver.transport)
        if answer.rcode in {"NOERROR", "NXDOMAIN"} or clock.now_s() >= until_s:
            break
    return answer


def _ask_route53(target: Target, vantage: Vantage, manner: Manner, clock: Clock) -> DnsAnswer:
    """TestDNSAnswer tells no TTL; without a subnet it answers for a resolver in us-east-1."""
    stack, subnet, start_s = target.stack, manner.subnet(vantage), clock.now_s()
    network = ipaddress.ip_network(subnet) if subnet else None
    reply, error = None, None
    try:
        with aws_errors(f"testing the DNS answer of hosted zone {stack.hosted_zone_id}"):
            found = target.route53().test_dns_answer(
                HostedZoneId=stack.hosted_zone_id,
                RecordName=stack.domain_name,
                RecordType="A",
                **(
                    {
                        "EDNS0ClientSubnetIP": str(network.network_address),
                        "EDNS0ClientSubnetMask": str(network.prefixlen),
                    }
                    if network
                    else {}
                ),
            )
        reply = Reply(found["ResponseCode"], tuple(found["RecordData"]))
    except TargetError as failure:
        error = str(failure)
    told = Asked(vantage=vantage, manner=manner, who="route53", start_s=start_s, end_s=clock.now_s())
    return told.answered(target, reply) if reply else told.unanswered(error or "no answer")


def _ask_system(target: Target, vantage: Vantage, manner: Manner, clock: Clock) -> DnsAnswer:
    """The machine's own resolver, /etc/hosts included. It tells neither a TTL nor what became of a client subnet."""
    start_s = clock.now_s()
    wall_s = TRIES * try_s(manner, clock) / clock.rate
    host = target.stack.domain_name
    addresses, error = _within(wall_s, lambda: _system_addresses(host))
    told = Asked(vantage=vantage, manner=manner, who="system", start_s=start_s, end_s=clock.now_s())
    return told.answered(target, Reply("NOERROR", addresses)) if addresses else told.unanswered(error)


def _system_addresses(host: str) -> tuple[tuple[str, ...], str]:
    """(addresses, what went wrong)"""
    try:
        found = socket.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return (), getattr(error, "strerror", None) or str(error)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found)), "no IPv4 address"


def _within(wall_s: float, work: Callable[[], tuple[tuple[str, ...], str]]) -> tuple[tuple[str, ...], str]:
    """`work` on a thread that is left behind when it takes too long."""
    if not _system_lookups.acquire(blocking=False):
        return (), f"the system's resolver still has {_MOST_SYSTEM_LOOKUPS} earlier questions to answer"
    done: queue.SimpleQueue[tuple[tuple[str, ...], str]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put(work())
        finally:
            _system_lookups.release()

    threading.Thread(target=run, name="system-resolver", daemon=True).start()
    with contextlib.suppress(queue.Empty):
        return done.get(timeout=wall_s)
    return (), f"no answer from the system's resolver in {wall_s:.3g} s of wall time"
