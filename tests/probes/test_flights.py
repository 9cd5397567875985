"""Questions in flight, in virtual time: a server that loses, repeats, forges and is late is counted truly."""

from __future__ import annotations

from ipaddress import IPv4Network

import dns.message
import pytest
from virtual_dns import ROUND_TRIP_S, Respond, VirtualServer, answer

from harness.clock import VirtualClock
from harness.probes.flights import Counts, Flight, Flights
from harness.probes.wire import template

DOMAIN = "api.example.com"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def subnets(count: int) -> list[IPv4Network]:
    return [IPv4Network(((1 << 24) + (number << 8), 24)) for number in range(count)]


def ask(clock: VirtualClock, respond: Respond | None, count: int, **options) -> tuple[list[Flight], Counts]:
    made = template(DOMAIN, 4, 24)
    flights: Flights[IPv4Network] = Flights(VirtualServer(clock, respond), clock, **options)
    questions = ((subnet, made.question(subnet.network_address.packed[:3])) for subnet in subnets(count))
    return [flight for batch in flights.ask_all(questions) for flight in batch], flights.counts


def test_every_question_is_over_once_and_knows_its_own_answer(clock: VirtualClock):
    over, counts = ask(clock, None, 300)

    assert sorted(flight.label for flight in over) == subnets(300)
    assert {flight.reply.addresses for flight in over if flight.reply} == {("127.0.0.1",)}
    assert counts == Counts(asked=300, sent=300, answered=300)


def test_no_more_are_in_flight_than_the_window(clock: VirtualClock):
    """All answers of a window arrive together after 10 ms: 300 questions at 20 in flight take 15 round trips."""
    over, _ = ask(clock, None, 300, window=20)

    assert max(flight.end_s for flight in over) == pytest.approx(15 * ROUND_TRIP_S)


def test_what_is_lost_is_asked_again_and_counted(clock: VirtualClock):
    """Every 20th datagram gets no answer: 5 % of those sent, so sent = answered + lost."""
    over, counts = ask(clock, lambda query, n: [] if n % 20 == 0 else [(ROUND_TRIP_S, answer(query))], 1000)

    assert counts.answered == 1000
    assert counts.sent - counts.answered == -(-counts.sent // 20)
    assert sum(flight.tries - 1 for flight in over) == counts.retries == counts.sent - 1000


def test_a_silent_server_is_given_up_after_its_tries(clock: VirtualClock):
    """100 at once, 3 tries of 2 s: all 150 are over after two such stretches."""
    over, counts = ask(clock, lambda *_: [], 150)

    assert counts == Counts(asked=150, sent=450, gave_up=150)
    assert {(flight.reply, flight.tries) for flight in over} == {(None, 3)}
    assert clock.now_s() == pytest.approx(12.0)


def test_a_second_answer_is_a_duplicate(clock: VirtualClock):
    def twice(query: dns.message.Message, _: int) -> list[tuple[float, bytes]]:
        return [(ROUND_TRIP_S, answer(query)), (1.5 * ROUND_TRIP_S, answer(query))]

    over, counts = ask(clock, twice, 200, window=1)

    assert len(over) == 200
    assert (counts.answered, counts.duplicates) == (200, 199)  # the last one's second answer comes when none listens


def test_an_answer_to_what_was_given_up_is_late(clock: VirtualClock):
    """Answered after 5 s: the first question is given up at 2 s, and the second, of 1 try, still waits by then."""
    delays_s = [2.5, 1.0]
    over, counts = ask(clock, lambda query, n: [(delays_s[n], answer(query))], 2, window=1, tries=1)

    assert [flight.reply is None for flight in over] == [True, False]
    assert (counts.late, counts.gave_up, counts.duplicates) == (1, 1, 0)


@pytest.mark.parametrize("forged", [{"name": "abc.example.com"}, {"subnet": "9.9.9.0"}])
def test_an_answer_to_another_question_or_subnet_is_no_answer(clock: VirtualClock, forged: dict[str, str]):
    over, counts = ask(clock, lambda query, _: [(ROUND_TRIP_S, answer(query, **forged))], 10)

    assert {flight.reply for flight in over} == {None}
    assert counts == Counts(asked=10, sent=30, gave_up=10, mismatched=30)


def test_an_answer_under_another_id_is_a_strangers(clock: VirtualClock):
    def other_id(query: dns.message.Message, _: int) -> list[tuple[float, bytes]]:
        return [(ROUND_TRIP_S, (query.id ^ 0x8000).to_bytes(2) + answer(query)[2:])]

    over, counts = ask(clock, other_id, 1)

    assert [flight.reply for flight in over] == [None]
    assert counts == Counts(asked=1, sent=3, gave_up=1, strangers=3)


def test_the_right_answer_after_a_forged_one_counts(clock: VirtualClock):
    def forged_first(query: dns.message.Message, _: int) -> list[tuple[float, bytes]]:
        return [(ROUND_TRIP_S, answer(query, subnet="9.9.9.0")), (2 * ROUND_TRIP_S, answer(query))]

    _, counts = ask(clock, forged_first, 50)

    assert counts == Counts(asked=50, sent=50, answered=50, mismatched=50)


def test_what_cannot_be_sent_is_tried_again_and_given_up(clock: VirtualClock):
    server = VirtualServer(clock)

    def unreachable(_: bytes) -> int:
        raise OSError(101, "Network is unreachable")

    server.send = unreachable
    flights: Flights[int] = Flights(server, clock)
    over = [flight for batch in flights.ask_all([(1, template(DOMAIN, 4, 24).question(b"\1\2\3"))]) for flight in batch]

    assert [(flight.label, flight.reply) for flight in over] == [(1, None)]
    assert flights.counts == Counts(asked=1, gave_up=1, not_sent=3)


def test_an_abandoned_call_leaves_nothing_in_flight(clock: VirtualClock):
    flights: Flights[int] = Flights(VirtualServer(clock), clock)
    made = template(DOMAIN, 4, 24)
    next(flights.ask_all((number, made.question(bytes([1, 2, number]))) for number in range(9)))
    over = [flight for batch in flights.ask_all([(7, made.question(b"\1\2\x07"))]) for flight in batch]

    assert [(flight.label, flight.reply is None) for flight in over] == [(7, False)]
