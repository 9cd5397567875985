"""The DNS messages of the fast path: the same understanding as dnspython's, or none."""

from __future__ import annotations

import contextlib
import ipaddress

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.probes import wire
from harness.probes.wire import MalformedReply, Reply, ReplyReader, parse, question, template

NAME = "api.example.com"
SUBNET = "3.72.0.0/24"


def _query(client_subnet=SUBNET):
    return dns.message.from_wire(question(NAME, client_subnet).with_id(7))


def _reply(*addresses, scope=24, edns=True, ttl=60, name=NAME):
    reply = dns.message.make_response(_query(), our_payload=1232)
    reply.flags |= dns.flags.AA
    if edns:
        options = [dns.edns.ECSOption("3.72.0.0", 24, scope)] if scope is not None else []
        reply.use_edns(0, options=options)
    else:
        reply.use_edns(False)
    if addresses:
        reply.answer.append(dns.rrset.from_text(f"{name}.", ttl, "IN", "A", *addresses))
    return reply


def test_the_question_is_a_resolvers_to_an_authoritative_server():
    """No recursion desired, EDNS of 1,232 bytes, the client subnet with scope 0 (RFC 7871, 6)."""
    query = _query()

    assert query.id == 7
    assert not query.flags & dns.flags.RD
    assert query.payload == 1232
    assert query.question[0].to_text() == f"{NAME}. IN A"
    assert [(o.address, o.srclen, o.scopelen) for o in query.options] == [("3.72.0.0", 24, 0)]


def test_without_a_client_subnet_none_is_sent():
    assert list(_query(None).options) == []


@pytest.mark.parametrize("scope", [24, 0, None])
def test_a_plain_answer_is_read_without_dnspython(monkeypatch, scope):
    monkeypatch.setattr(wire, "_parse_any", None)

    found = parse(question(NAME, SUBNET), _reply("192.0.2.1", "192.0.2.2", scope=scope).to_wire())

    assert sorted(found.addresses) == ["192.0.2.1", "192.0.2.2"]
    assert (found.rcode, found.ttl_s, found.scope, found.truncated) == ("NOERROR", 60.0, scope, False)


def _with_ns(reply):
    reply.authority.append(dns.rrset.from_text("example.com.", 172800, "IN", "NS", "ns-1.awsdns-00.com."))
    return reply


def _cname():
    reply = _reply("192.0.2.1", name="target.example.net")
    reply.answer.insert(0, dns.rrset.from_text(f"{NAME}.", 30, "IN", "CNAME", "target.example.net."))
    return reply


def _failed(rcode):
    reply = _reply(scope=None)
    reply.set_rcode(rcode)
    return reply


def _truncated():
    reply = _reply()
    reply.flags |= dns.flags.TC
    return reply


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (_with_ns(_reply("192.0.2.1")), Reply("NOERROR", ("192.0.2.1",), 60.0, 24)),
        (_cname(), Reply("NOERROR", ("192.0.2.1",), 30.0, 24)),
        (_reply("192.0.2.1", edns=False), Reply("NOERROR", ("192.0.2.1",), 60.0, None)),
        (_reply(), Reply("NOERROR", (), None, 24)),
        (_failed(dns.rcode.NXDOMAIN), Reply("NXDOMAIN")),
        (_failed(dns.rcode.SERVFAIL), Reply("SERVFAIL")),
        (_failed(dns.rcode.BADVERS), Reply("BADVERS")),
        (_truncated(), Reply("NOERROR", (), None, 24, truncated=True)),
    ],
    ids=["authority", "cname", "no edns", "nodata", "nxdomain", "servfail", "badvers", "truncated"],
)
def test_answers_of_every_other_form_are_understood_too(reply, expected):
    assert parse(question(NAME, SUBNET), reply.to_wire()) == expected


def test_the_case_of_the_name_does_not_matter():
    data = _reply("192.0.2.1").to_wire().replace(b"\x03api", b"\x03ApI")

    assert parse(question(NAME, SUBNET), data).addresses == ("192.0.2.1",)


def test_an_error_may_come_without_the_question():
    reply = dns.message.QueryMessage(id=7)
    reply.flags |= dns.flags.QR
    reply.set_rcode(dns.rcode.FORMERR)

    assert parse(question(NAME, SUBNET), reply.to_wire()) == Reply("FORMERR")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 11,
        question(NAME, SUBNET).with_id(7),
        _reply("192.0.2.1").to_wire().replace(b"\x03api", b"\x03abc"),
        _reply("192.0.2.1").to_wire()[:-20],
    ],
    ids=["empty", "short", "a query", "another name", "cut"],
)
def test_what_is_no_reply_to_the_question_is_refused(data):
    with pytest.raises(MalformedReply):
        parse(question(NAME, SUBNET), data)


@pytest.mark.parametrize(
    "echo",
    [("3.73.0.0", 24, 24), ("3.72.0.0", 16, 16), ("2001:db8::", 24, 24)],
    ids=["another address", "another length", "another family"],
)
def test_a_reply_that_echoes_another_client_subnet_is_refused(echo):
    """RFC 7871, 7.3: it is somebody else's answer."""
    reply = _reply("192.0.2.1")
    reply.use_edns(0, options=[dns.edns.ECSOption(*echo)])

    with pytest.raises(MalformedReply):
        parse(question(NAME, SUBNET), reply.to_wire())


def test_a_scope_longer_than_an_address_is_refused():
    data = _reply("192.0.2.1").to_wire()

    with pytest.raises(MalformedReply):
        parse(question(NAME, SUBNET), data[:-4] + b"\x21" + data[-3:])


def test_an_address_of_another_class_is_none():
    """Whatever a broken server sends, it is read or refused."""
    data = _reply("192.0.2.1").to_wire().replace(b"\xc0\x0c\x00\x01\x00\x01", b"\xc0\x0c\x00\x01\x00\x04")

    assert parse(question(NAME, SUBNET), data).addresses == ()


@pytest.mark.parametrize("subnet", ["3.72.0.0/24", "3.64.0.0/12", "8.0.0.0/5", "3.72.9.9/32", "2001:db8::/48"])
def test_a_template_makes_the_very_question(subnet):
    network = ipaddress.ip_network(subnet)
    octets = network.network_address.packed[: (network.prefixlen + 7) // 8]

    assert template(NAME, network.version, network.prefixlen).question(octets) == question(NAME, subnet)


def _echoing(subnet, *addresses, rcode=dns.rcode.NOERROR, name=NAME):
    """A whole reply to the question with this client subnet."""
    reply = dns.message.make_response(dns.message.from_wire(question(name, subnet).with_id(7)), our_payload=1232)
    address, length = subnet.split("/")
    reply.use_edns(0, options=[dns.edns.ECSOption(address, int(length), 24)])
    reply.set_rcode(rcode)
    if addresses:
        reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "A", *addresses))
    return reply.to_wire()


@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.SERVFAIL, dns.rcode.NXDOMAIN])
def test_a_reply_that_differs_in_the_subnet_alone_is_known_again(monkeypatch, rcode):
    reader = ReplyReader()
    first = reader.read(question(NAME, "3.72.1.0/24"), _echoing("3.72.1.0/24", "192.0.2.1", rcode=rcode))
    monkeypatch.setattr(wire, "parse", None)

    assert reader.read(question(NAME, "9.9.9.0/24"), _echoing("9.9.9.0/24", "192.0.2.1", rcode=rcode)) is first


def test_what_is_known_answers_no_other_question():
    """Another name; and a server that cuts every client subnet to /24, whose replies end with the asked octets."""
    reader = ReplyReader()
    reader.read(question(NAME, "3.72.1.0/24"), _echoing("3.72.1.0/24", "192.0.2.1"))

    for asked in (question("abc.example.com", "3.72.1.0/24"), question(NAME, "3.72.0.0/20")):
        with pytest.raises(MalformedReply):
            reader.read(asked, _echoing("3.72.1.0/24", "192.0.2.1")[: -len(asked.octets)] + asked.octets)


@given(
    first=st.integers(0, 255),
    position=st.integers(2, len(_echoing("3.72.0.0/24", "192.0.2.1")) - 1),
    byte=st.integers(0, 255),
)
def test_a_reader_says_what_parsing_says(first, position, byte):
    """Two replies, one octet of the second changed: whatever the first taught the reader, the second is read alike."""
    asked, data = question(NAME, "3.72.7.0/24"), bytearray(_echoing("3.72.7.0/24", "192.0.2.1"))
    data[position] = byte
    reader = ReplyReader()
    reader.read(question(NAME, f"3.72.{first}.0/24"), _echoing(f"3.72.{first}.0/24", "192.0.2.1"))

    assert _said(lambda: reader.read(asked, bytes(data))) == _said(lambda: parse(asked, bytes(data)))


def _said(read):
    try:
        return read()
    except MalformedReply:
        return None


_PLAIN = _reply("192.0.2.1", "192.0.2.2").to_wire()


@given(position=st.integers(2, len(_PLAIN) - 1), byte=st.integers(0, 255), cut=st.integers(0, 30))
def test_the_fast_path_never_understands_what_dnspython_reads_otherwise(position, byte, cut):
    """One byte of a plain answer changed, some of its end cut off: both readings agree, or the fast one abstains."""
    data = bytearray(_PLAIN)
    data[position] = byte
    mutated = bytes(data[: len(data) - cut])
    asked = question(NAME, SUBNET)

    fast = wire._parse_plain(asked, mutated) if len(mutated) >= 12 and mutated[2] & 0x80 else None
    if fast is not None:
        slow = wire._parse_any(asked, mutated)
        assert set(fast.addresses) == set(slow.addresses)
        assert (fast.rcode, fast.ttl_s, fast.scope) == (slow.rcode, slow.ttl_s, slow.scope)
        assert not slow.truncated


@given(st.binary(max_size=600))
def test_garbage_is_refused_and_nothing_else(data):
    """Whatever arrives, the reading is a reply or a refusal."""
    with contextlib.suppress(MalformedReply):
        parse(question(NAME, SUBNET), b"\0\7\x80\0" + data)
