"""The lab's resolvers by real packets: what clients get, and what the name server is asked."""

from __future__ import annotations

import socket

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset
import pytest

from harness.errors import LabError
from harness.lab.resolvers import ResolverSettings
from harness.resolving import ServeStale

DOMAIN = "api.example.com"


def addresses(reply):
    return [rdata.address for rrset in reply.answer for rdata in rrset if rrset.rdtype == dns.rdatatype.A]


def extended_errors(reply):
    return [int(option.code) for option in reply.options if isinstance(option, dns.edns.EDEOption)]


def subnets(message):
    return [option for option in message.options if isinstance(option, dns.edns.ECSOption)]


@pytest.fixture
def deaf(name_server):
    """The name server answers nothing any more."""

    def deafen():
        name_server.respond = lambda *_: []

    return deafen


@pytest.mark.parametrize("tcp", [False, True])
def test_it_recurses_and_says_so(make, ask, tcp):
    reply = ask(make(), tcp=tcp)

    assert (reply.rcode(), addresses(reply), reply.answer[0].ttl) == (dns.rcode.NOERROR, ["127.0.0.1"], 60)
    assert reply.flags & dns.flags.RA
    assert not reply.flags & dns.flags.AA


def test_it_asks_the_name_server_once_per_ttl_and_tells_what_is_left(make, ask, name_server, clock):
    name = make()
    ask(name)
    clock.advance_s(45)
    later = ask(name)
    clock.advance_s(15)
    ask(name)

    assert later.answer[0].ttl == 15
    assert len(name_server.queries) == 2
    assert not any(query.flags & dns.flags.RD for query in name_server.queries)


def test_one_that_clamps_keeps_the_old_answer_and_tells_its_own_ttl(make, ask, name_server, clock):
    name = make(ttl_min_s=300)
    first = ask(name)
    name_server.addresses[DOMAIN] = ("127.0.0.9",)
    clock.advance_s(299)

    assert first.answer[0].ttl == 300
    assert addresses(ask(name)) == ["127.0.0.1"]
    clock.advance_s(1)
    assert addresses(ask(name)) == ["127.0.0.9"]


def test_the_client_subnet_is_passed_on_and_its_scope_comes_back(make, ask, name_server):
    reply = ask(make(), subnet="35.76.0.0")

    assert [(option.address, option.srclen) for option in subnets(name_server.queries[0])] == [("35.76.0.0", 24)]
    assert [(option.address, option.scopelen) for option in subnets(reply)] == [("35.76.0.0", 24)]


def test_answers_for_one_subnet_are_not_given_to_another(make, ask, name_server):
    name = make()
    for subnet in ("35.76.0.0", "3.72.0.0", "35.76.0.0", None):
        ask(name, subnet=subnet)

    assert len(name_server.queries) == 3


def test_one_without_client_subnet_sends_none_and_echoes_none(make, ask, name_server):
    reply = ask(make(sends_subnet=False), subnet="35.76.0.0")

    assert not subnets(name_server.queries[0])
    assert not subnets(reply)


def test_a_name_server_sees_it_where_it_stands(make, ask, resolvers, latency):
    """Without a client subnet, the lab's name server goes by the address that asks."""
    name = make(region="ap-northeast-1")

    assert latency.region_of(resolvers.get(name).address.partition(":")[0]) == "ap-northeast-1"


def test_without_the_name_server_clients_get_servfail_and_the_reason(make, ask, deaf):
    deaf()

    reply = ask(make())

    assert (reply.rcode(), extended_errors(reply)) == (dns.rcode.SERVFAIL, [22])


def test_one_that_serves_stale_answers_from_its_memory_and_owns_up(make, ask, deaf, clock, resolvers):
    """Expired at 60 s; the name server is gone: the old answer with TTL 30 and extended error 3."""
    name = make(stale=ServeStale())
    ask(name)
    deaf()
    clock.advance_s(61)

    reply = ask(name)

    assert (reply.rcode(), addresses(reply), reply.answer[0].ttl) == (dns.rcode.NOERROR, ["127.0.0.1"], 30)
    assert extended_errors(reply) == [3]
    assert resolvers.get(name).served_stale == 1


def test_after_a_failed_refresh_it_does_not_try_again_at_once(make, ask, deaf, clock, resolvers):
    name = make(stale=ServeStale(recheck_s=30))
    ask(name)
    deaf()
    clock.advance_s(61)
    for _ in range(3):
        ask(name)
        clock.advance_s(5)

    assert resolvers.get(name).refreshed == 2


def test_an_error_of_the_name_server_is_a_failed_refresh(make, ask, name_server, clock):
    name = make(stale=ServeStale())
    ask(name)
    name_server.rcode = dns.rcode.SERVFAIL
    clock.advance_s(61)

    assert addresses(ask(name)) == ["127.0.0.1"]


def test_a_name_that_does_not_exist_is_an_answer_and_is_kept(make, ask, name_server):
    name = make(stale=ServeStale())

    replies = [ask(name, "nothing.example.com") for _ in range(2)]

    assert {reply.rcode() for reply in replies} == {dns.rcode.NXDOMAIN}
    assert len(name_server.queries) == 1
    assert replies[0].authority[0].rdtype == dns.rdatatype.SOA


def test_a_resolver_cut_off_from_the_name_servers_serves_what_it_has(make, ask, clock, resolvers):
    """What `resolver-stale` does: it is told so while it runs, and keeps what it had cached."""
    name = make()
    ask(name)
    resolvers.override(name, ResolverSettings(reaches_name_servers=False, stale=ServeStale()))
    clock.advance_s(61)
    during = ask(name)
    resolvers.restore(name)
    clock.advance_s(31)
    after = ask(name)

    assert (extended_errors(during), addresses(during)) == ([3], ["127.0.0.1"])
    assert (extended_errors(after), after.answer[0].ttl) == ([], 60)


def test_one_that_is_told_to_keep_silent_answers_nothing(make, resolvers):
    address, _, port = resolvers.get(make(answers=False)).address.partition(":")

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.sendto(dns.message.make_query(DOMAIN, "A").to_wire(), (address, int(port)))
        with pytest.raises(TimeoutError):
            client.recv(4096)


def test_several_caches_hold_different_answers(make, ask, name_server):
    """Each asks when it is asked first: after the address has changed some still have the old one."""
    name = make(caches=8)
    ask(name)
    name_server.addresses[DOMAIN] = ("127.0.0.9",)

    seen = {tuple(addresses(ask(name))) for _ in range(40)}

    assert seen == {("127.0.0.1",), ("127.0.0.9",)}


def test_questions_in_flight_are_asked_once(make, resolvers, name_server):
    """Ten clients at once, one question to the name server."""
    address, _, port = resolvers.get(make()).address.partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        for number in range(10):
            query = dns.message.make_query(DOMAIN, "A", id=number)
            client.sendto(query.to_wire(), (address, int(port)))
        replies = {dns.message.from_wire(client.recv(4096)).id for _ in range(10)}

    assert replies == set(range(10))
    assert len(name_server.queries) == 1


def test_an_answer_too_long_for_udp_is_whole_over_tcp(make, ask, name_server):
    def respond(query, transport):
        reply = name_server.answer(query)
        if transport == "udp":
            reply.answer = []
            reply.flags |= dns.flags.TC
        return [reply.to_wire(max_size=65535)]

    name_server.addresses[DOMAIN] = tuple(f"127.0.1.{number}" for number in range(1, 120))
    name_server.respond = respond
    name = make()

    short, whole = ask(name), ask(name, tcp=True)

    assert short.flags & dns.flags.TC
    assert len(addresses(whole)) == 119


def test_a_chain_of_aliases_is_followed(make, ask, name_server):
    def respond(query, _):
        reply = name_server.answer(query)
        if query.question[0].name.to_text() == "www.example.com.":
            reply.answer = [dns.rrset.from_text("www.example.com.", 20, "IN", "CNAME", f"{DOMAIN}.")]
            reply.authority = []
            reply.set_rcode(dns.rcode.NOERROR)
        return [reply.to_wire()]

    name_server.respond = respond

    reply = ask(make(), "www.example.com")

    assert addresses(reply) == ["127.0.0.1"]
    assert {rrset.ttl for rrset in reply.answer} == {20}


@pytest.mark.parametrize(
    ("data", "rcode"),
    [
        (b"", None),
        (b"\x12\x34", None),
        (b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xff", dns.rcode.FORMERR),
        (dns.message.make_query(DOMAIN, "A", id=1).to_wire()[:2] + b"\x91\x00" + bytes(8), None),
    ],
)
def test_what_is_no_question_gets_a_refusal_or_nothing(make, resolvers, data, rcode):
    address, _, port = resolvers.get(make()).address.partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2 if rcode is None else 5)
        client.sendto(data, (address, int(port)))
        if rcode is None:
            with pytest.raises(TimeoutError):
                client.recv(4096)
        else:
            assert dns.message.from_wire(client.recv(4096)).rcode() == rcode


def test_a_transfer_is_refused(make, ask):
    assert ask(make(), rdtype="ANY").rcode() == dns.rcode.REFUSED


def test_a_resolver_cannot_be_moved(make, resolvers):
    name = make(region="eu-west-1")

    with pytest.raises(LabError, match="stands in eu-west-1, not in us-east-1"):
        resolvers.put(name, ResolverSettings())


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("No", ResolverSettings(), "resolver name 'No'"),
        ("one", ResolverSettings(region="nowhere"), "no loopback address stands for 'nowhere'"),
    ],
)
def test_one_that_cannot_be_is_refused(resolvers, name, settings, message):
    with pytest.raises(LabError, match=message):
        resolvers.put(name, settings)


def test_one_that_is_removed_is_gone(make, resolvers):
    name = make()
    resolvers.remove(name)
    resolvers.remove(name)

    assert resolvers.all() == ()
    with pytest.raises(LabError, match=f"no resolver '{name}' in this lab; there are: none"):
        resolvers.get(name)
