from __future__ import annotations

import asyncio
import logging
import random
import socket

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest

from harness.clock import VirtualClock
from harness.errors import LabError
from harness.lab.dns import HostedZone, LabDns, LatencyDatabase, ZoneSet
from harness.models.routing import Record

IRELAND, VIRGINIA = ["127.20.0.1"], ["127.10.0.1"]


def ask(
    lab, name: str = "api.example.com", rtype: str = "A", *, subnet: str = "3.252.0.0", over=dns.query.udp
) -> dns.message.Message:
    query = dns.message.make_query(name, rtype, options=[dns.edns.ECSOption(subnet, 24)])
    address, port = lab.dns.endpoint
    return over(query, address, port=port, timeout=5)


def addresses(reply: dns.message.Message) -> list[str]:
    return [str(rdata) for rrset in reply.answer for rdata in rrset]


@pytest.mark.parametrize("over", [dns.query.udp, dns.query.tcp])
def test_one_port_answers_over_udp_and_tcp(lab, over):
    assert addresses(ask(lab, over=over)) == IRELAND


def test_an_answer_too_long_for_udp_is_whole_over_tcp(lab):
    query = dns.message.make_query("big.example.com", "TXT")
    address, port = lab.dns.endpoint
    reply, used_tcp = dns.query.udp_with_fallback(query, address, port=port, timeout=5)

    assert (used_tcp, len(reply.answer[0])) == (True, 20)


def test_a_failed_check_moves_its_clients_once_health_is_said_to_have_changed(lab):
    ask(lab)
    lab.unhealthy.add("eu-west-1")
    assert addresses(ask(lab)) == IRELAND
    lab.dns.health_changed()
    assert addresses(ask(lab)) == VIRGINIA


def test_a_mended_check_brings_its_clients_back(lab):
    for change in (lab.unhealthy.add, lab.unhealthy.remove):
        change("eu-west-1")
        lab.dns.health_changed()

    assert addresses(ask(lab)) == IRELAND


def test_each_change_of_service_is_told_with_the_labs_time(lab):
    lab.clock.advance_s(85)
    lab.unhealthy.add("eu-west-1")
    lab.dns.health_changed()
    lab.dns.health_changed()

    assert [(truth.at_s, truth.region, truth.detail["change"]) for truth in lab.truths] == [(85, "eu-west-1", "left")]


def test_new_zones_replace_the_old_ones(lab):
    ask(lab)
    other = Record(name="api.example.com", type="A", ttl_s=5, values=("192.0.2.7",))
    lab.dns.replace_zones(ZoneSet(zones=(HostedZone(id="Z1", name="example.com", records=(other,)),)))

    assert addresses(ask(lab)) == ["192.0.2.7"]
    assert ask(lab, "www.example.com").rcode() == dns.rcode.NXDOMAIN


def test_records_that_cannot_be_answered_are_logged_once(lab, caplog: pytest.LogCaptureFixture):
    bad = Record(name="bad.example.com", type="A", values=("no address",))
    zones = ZoneSet(zones=(HostedZone(id="Z1", name="example.com", records=(bad,)),))
    with caplog.at_level(logging.WARNING):
        lab.dns.replace_zones(zones)
        lab.dns.replace_zones(zones)

    assert [message.startswith("DNS: A bad.example.com: not answered") for message in caplog.messages] == [True]


def test_another_latency_database_reroutes(lab, latency: LatencyDatabase):
    ask(lab)
    lab.dns.replace_latency(latency.moved("3.252.0.0/24", "us-east-1"))

    assert addresses(ask(lab)) == VIRGINIA


@pytest.mark.parametrize(("subnet", "expected"), [("3.252.0.0/24", IRELAND), ("3.252.9.9", IRELAND), (None, VIRGINIA)])
def test_dns_answers_without_network_are_the_servers(lab, subnet: str | None, expected: list[str]):
    """Without a subnet Route 53 asks as a resolver in us-east-1."""
    assert lab.dns.answer("Z1", "api.example.com", "A", subnet) == ("NOERROR", expected)


def test_dns_answers_are_in_presentation_form(lab):
    code, (soa,) = lab.dns.answer("/hostedzone/Z1", "example.com", "SOA", None)

    assert (code, soa.split()[0]) == ("NOERROR", "ns-2048.awsdns-64.net.")


def test_dns_answers_from_a_zone_that_is_not_there_are_refused(lab):
    assert lab.dns.answer("Z9", "api.example.com", "A", None) == ("REFUSED", [])


def test_garbage_does_not_stop_the_server(lab):
    rng = random.Random(20261123)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for _ in range(300):
            client.sendto(rng.randbytes(rng.randrange(600)), lab.dns.endpoint)
    with socket.create_connection(lab.dns.endpoint, timeout=5) as client:
        client.sendall(b"\x00\x20" + rng.randbytes(32) + b"\xff\xff" + rng.randbytes(100))

    assert addresses(ask(lab)) == IRELAND


def new_server(loop: asyncio.AbstractEventLoop, latency: LatencyDatabase, port: int) -> LabDns:
    return LabDns(
        loop,
        port=port,
        is_healthy=lambda _: True,
        locate=lambda _: None,
        latency=latency,
        clock=VirtualClock(),
    )


def test_a_taken_port_is_an_error_that_names_it(lab, latency: LatencyDatabase):
    async def start() -> None:
        await new_server(asyncio.get_running_loop(), latency, lab.dns.endpoint[1]).start()

    with pytest.raises(LabError, match=f"127.0.0.1 port {lab.dns.endpoint[1]} cannot be bound"):
        asyncio.run(start())


def test_a_stopped_server_leaves_its_port_free_even_with_connections_open(latency: LatencyDatabase):
    async def start_twice() -> bool:
        first = new_server(asyncio.get_running_loop(), latency, 0)
        await first.start()
        address, port = first.endpoint
        await asyncio.open_connection(address, port)
        await asyncio.sleep(0)
        await first.stop()
        second = new_server(asyncio.get_running_loop(), latency, port)
        await second.start()
        await second.stop()
        return first.endpoint == second.endpoint

    assert asyncio.run(start_twice())
