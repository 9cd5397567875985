"""A sweep against a server in virtual time: every subnet accounted for, whatever the server does; parts merge."""

from __future__ import annotations

from itertools import permutations

import dns.flags
import dns.message
import dns.rcode
import pytest
from virtual_dns import ROUND_TRIP_S, Respond, VirtualServer, answer

from harness.clock import VirtualClock
from harness.probes.flights import Counts
from harness.sweep.asking import Answer, Look, Part, merge, sweep
from harness.sweep.subnets import Subnet, parse_subnet, partition, public_subnets

DOMAIN, SERVER = "api.example.com", ("127.0.0.1", 1)


def part_of(subnets: list[Subnet], respond: Respond | None = None, **options) -> Part:
    clock = VirtualClock()
    return sweep(subnets, DOMAIN, SERVER, clock=clock, channel=VirtualServer(clock, respond), **options)


def answers(part: Part) -> list[Answer]:
    return [part.answers[look.answer] for look in part.looks]


def by_subnet(part: Part) -> list[tuple[Subnet, Answer]]:
    return sorted(((look.subnet, part.answers[look.answer]) for look in part.looks), key=lambda pair: pair[0])


def test_each_subnet_has_its_own_answer():
    """The server answers 127.0.0.x by the subnet's first digit."""
    part = part_of([parse_subnet(text) for text in ("3.0.0.0/24", "2001:db8::/48", "1.0.0.0/13")])

    assert [(subnet.text, found.addresses) for subnet, found in by_subnet(part)] == [
        ("1.0.0.0/13", ("127.0.0.1",)),
        ("3.0.0.0/24", ("127.0.0.3",)),
        ("2001:db8::/48", ("127.0.0.2",)),
    ]
    assert (part.asked_for, part.ended, part.counts) == (3, None, Counts(asked=3, sent=3, answered=3))
    assert [look.took_s for look in part.looks] == pytest.approx([ROUND_TRIP_S] * 3)


def failing(query: dns.message.Message, number: int) -> list[tuple[float, bytes]]:
    """By number: SERVFAIL, no address, no echo."""
    reply = dns.message.make_response(query)
    if number == 0:
        reply.set_rcode(dns.rcode.SERVFAIL)
    if number == 2:
        reply = dns.message.from_wire(answer(query))
        reply.use_edns(False)
    return [(ROUND_TRIP_S, reply.to_wire())]


def test_a_refusal_an_empty_answer_a_missing_echo_and_silence_are_answers_too():
    subnets = [parse_subnet(f"1.0.{number}.0/24") for number in range(3)]
    part = part_of(subnets, failing)

    assert [found for _, found in by_subnet(part)] == [
        Answer(rcode="SERVFAIL"),
        Answer(rcode="NOERROR"),
        Answer(rcode="NOERROR", addresses=("127.0.0.1",), ttl_s=60.0),
    ]
    assert answers(part_of(subnets[:1], lambda *_: [])) == [Answer(error="timeout")]


def test_a_server_that_loses_5_percent_costs_retries_and_no_rows():
    subnets = public_subnets(1000, seed=5)
    part = part_of(subnets, lambda query, n: [] if n % 20 == 7 else [(ROUND_TRIP_S, answer(query))])

    assert len(part.looks) == part.counts.answered == 1000
    assert part.counts.retries == sum(look.tries - 1 for look in part.looks) == part.counts.sent - 1000
    assert part.counts.retries / part.counts.sent == pytest.approx(0.05, abs=0.002)


@pytest.mark.parametrize("forged", [{"name": "abc.example.com"}, {"subnet": "9.9.9.0"}])
def test_answers_to_something_else_never_become_rows(forged: dict[str, str]):
    part = part_of([parse_subnet("1.0.0.0/24")], lambda query, _: [(ROUND_TRIP_S, answer(query, **forged))])

    assert answers(part) == [Answer(error="timeout")]
    assert (part.counts.mismatched, part.counts.answered) == (3, 0)


def test_a_server_that_answers_twice_is_counted_once():
    def twice(query: dns.message.Message, _: int) -> list[tuple[float, bytes]]:
        return [(ROUND_TRIP_S, answer(query))] * 2

    part = part_of(public_subnets(300, seed=5), twice)

    assert (len(part.looks), part.counts.answered, part.counts.duplicates) == (300, 300, 300)


def test_a_truncated_answer_without_tcp_says_so():
    def truncated(query: dns.message.Message, _: int) -> list[tuple[float, bytes]]:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.TC
        return [(ROUND_TRIP_S, reply.to_wire())]

    (found,) = answers(part_of([parse_subnet("1.0.0.0/24")], truncated))

    assert (found.rcode, found.addresses) == ("NOERROR", ())
    assert (found.error or "").startswith("truncated, and over TCP: ")


def test_a_server_that_falls_silent_is_not_asked_for_hours(monkeypatch: pytest.MonkeyPatch):
    """It answers 100 of 20,000. 200 more are given up, 6 s for each hundred of them, and the rest is not asked."""
    monkeypatch.setattr("harness.sweep.asking.SILENT_AFTER", 200)
    part = part_of(public_subnets(20_000, seed=5), lambda q, n: [(ROUND_TRIP_S, answer(q))] if n < 100 else [])

    assert part.ended == "the server fell silent: no usable answer to the last 200 questions"
    assert (part.counts.answered, len(part.looks), part.asked_for) == (100, 300, 20_000)
    assert part.wall_s == pytest.approx(12, abs=1)


def test_silence_for_every_second_question_is_no_silent_server(monkeypatch: pytest.MonkeyPatch):
    """200 of 400 are given up, never more than a window of them in a row: all are asked."""
    monkeypatch.setattr("harness.sweep.asking.SILENT_AFTER", 150)

    def deaf_to_odd(query: dns.message.Message, _: int) -> list[tuple[float, bytes]]:
        return [] if int(query.options[0].address.split(".")[2]) % 2 else [(ROUND_TRIP_S, answer(query))]

    part = part_of([parse_subnet(f"1.{number // 200}.{number % 200}.0/24") for number in range(400)], deaf_to_odd)

    assert (part.ended, part.counts.answered, part.counts.gave_up) == (None, 200, 200)


def test_an_interrupted_sweep_keeps_what_it_has():
    """Stopped once 300 are known: those are whole, and nothing is said of the others."""
    told: list[int] = []
    part = part_of(public_subnets(5000, seed=5), stopped=lambda: told[-1] >= 300, tell=told.append)

    assert part.ended == "interrupted"
    assert len(part.looks) == told[-1] == part.counts.answered == 300
    assert {answer.rcode for answer in part.answers} == {"NOERROR"}


def test_parts_of_a_map_make_the_whole_map():
    """What four workers found, merged in any order, is what one would have found."""
    subnets = public_subnets(400, seed=5)
    whole = part_of(subnets)
    parts = [part_of(list(share)) for share in partition(subnets, 4)]

    for order in permutations(parts):
        merged = merge(order, asked_for=400)
        assert by_subnet(merged) == by_subnet(whole)
        assert (merged.counts, merged.ended, merged.asked_for) == (whole.counts, None, 400)


def test_a_share_that_was_given_to_another_worker_counts_once():
    """The first worker fell silent half-way; the second asked about all of it again: an answer beats none."""
    subnets = [parse_subnet(f"1.0.{number}.0/24") for number in range(4)]
    timeout, ok = Answer(error="timeout"), Answer(rcode="NOERROR", addresses=("127.0.0.1",), scope=24)
    first = Part(
        asked_for=4,
        looks=[Look(subnets[0], 1, 1, 0.5, 0.01), Look(subnets[1], 0, 3, 0.6, 6.0)],
        answers=[timeout, ok],
        counts=Counts(asked=2, sent=4, answered=1, gave_up=1),
        wall_s=7.0,
        ended="silent",
    )
    second = Part(
        asked_for=4,
        looks=[Look(subnet, 0, 1, 9.0, 0.01) for subnet in subnets],
        answers=[ok],
        counts=Counts(asked=4, sent=4, answered=4),
        wall_s=1.0,
    )

    for parts in ([first, second], [second, first]):
        merged = merge(parts, asked_for=4)
        assert [merged.answers[look.answer] for look in merged.looks] == [ok] * 4
        assert sorted(look.start_s for look in merged.looks) == [0.5, 9.0, 9.0, 9.0]
        assert (merged.counts.asked, merged.counts.answered, merged.ended) == (6, 5, None)


def test_what_no_worker_asked_is_still_missing_after_a_merge():
    part = part_of([parse_subnet("1.0.0.0/24")])

    assert merge([part], asked_for=9).asked_for - len(merge([part], asked_for=9).looks) == 8
