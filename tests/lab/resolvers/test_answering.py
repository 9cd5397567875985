"""A resolver without sockets against whatever bytes come: a correct reply, a correct refusal, or silence."""

from __future__ import annotations

import asyncio

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import VirtualClock
from harness.lab.resolvers.answering import Resolver
from harness.lab.resolvers.recursion import Found, Recursion
from harness.lab.resolvers.settings import ResolverSettings

NAME = dns.name.from_text("api.example.com.")


class Knowing(Recursion):
    """Finds the same address for every name, at once."""

    def __init__(self) -> None: ...

    async def ask(self, name, rdtype, subnet, *, within_wall_s):
        answer = dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1")
        return Found(dns.rcode.NOERROR, (answer,), (), 24, 60.0)


def reply_to(data: bytes, *, over_tcp: bool = False) -> bytes | None:
    async def ask() -> bytes | None:
        return await Resolver(ResolverSettings(), Knowing(), VirtualClock(), seed=1).reply(data, over_tcp=over_tcp)

    return asyncio.run(ask())


@st.composite
def mutated_queries(draw: st.DrawFn) -> bytes:
    """A good query with some of its octets changed, cut or added."""
    options = draw(
        st.lists(
            st.sampled_from([dns.edns.ECSOption("198.51.100.0", 24), dns.edns.GenericOption(10, b"12345678")]),
            max_size=2,
        )
    )
    query = dns.message.make_query(NAME, draw(st.sampled_from(["A", "AAAA", "TXT"])), use_edns=0, options=options)
    data = bytearray(query.to_wire())
    for position, octet in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=4)):
        data[position] = octet
    return bytes(data[: draw(st.integers(0, len(data)))]) + draw(st.binary(max_size=4))


@given(st.binary(max_size=80) | mutated_queries(), st.booleans())
def test_any_bytes_get_a_readable_reply_with_their_own_id_or_silence(data, over_tcp):
    reply = reply_to(data, over_tcp=over_tcp)

    if reply is not None:
        assert reply[:2] == data[:2]
        read = dns.message.from_wire(reply)
        assert read.flags & dns.flags.QR
        assert read.rcode() != dns.rcode.SERVFAIL


def test_the_askers_own_mixture_of_letters_comes_back():
    """Some clients put randomness into it (0x20)."""
    query = dns.message.make_query("aPi.ExAmPle.CoM.", "A")

    reply = reply_to(query.to_wire())

    assert reply is not None
    assert b"\x03aPi\x07ExAmPle\x03CoM" in reply


def test_another_version_of_edns_is_told_which_one_is_known():
    query = dns.message.make_query(NAME, "A", use_edns=1)

    reply = reply_to(query.to_wire())

    assert reply is not None
    read = dns.message.from_wire(reply)
    assert (read.rcode(), read.edns) == (dns.rcode.BADVERS, 0)
