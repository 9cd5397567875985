"""Two places near each other that are led to different regions: for a moment is well, for minutes is a split brain.

30 km apart; name servers may take 10 s and the margin is 10 s, so DNS may disagree for 20 s; caches keep answers for
60 s and users ask every 10 s, so who serves may disagree for 90 s.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from builders import AP, EU, US, VANTAGES, Story, a_header, a_history, an_experiment, dns, reply

from harness.checkers.neighbours import distance_km, neighbours
from harness.checkers.split_brain import SplitBrain
from harness.events import AnyEvent, VantageSummary
from harness.findings import Finding, Verdict
from harness.history import History

NORTH, SOUTH = "north", "south"


def at(name: str, latitude: float = 53.0, **rtt_ms: float) -> VantageSummary:
    rtts = rtt_ms or {EU: 3.0, US: 70.0, AP: 256.0}
    order = tuple(sorted(rtts, key=rtts.__getitem__))
    return VantageSummary(name=name, latitude=latitude, longitude=-6.0, expected_order=order, rtt_ms=rtts)


TWINS = (at(NORTH), at(SOUTH, 52.73))


def told(*events: AnyEvent | Iterable[AnyEvent], vantages: tuple[VantageSummary, ...] = TWINS) -> History:
    return a_history(an_experiment(), *events, header=a_header(vantages=vantages))


def judged(history: History, check: SplitBrain | None = None) -> list[Finding]:
    return (check or SplitBrain()).judge(history, history.experiment("e"))


def led(south_moves_s: tuple[int, int]) -> list[AnyEvent]:
    """Both are asked for every 5 s; the south is led to Virginia from the first second to before the second."""
    seen: list[AnyEvent] = []
    for at_s in range(0, 600, 5):
        region = US if south_moves_s[0] <= at_s < south_moves_s[1] else EU
        seen += [dns(NORTH, EU, at_s), dns(SOUTH, region, at_s), reply(NORTH, EU, at_s), reply(SOUTH, region, at_s)]
    return seen


def test_dublin_and_frankfurt_are_1090_km_apart():
    assert distance_km(VANTAGES[0], VANTAGES[1]) == pytest.approx(1085, abs=10)


def test_neighbours_are_near_and_expect_the_same_regions_in_the_same_order():
    other_order = at("b", **{US: 3.0, EU: 70.0, AP: 256.0})

    assert neighbours([at("a"), at("c"), other_order], near_km=10, margin_share=0.1) == [("a", "c")]
    assert neighbours([at("a"), at("far", 60.0)], near_km=500, margin_share=0.1) == []


def test_a_close_call_anywhere_in_the_order_makes_no_neighbour():
    """When Ireland is sick, Virginia and Sydney are about equally near: both may be right."""
    close = {EU: 3.0, US: 100.0, AP: 105.0}

    assert neighbours([at("a", **close), at("b", **close)], near_km=10, margin_share=0.1) == []


def test_neighbours_that_always_agree_pass():
    assert [finding.verdict for finding in judged(told(led((0, 0))))] == [Verdict.PASS, Verdict.PASS]


def test_a_disagreement_as_long_as_name_servers_take_is_none_to_speak_of():
    """The south's answers differ from 100 to 110 s: surely 5 s, at most 20 s, by the looks before and after."""
    of_dns, _ = judged(told(led((100, 110))))

    assert (of_dns.verdict, of_dns.measured, of_dns.uncertainty) == (Verdict.PASS, 15, 10)


def test_a_split_brain_fails_by_the_names_of_both_and_tells_for_how_long():
    """Elsewhere from 100 to 160 s: DNS may take 20 s, and took 55 to 65 s. Replies may take 90 s."""
    overall, pair, of_replies = judged(told(led((100, 160))))

    assert (overall.verdict, pair.verdict, of_replies.verdict) == (Verdict.FAIL, Verdict.FAIL, Verdict.PASS)
    assert pair.subject == "north and south"
    assert "north in eu-west-1 and south in us-east-1 from 100.0 s on, for 55.0 to 65.0 s" in pair.explanation


def test_replies_are_held_to_the_ttl_as_well():
    """200 to 400 s: 195 to 205 s apart, by DNS and by whoever serves."""
    checkers = [finding.checker for finding in judged(told(led((200, 400)))) if finding.verdict is Verdict.FAIL]

    assert checkers == ["split-brain-dns"] * 2 + ["split-brain"] * 2


def test_a_disagreement_until_the_end_counts_to_the_last_look():
    overall, *_ = judged(told(led((500, 600))))

    assert (overall.verdict, overall.measured) == (Verdict.FAIL, 100)


def test_seldom_looks_leave_it_unknown():
    """Looks at 0, 50 and 100 s; they differed at 50 s alone: for 0 to 100 s."""
    events = [
        dns(name, US if (name, at_s) == (SOUTH, 50) else EU, at_s) for at_s in (0, 50, 100) for name in (NORTH, SOUTH)
    ]

    overall, *_ = judged(told(events))

    assert (overall.verdict, overall.measured, overall.uncertainty) == (Verdict.UNKNOWN, 100, 100)


def test_moving_on_to_a_third_region_does_not_end_it():
    moved = [event for event in led((100, 115)) if not (115 <= event.start_s < 130)]
    onwards = [one for at_s in (115, 120, 125) for one in (dns(NORTH, EU, at_s), dns(SOUTH, AP, at_s))]

    overall, *_ = judged(told(moved, onwards))

    assert (overall.verdict, overall.measured) == (Verdict.FAIL, 35)


def test_where_nobody_is_near_nothing_was_checked():
    findings = judged(told(led((0, 0)), vantages=(at(NORTH), at(SOUTH, 60.0))))

    assert {finding.verdict for finding in findings} == {Verdict.UNKNOWN}
    assert "none of 0 pairs" in findings[0].explanation


def test_an_orderly_failover_splits_nobody():
    """Dublin and Frankfurt, 1,090 km apart, both leave Ireland at 147 s and come home at 367 s."""
    history = Story().history()

    findings = judged(history, SplitBrain(near_km=1200))

    assert [finding.verdict for finding in findings] == [Verdict.PASS, Verdict.PASS]
