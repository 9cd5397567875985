"""Ways of asking: name servers, recursive resolvers, Route 53's API, the system's resolver. One observation for all."""

from __future__ import annotations

import socket
import threading

import dns.edns
import dns.flags
import dns.rcode
import msgspec
import pytest

from harness.events import DnsAnswer, Outcome
from harness.probes import dns as probe
from harness.probes import resolvers
from harness.probes.resolve import cache_of, resolve
from harness.probes.resolvers import ask_resolver
from harness.resolving import BeyondTtl, DnsWay, Resolver, ServeStale, SubnetFate, Transport
from harness.vantages import choose

TARGET_OF_IRELAND = "d-1.execute-api.eu-west-1.amazonaws.com"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(probe, "TRY_FLOOR_WALL_S", 0.05)
    monkeypatch.setattr(probe, "TRY_S", 0.05)


@pytest.fixture
def asking(whole_target, ireland, name_server):
    """The answer of a resolver with these ways, as users in Ireland get it.

    The small name server of the tests passes for a recursive resolver too.
    """

    def ask(way=DnsWay.AUTHORITATIVE, **ways) -> DnsAnswer:
        address = name_server.text if way is DnsWay.RECURSIVE else way.value
        vantage = msgspec.structs.replace(ireland, resolver=Resolver(**{"address": address} | ways))
        return ask_resolver(whole_target, vantage, clock=whole_target.new_clock())

    return ask


@pytest.mark.parametrize(
    ("way", "transport", "ttl_s"),
    [
        (DnsWay.AUTHORITATIVE, Transport.UDP, 60),
        (DnsWay.AUTHORITATIVE, Transport.TCP, 60),
        (DnsWay.RECURSIVE, Transport.UDP, 60),
        (DnsWay.RECURSIVE, Transport.TCP, 60),
        (DnsWay.TEST_DNS_ANSWER, Transport.UDP, None),
    ],
)
def test_every_way_gives_the_same_observation(asking, name_server, way, transport, ttl_s):
    name_server.addresses[TARGET_OF_IRELAND] = ("127.0.0.1",)

    answer = asking(way, transport=transport)

    assert (answer.outcome, answer.rcode, answer.error) == (Outcome.OK, "NOERROR", None)
    assert (answer.addresses, answer.region) == (("127.0.0.1",), "eu-west-1")
    assert (answer.way, answer.transport, answer.vantage) == (way, transport, "aws:eu-west-1")
    assert answer.nameserver == ("route53" if way is DnsWay.TEST_DNS_ANSWER else name_server.text)
    assert answer.ttl_s == ttl_s
    assert answer.subnet is SubnetFate.USED
    assert answer.end_s >= answer.start_s


@pytest.mark.parametrize("transport", list(Transport))
def test_a_resolver_is_asked_to_recurse_and_a_name_server_is_not(asking, name_server, transport):
    asked = []

    def respond(query, _):
        asked.append(bool(query.flags & dns.flags.RD))
        return [name_server.answer(query).to_wire()]

    name_server.respond = respond
    asking(DnsWay.RECURSIVE, transport=transport)
    by_resolver, asked[:] = asked[0], []
    asking(transport=transport)

    assert (by_resolver, asked[0]) == (True, False)


@pytest.mark.parametrize("way", [DnsWay.AUTHORITATIVE, DnsWay.RECURSIVE])
def test_a_resolver_that_sends_no_subnet_is_marked(asking, name_server, way):
    answer = asking(way, sends_subnet=False)

    assert (answer.subnet, answer.scope) == (SubnetFate.NOT_SENT, None)
    assert not name_server.queries[0].options


@pytest.mark.parametrize(
    ("way", "scope", "fate"),
    [
        (DnsWay.RECURSIVE, None, SubnetFate.DROPPED),
        (DnsWay.RECURSIVE, 0, SubnetFate.DROPPED),
        (DnsWay.RECURSIVE, 16, SubnetFate.USED),
        (DnsWay.AUTHORITATIVE, None, SubnetFate.DROPPED),
        (DnsWay.AUTHORITATIVE, 0, SubnetFate.USED),
    ],
)
def test_what_becomes_of_the_subnet_is_told_by_the_scope_that_comes_back(asking, name_server, way, scope, fate):
    def respond(query, _):
        reply = name_server.answer(query)
        echo = [dns.edns.ECSOption(o.address, o.srclen, scope) for o in query.options if scope is not None]
        reply.use_edns(0, options=echo)
        return [reply.to_wire()]

    name_server.respond = respond

    answer = asking(way)

    assert (answer.subnet, answer.scope) == (fate, scope)


def test_the_api_is_told_the_subnet(asking, route53):
    asking(DnsWay.TEST_DNS_ANSWER)
    asking(DnsWay.TEST_DNS_ANSWER, sends_subnet=False)

    with_subnet, without = [path for path in route53.paths if "testdnsanswer" in path]
    assert "edns0clientsubnetip=3.252.0.0" in with_subnet
    assert "edns0clientsubnetmask=24" in with_subnet
    assert "edns0" not in without


@pytest.mark.parametrize("way", [DnsWay.AUTHORITATIVE, DnsWay.RECURSIVE, DnsWay.TEST_DNS_ANSWER])
@pytest.mark.parametrize(
    "told", [("SERVFAIL", "SERVFAIL"), ("NXDOMAIN", "NXDOMAIN"), ("NOERROR", "no address (NODATA)")]
)
def test_an_answer_without_an_address_is_recorded_as_what_it_is(asking, route53, name_server, way, told):
    rcode, error = told
    route53.tested = (rcode, ())
    name_server.rcode = dns.rcode.from_text(rcode)
    name_server.addresses["api.example.com"] = ()
    if rcode == "NOERROR":
        name_server.respond = lambda query, _: [dns.message.make_response(query).to_wire()]

    answer = asking(way)

    assert (answer.outcome, answer.rcode, answer.addresses, answer.error) == (Outcome.FAIL, rcode, (), error)


def test_an_address_in_no_known_region_is_recorded_as_that(asking, name_server):
    name_server.addresses["api.example.com"] = ("192.0.2.7",)

    answer = asking(DnsWay.RECURSIVE)

    assert (answer.outcome, answer.addresses, answer.region) == (Outcome.OK, ("192.0.2.7",), None)


def test_an_extended_error_is_kept(asking, name_server):
    def stale(query, _):
        reply = name_server.answer(query)
        reply.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.STALE_ANSWER)])
        return [reply.to_wire()]

    name_server.respond = stale

    assert asking(DnsWay.RECURSIVE).extended_error == 3


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("transport", list(Transport))
def test_a_resolver_that_never_answers_is_reported_in_time(asking, name_server, transport):
    silent = threading.Event()

    def say_nothing(*_):
        silent.wait(2)
        return []

    name_server.respond = say_nothing

    answer = asking(DnsWay.RECURSIVE, transport=transport)
    silent.set()

    assert (answer.outcome, answer.rcode) == (Outcome.FAIL, None)
    assert answer.error.startswith(f"no usable answer from {name_server.text}")
    assert answer.end_s - answer.start_s < 20  # of which 20 are a second


def test_a_resolver_that_is_not_there_is_reported(asking):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        answer = asking(DnsWay.RECURSIVE, address=f"127.0.0.1:{taken.getsockname()[1]}", transport=Transport.TCP)

    assert "Connection refused" in answer.error


def test_the_systems_resolver_is_asked_as_any_program_asks_it(whole_target, two_region_stack, ireland):
    target = whole_target
    target.stack = msgspec.structs.replace(two_region_stack, domain_name="localhost")
    vantage = msgspec.structs.replace(ireland, resolver=Resolver(address="system"))

    answer = ask_resolver(target, vantage, clock=target.new_clock())

    assert (answer.way, answer.nameserver, answer.addresses) == (DnsWay.SYSTEM, "system", ("127.0.0.1",))
    assert (answer.ttl_s, answer.scope, answer.subnet) == (None, None, None)


@pytest.mark.usefixtures("impatient")
def test_a_systems_resolver_that_hangs_is_left_behind(asking, monkeypatch):
    """Nine hang: eight threads wait for the system, the ninth question is not even put."""
    released = threading.Event()
    monkeypatch.setattr(resolvers, "_system_addresses", lambda _: released.wait(5) and ((), "late"))

    errors = [asking(DnsWay.SYSTEM).error for _ in range(9)]
    released.set()

    assert errors[0].startswith("no answer from the system's resolver in 0.15 s of wall time")
    assert errors[8] == "the system's resolver still has 8 earlier questions to answer"


class TestResolving:
    """From the domain to addresses through a resolver's caches."""

    @pytest.fixture
    def through(self, whole_target, ireland):
        """A cache of a resolver with these ways, and how to resolve through it."""

        def make(**ways):
            vantage = msgspec.structs.replace(ireland, resolver=Resolver(**ways))
            cache, clock = cache_of(vantage, first_age=0.5), whole_target.new_clock()
            return cache, lambda: resolve(whole_target, vantage, cache, clock=clock)

        return make

    def test_a_real_resolvers_own_ttl_is_honoured_whole(self, through, name_server):
        """What it says is left already; only a resolver that we stand in for is found in the middle of its TTL."""
        real, ours = through(address=name_server.text)[1](), through()[1]()

        assert (real.use.ttl_left_s, ours.use.ttl_left_s) == (60, 30)

    def test_the_system_is_asked_each_time_and_the_api_after_the_records_ttl(self, through, whole_target):
        """Neither tells a TTL."""
        assert through(address="test-dns-answer")[1]().use.answer.ttl_s == whole_target.stack.record_ttl_s

    def test_a_resolver_that_owns_up_to_a_stale_answer_is_quoted(self, through, name_server):
        def stale(query, _):
            reply = name_server.answer(query)
            reply.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.STALE_ANSWER)])
            return [reply.to_wire()]

        name_server.respond = stale
        found = through(address=name_server.text)[1]()

        assert found.beyond_ttl is BeyondTtl.STALE
        assert found.because == "the resolver says so: extended DNS error 3 (Stale Answer)"

    def test_a_name_without_an_address_is_no_failed_refresh(self, through, name_server):
        """RFC 8767: a stale answer must not hide that the name is gone."""
        cache, resolving = through(stale=ServeStale())
        cache.store("api.example.com", resolving().use.answer.value, ttl_s=60, now_s=-100)
        name_server.rcode = dns.rcode.NXDOMAIN

        found = resolving()

        assert (found.use, found.error) == (None, "NXDOMAIN")


def test_every_vantage_of_the_catalogue_can_be_looked_from(whole_target):
    clock = whole_target.new_clock()

    assert all(ask_resolver(whole_target, vantage, clock=clock).outcome is Outcome.OK for vantage in choose(["*"], 6))
