"""Looks at the DNS truth, against a real name server on loopback."""

from __future__ import annotations

import socket
import threading

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from harness.events import Outcome
from harness.probes import dns as probe
from harness.probes.dns import DnsSweep, ask
from harness.vantages import catalogue

TARGET_OF_IRELAND = "d-1.execute-api.eu-west-1.amazonaws.com"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(probe, "TRY_FLOOR_WALL_S", 0.05)


def test_an_answer_names_addresses_region_ttl_and_scope(loopback_target, name_server, ireland):
    name_server.addresses[TARGET_OF_IRELAND] = ("127.0.0.1",)

    answer = ask(loopback_target, ireland, name_server.server, clock=loopback_target.new_clock())

    assert answer.outcome is Outcome.OK
    assert (answer.rcode, answer.addresses, answer.region) == ("NOERROR", ("127.0.0.1",), "eu-west-1")
    assert (answer.ttl_s, answer.scope, answer.retries) == (60.0, 24, 0)
    assert (answer.vantage, answer.nameserver) == ("aws:eu-west-1", name_server.text)


def test_the_server_sees_the_vantages_client_subnet(loopback_target, name_server, ireland):
    ask(loopback_target, ireland, name_server.server, clock=loopback_target.new_clock())

    (option,) = name_server.queries[0].options
    assert f"{option.address}/{option.srclen}" == ireland.client_subnet


def test_a_sweep_has_one_answer_for_every_vantage_by_its_own_subnet(loopback_target, name_server):
    """The server answers 127.0.0.x by the subnet's first octet, so a mix-up of answers would show."""

    def by_subnet(query, _):
        reply = name_server.answer(query)
        reply.answer = [dns.rrset.from_text(query.question[0].name, 60, "IN", "A", f"127.0.0.{_first_octet(query)}")]
        return [reply.to_wire()]

    name_server.respond = by_subnet
    with DnsSweep(loopback_target, loopback_target.new_clock()) as sweep:
        answers = {answer.vantage: answer.addresses for answer in sweep.ask_all(catalogue(), name_server.server)}

    assert answers == {v.name: (f"127.0.0.{v.client_subnet.split('.')[0]}",) for v in catalogue()}


def _first_octet(query):
    return query.options[0].address.split(".")[0] if query.options else "1"


@pytest.mark.parametrize(
    ("rcode", "error"),
    [(dns.rcode.SERVFAIL, "SERVFAIL"), (dns.rcode.REFUSED, "REFUSED"), (dns.rcode.NXDOMAIN, "NXDOMAIN")],
)
def test_a_refusal_is_data(loopback_target, name_server, ireland, rcode, error):
    name_server.rcode = rcode

    answer = ask(loopback_target, ireland, name_server.server, clock=loopback_target.new_clock())

    assert (answer.outcome, answer.rcode, answer.error, answer.region) == (Outcome.FAIL, error, error, None)


def test_an_answer_without_an_address_fails(loopback_target, name_server, ireland):
    name_server.addresses["api.example.com"] = ()
    name_server.respond = lambda query, _: [dns.message.make_response(query).to_wire()]

    answer = ask(loopback_target, ireland, name_server.server, clock=loopback_target.new_clock())

    assert (answer.outcome, answer.rcode, answer.error) == (Outcome.FAIL, "NOERROR", "no address (NODATA)")


def test_a_silent_server_is_asked_three_times_and_then_recorded_as_such(
    loopback_target, name_server, ireland, impatient
):
    name_server.respond = lambda *_: []

    answer = ask(loopback_target, ireland, name_server.server, clock=loopback_target.new_clock())

    assert (answer.outcome, answer.rcode, answer.retries) == (Outcome.FAIL, None, 2)
    assert f"no usable answer from {name_server.text} to 3 tries" in answer.error
    assert len(name_server.queries) == 3


def test_a_lost_question_is_sent_again_and_counted(loopback_target, name_server, ireland, impatient):
    name_server.respond = lambda query, _: [name_server.answer(query).to_wire()] if len(name_server.queries) > 1 else []

    answer = ask(loopback_target, ireland, name_server.server, clock=loopback_target.new_clock())

    assert (answer.outcome, answer.retries) == (Outcome.OK, 1)


def test_a_truncated_answer_is_asked_for_again_over_tcp(loopback_target, name_server, ireland):
    def truncate_on_udp(query, transport):
        reply = name_server.answer(query)
        if transport == "udp":
            reply.flags |= dns.flags.TC
            reply.answer = []
        return [reply.to_wire()]

    name_server.respond = truncate_on_udp

    answer = ask(loopback_target, ireland, name_server.server, clock=loopback_target.new_clock())

    assert (answer.outcome, answer.addresses, answer.error) == (Outcome.OK, ("127.0.0.1",), None)


def test_truncation_without_a_tcp_server_says_so(loopback_target, name_server, ireland):
    def truncate(query, transport):
        reply = name_server.answer(query)
        reply.flags |= dns.flags.TC
        reply.answer = []
        return [reply.to_wire()] if transport == "udp" else []

    name_server.respond = truncate

    answer = ask(loopback_target, ireland, name_server.server, clock=loopback_target.new_clock())

    assert answer.outcome is Outcome.FAIL
    assert answer.error.startswith("truncated, and over TCP: ")


def _spoofed(query, *, message_id=None, name=None):
    forged = dns.message.make_response(query)
    forged.answer = [dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "127.6.6.6")]
    data = bytearray(forged.to_wire())
    if message_id is not None:
        data[:2] = (forged.id ^ 1).to_bytes(2, "big")
    if name is not None:
        data = data.replace(b"\x03api", name)
    return bytes(data)


@pytest.mark.parametrize("forgery", [{"message_id": "other"}, {"name": b"\x03abc"}])
def test_an_answer_with_another_id_or_question_is_ignored(loopback_target, name_server, ireland, forgery):
    name_server.respond = lambda query, _: [_spoofed(query, **forgery), name_server.answer(query).to_wire()]

    answer = ask(loopback_target, ireland, name_server.server, clock=loopback_target.new_clock())

    assert (answer.addresses, answer.retries) == (("127.0.0.1",), 0)


def test_an_answer_from_another_source_is_ignored(loopback_target, name_server, ireland):
    """A second socket forges id and question rightly, from another port, before the server answers."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as front,
    ):
        stranger.bind(("127.0.0.1", 0))
        front.bind(("127.0.0.1", 0))

        def answer_after_the_stranger():
            data, client = front.recvfrom(4096)
            query = dns.message.from_wire(data)
            stranger.sendto(_spoofed(query), client)
            front.sendto(name_server.answer(query).to_wire(), client)

        thread = threading.Thread(target=answer_after_the_stranger, daemon=True)
        thread.start()
        answer = ask(loopback_target, ireland, front.getsockname(), clock=loopback_target.new_clock())
        thread.join(5)

    assert answer.addresses == ("127.0.0.1",)


def test_garbage_on_the_socket_stops_nothing(loopback_target, name_server, ireland):
    name_server.respond = lambda query, _: [
        b"",
        b"\xff",
        query.to_wire(),
        name_server.answer(query).to_wire()[:30],
        name_server.answer(query).to_wire(),
    ]

    assert ask(loopback_target, ireland, name_server.server, clock=loopback_target.new_clock()).outcome is Outcome.OK


def test_a_question_of_an_abandoned_sweep_is_not_answered_in_the_next(loopback_target, name_server, ireland):
    """The first sweep is left after one of its two answers; its open question must not count in the second sweep."""
    name_server.respond = lambda query, _: (
        [] if len(name_server.queries) == 2 else [name_server.answer(query).to_wire()]
    )

    with DnsSweep(loopback_target, loopback_target.new_clock()) as sweep:
        next(sweep.ask_all([ireland, ireland], name_server.server))
        answers = list(sweep.ask_all([ireland, ireland], name_server.server))

    assert [answer.outcome for answer in answers] == [Outcome.OK] * 2
