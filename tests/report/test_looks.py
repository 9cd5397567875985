from __future__ import annotations

import msgspec
from builders import DUBLIN, EU, a_history, an_experiment, dns, reply

from harness.checkers.spans import dns_spans, served_spans
from harness.events import DnsAnswer, HttpReply
from harness.report.looks import Stretch, dns_stretches, served_stretches
from harness.resolving import BeyondTtl


def served(*replies: HttpReply) -> list[Stretch]:
    history = a_history(an_experiment(), replies)
    return served_stretches(served_spans(history, DUBLIN), history.of(HttpReply), history.experiment("e"))


def led(*answers: DnsAnswer) -> list[Stretch]:
    history = a_history(an_experiment(), answers)
    return dns_stretches(dns_spans(history, DUBLIN), history.of(DnsAnswer), history.experiment("e"))


def timed(at_s: float, first_byte_s: float) -> HttpReply:
    plain = reply(DUBLIN, EU, at_s, took_s=2 * first_byte_s)
    return msgspec.structs.replace(plain, first_byte_s=first_byte_s, address="127.0.0.2")


def test_status_address_and_timings_are_told() -> None:
    """First bytes after 10, 20 and 60 ms; p50 20, max 60."""
    (stretch,) = served(timed(1, 0.01), timed(2, 0.02), timed(3, 0.06))

    assert stretch.words == (
        "served by eu-west-1: 3 × HTTP 200 from 127.0.0.2\nms, p50/max: first byte 20/60, whole 40/120"
    )


def test_a_failure_tells_its_error() -> None:
    broken = msgspec.structs.replace(reply(DUBLIN, None, 1, ok=False), error="timed out after 5 s")

    assert served(broken)[0].words.startswith("FAILED, no region named itself: timed out after 5 s")


def test_different_errors_are_counted_apart() -> None:
    looks = [reply(DUBLIN, None, at_s, ok=False) for at_s in range(3)]
    looks = [msgspec.structs.replace(look, error=error) for look, error in zip(looks, "aba", strict=True)]

    assert "2 × a, b" in served(*looks)[0].words


def test_many_kinds_of_error_are_cut_short() -> None:
    looks = [msgspec.structs.replace(reply(DUBLIN, None, at_s, ok=False), error=f"e{at_s}") for at_s in range(9)]

    assert "and 5 more kinds" in served(*looks)[0].words


def test_an_answer_tells_addresses_ttl_and_scope() -> None:
    answer = msgspec.structs.replace(dns(DUBLIN, EU, 1), scope=24)

    assert led(answer, answer)[0].words == "led to eu-west-1: 2 × NOERROR, 127.2.0.1, TTL 60 s, scope /24"


def test_an_answer_that_leads_nowhere_says_so() -> None:
    (stretch,) = led(dns(DUBLIN, None, 1, rcode="SERVFAIL"))

    assert (stretch.failed, stretch.words) == (True, "led nowhere known: SERVFAIL, TTL 60 s")


def test_a_stretch_lasts_until_the_next_look() -> None:
    stretches = served(reply(DUBLIN, EU, 10), reply(DUBLIN, EU, 20), reply(DUBLIN, EU, 30, ok=False))

    assert [(stretch.start_s, stretch.end_s, stretch.failed) for stretch in stretches] == [
        (10, 30, False),
        (30, 30, True),
    ]


def test_outcomes_are_told_apart_in_one_region() -> None:
    assert [stretch.failed for stretch in served(reply(DUBLIN, EU, 1), reply(DUBLIN, EU, 2, ok=False))] == [False, True]


def test_why_an_answer_was_followed_beyond_its_ttl_is_told() -> None:
    late = msgspec.structs.replace(reply(DUBLIN, EU, 2), beyond_ttl=BeyondTtl.STALE, beyond_ttl_because="SERVFAIL")

    words = served(reply(DUBLIN, EU, 1), late)[0].words

    assert "\n1 of 2 by an answer beyond its TTL: the resolver served it stale (SERVFAIL)" in words
