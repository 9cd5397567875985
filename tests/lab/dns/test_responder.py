from __future__ import annotations

import struct
from collections.abc import Callable

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.lab.dns import LatencyDatabase
from harness.lab.dns.answers import View
from harness.lab.dns.responder import Responder

RESOLVER = "127.0.0.1"
MakeView = Callable[..., View]


@pytest.fixture(scope="session")
def view(make_view: MakeView) -> View:
    return make_view()


@pytest.fixture(scope="session")
def responder(view: View, latency: LatencyDatabase) -> Responder:
    return Responder(view, latency)


@pytest.fixture
def ask(responder: Responder) -> Callable[..., dns.message.Message]:
    def reply(query: dns.message.Message, *, limit: int | None = None) -> dns.message.Message:
        data = responder.reply(query.to_wire(), RESOLVER, limit=limit)
        assert data is not None
        return dns.message.from_wire(data)

    return reply


def query(name: str = "api.example.com", rtype: str = "A", subnet: str | None = None, **fields) -> dns.message.Message:
    options = [dns.edns.ECSOption(*_prefix(subnet))] if subnet else []
    return dns.message.make_query(name, rtype, options=options or None, **fields)


def _prefix(subnet: str) -> tuple[str, int]:
    address, length = subnet.split("/")
    return address, int(length)


def addresses(message: dns.message.Message) -> list[str]:
    return [str(rdata) for rrset in message.answer for rdata in rrset]


def scope(message: dns.message.Message) -> int | None:
    return next((option.scopelen for option in message.options if isinstance(option, dns.edns.ECSOption)), None)


def test_a_reply_is_one_to_the_query(ask):
    asked = query()

    assert asked.is_response(ask(asked))


def test_a_reply_is_authoritative_and_offers_no_recursion(ask):
    assert dns.flags.to_text(ask(query()).flags) == "QR AA RD"


def test_the_case_of_the_question_is_kept(ask):
    reply = ask(query("aPI.eXample.COM"))

    assert str(reply.question[0].name) == str(reply.answer[0].name) == "aPI.eXample.COM."


@pytest.mark.parametrize(
    ("subnet", "expected"),
    [
        ("3.252.0.0/24", 24),
        ("3.252.0.1/32", 24),
        ("3.252.0.0/16", 16),
        ("2001:db8::/56", 48),
        ("2001:db8::/32", 32),
        ("0.0.0.0/0", 0),
    ],
)
def test_the_scope_of_a_routed_answer_is_at_most_24_or_48(ask, subnet: str, expected: int):
    assert scope(ask(query(subnet=subnet))) == expected


def test_the_scope_of_an_answer_for_everybody_is_0(ask):
    assert scope(ask(query("plain.example.com", subnet="3.252.0.0/24"))) == 0


def test_a_subnet_of_length_0_is_answered_by_the_resolvers_address(ask):
    assert addresses(ask(query(subnet="0.0.0.0/0"))) == addresses(ask(query()))


@pytest.mark.parametrize("network", range(0x2001, 0x200B))
def test_a_short_ipv6_subnet_is_routed_like_the_longer_ones_inside(ask, network: int):
    """A /32 is as many octets as an IPv4 address, and must not be taken for one."""
    answers = [addresses(ask(query(subnet=f"{network:x}:db8::/{length}"))) for length in (32, 56)]

    assert answers[0] == answers[1]


def test_a_query_without_edns_gets_a_reply_without(ask):
    assert ask(query(use_edns=False)).edns == -1


def test_unknown_options_and_flags_are_ignored(ask):
    asked = query()
    asked.use_edns(0, ednsflags=0x40, options=[dns.edns.GenericOption(65001, b"what?")])
    reply = ask(asked)

    assert (reply.rcode(), reply.options, reply.ednsflags) == (dns.rcode.NOERROR, (), 0)


def test_the_do_flag_is_copied(ask):
    assert ask(query(want_dnssec=True)).ednsflags == dns.flags.DO


def test_another_edns_version_is_badvers_without_an_answer(ask):
    reply = ask(query(use_edns=1))

    assert (reply.rcode(), reply.edns, reply.answer) == (dns.rcode.BADVERS, 0, [])


@pytest.mark.parametrize("opcode", [dns.opcode.NOTIFY, dns.opcode.UPDATE, dns.opcode.STATUS])
def test_another_opcode_is_not_implemented(responder: Responder, opcode: dns.opcode.Opcode):
    asked = query()
    asked.set_opcode(opcode)
    data = responder.reply(asked.to_wire(), RESOLVER)

    assert data is not None
    assert dns.rcode.Rcode(data[3] & 15) == dns.rcode.NOTIMP


@pytest.mark.parametrize("asked", [query("example.com", "AXFR"), query("example.net"), query(rdclass="CH")])
def test_what_is_none_of_its_business_is_refused(ask, asked: dns.message.Message):
    assert ask(asked).rcode() == dns.rcode.REFUSED


def test_a_message_without_a_question_is_a_format_error_with_edns(responder: Responder):
    opt = b"\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00"
    reply = responder.reply(b"\x12\x34" + struct.pack(">5H", 0, 0, 0, 0, 1) + opt, RESOLVER)

    assert reply is not None
    message = dns.message.from_wire(reply)
    assert (message.id, message.rcode(), message.edns) == (0x1234, dns.rcode.FORMERR, 0)


def test_a_reply_is_never_replied_to(responder: Responder):
    assert responder.reply(dns.message.make_response(query()).to_wire(), RESOLVER) is None


@pytest.mark.parametrize(("payload", "limit"), [(512, 512), (1232, 1232), (4096, 1232)])
def test_a_long_answer_is_truncated_to_nothing_over_udp(responder: Responder, payload: int, limit: int):
    data = responder.reply(query("big.example.com", "TXT", use_edns=0, payload=payload).to_wire(), RESOLVER)

    assert data is not None
    reply = dns.message.from_wire(data)
    assert (bool(reply.flags & dns.flags.TC), reply.answer, reply.edns) == (True, [], 0)
    assert len(data) <= limit


def test_an_answer_as_long_as_the_limit_is_whole_and_one_octet_longer_is_not(responder: Responder):
    asked = query("plain.example.com").to_wire()
    whole = responder.reply(asked, RESOLVER)

    assert whole is not None
    assert responder._fresh_reply(asked, RESOLVER, len(whole)) == whole[2:]
    assert len(responder._fresh_reply(asked, RESOLVER, len(whole) - 1) or b"") < len(whole) - 2


def test_a_long_answer_is_whole_over_tcp_also_after_udp_asked(ask):
    asked = query("big.example.com", "TXT")
    ask(asked)
    reply = ask(asked, limit=65_535)

    assert (len(reply.answer[0]), bool(reply.flags & dns.flags.TC)) == (20, False)
    assert ask(asked).flags & dns.flags.TC


def test_kept_replies_are_the_ones_a_new_responder_would_give(view: View, latency: LatencyDatabase):
    """Every way a reply is kept by: subnet, resolver, whole query; asked twice in different order and id."""
    subnets = [None, *(f"{region}.{n}.7.0/24" for n in range(0, 250, 50) for region in (3, 13, 99)), "3.252.0.0/20"]
    asked = [
        query(name, subnet=subnet, id=0) for name in ("api.example.com", "plain.example.com") for subnet in subnets
    ]
    resolvers = ["127.0.0.1", "3.252.0.1", "3.24.0.1"]
    kept = Responder(view, latency)
    for number in range(2):
        for data in [number.to_bytes(2) + message.to_wire()[2:] for message in asked]:
            for resolver in resolvers:
                assert kept.reply(data, resolver) == Responder(view, latency).reply(data, resolver)


def test_a_moved_subnet_is_routed_alone_also_when_its_neighbours_reply_is_kept(make_view: MakeView, latency):
    responder = Responder(make_view(), latency.moved("3.252.7.0/24", "ap-southeast-2"))

    def ask(subnet: str) -> list[str]:
        return addresses(dns.message.from_wire(responder.reply(query(subnet=subnet).to_wire(), RESOLVER) or b""))

    assert [ask(subnet) for subnet in ("3.252.8.0/24", "3.252.7.0/24", "3.252.8.0/24", "3.253.7.0/24")] == [
        ["127.20.0.1"],
        ["127.30.0.1"],
        ["127.20.0.1"],
        ["127.20.0.1"],
    ]


def test_a_flood_of_random_names_is_not_kept_for_ever(view: View, latency, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("harness.lab.dns.responder._MAX_KEPT", 10)
    responder = Responder(view, latency)
    for number in range(50):
        responder.reply(query(f"n{number}.example.com").to_wire(), RESOLVER)

    assert len(responder._kept) <= 10


def correct(reply: bytes | None, data: bytes) -> bool:
    """No reply to what is no query; else one with its id, a known code, and the question if it was understood."""
    if reply is None:
        return len(data) < 12 or bool(data[2] & 0x80)
    message = dns.message.from_wire(reply)
    codes = {
        dns.rcode.NOERROR,
        dns.rcode.FORMERR,
        dns.rcode.NXDOMAIN,
        dns.rcode.NOTIMP,
        dns.rcode.REFUSED,
        dns.rcode.BADVERS,
    }
    question = b"".join(asked.name.to_wire() or b"" for asked in message.question)
    return (
        reply[:2] == data[:2]
        and bool(reply[2] & 0x80)
        and message.rcode() in codes
        and len(reply) <= 1232
        and data[12 : 12 + len(question)] == question
    )


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=600))
def test_random_bytes_get_a_refusal_or_nothing(responder: Responder, data: bytes):
    assert correct(responder.reply(data, RESOLVER), data)


SEEDS = [
    query(subnet="3.252.0.0/24", id=7).to_wire(),
    query("www.example.com", id=7).to_wire(),
    query("x.wild.example.com", "TXT", use_edns=0, id=7).to_wire(),
    query("deep.sub.example.com", use_edns=False, id=7).to_wire(),
]


@settings(max_examples=300, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    edits=st.lists(
        st.tuples(st.integers(0, 90), st.sampled_from(["set", "drop", "add"]), st.integers(0, 255)), max_size=6
    ),
)
def test_mutated_queries_get_a_correct_answer_a_refusal_or_nothing(
    responder: Responder, view: View, latency: LatencyDatabase, seed: bytes, edits
):
    """And what is kept of them never answers another query: a responder that has seen nothing says the same."""
    data = bytearray(seed)
    for position, edit, value in edits:
        at = position % (len(data) or 1)
        if edit == "set" and data:
            data[at] = value
        elif edit == "drop":
            del data[at : at + 1]
        else:
            data.insert(at, value)
    reply = responder.reply(bytes(data), RESOLVER)
    assert correct(reply, bytes(data))
    assert reply == Responder(view, latency).reply(bytes(data), RESOLVER)
