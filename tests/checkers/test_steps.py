"""Where the time of a failover went: the steps of each vantage stand end to end and add up to what was measured."""

from __future__ import annotations

import msgspec
import pytest
from builders import DUBLIN, EU, FRANKFURT, SYDNEY, US, VANTAGES, Story, a_header, reply
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.checkers.limits import Allowances, client_limit
from harness.checkers.steps import Step, Waterfall, all_steps, failback_steps, failover_steps
from harness.checkers.timeline import FailoverTimes, failover_times
from harness.events import AnyEvent, DnsAnswer, HealthObservation, HttpReply
from harness.history import History
from harness.resolving import Resolver


def times_of(history: History) -> FailoverTimes:
    (times,) = failover_times(history)
    return times


def resolved(history: History) -> History:
    """The story's replies tell when their address was asked for: at the last full minute."""

    def told(event: AnyEvent) -> AnyEvent:
        if not isinstance(event, HttpReply):
            return event
        return msgspec.structs.replace(event, resolved_s=event.start_s - event.start_s % 60)

    return History([told(event) for event in history])


def took_s(fall: Waterfall | None) -> list[float]:
    assert fall is not None
    return [step.took_s for step in fall.steps]


def test_the_steps_of_a_failover():
    """Broken at 62 s. Called sick at 145 s: 83 s, by the first checker and all at once, for polls tell no more. DNS
    changed at 150 s: 5 s. The cached answer of 120 s lived until 180 s: 30 s. The request at 180 s took no time."""
    history = resolved(Story().history())

    fall = failover_steps(history, times_of(history), DUBLIN)

    assert took_s(fall) == [83, 0, 5, 30, 0, 0, 0, 0]
    assert fall is not None
    assert fall.total_s == 118


def test_the_steps_of_the_way_home():
    """Mended at 302 s. Called well at 365 s: 63 s, DNS back at 370 s. The cached answer of 360 s lived until 420 s."""
    history = resolved(Story().history())

    assert took_s(failback_steps(history, times_of(history), DUBLIN)) == [63, 0, 5, 50, 0, 0, 0, 0]


def test_the_first_checker_speaks_before_the_quorum():
    """At 120 s 15 of 16 checkers call it well, at 145 s none: 58 s until the first, 25 s until enough of them."""
    poll = HealthObservation(
        start_s=120.0,
        end_s=120.0,
        source="health",
        region=EU,
        health_check_id="check",
        outcome=reply(DUBLIN, EU, 0).outcome,
        checkers_healthy=15,
        checkers_total=16,
        healthy=True,
    )
    history = resolved(Story().history(poll))

    assert took_s(failover_steps(history, times_of(history), DUBLIN))[:3] == [58, 25, 5]


def test_the_request_that_ended_it_is_taken_apart():
    """The good reply began at 175 s: DNS 1 s, connection 2 s, TLS 3 s, first byte 4 s, the rest 0.5 s."""
    request = msgspec.structs.replace(
        reply(DUBLIN, US, 175.0, took_s=10.5), resolved_s=176.0, dns_s=1.0, connect_s=2.0, tls_s=3.0, first_byte_s=4.0
    )
    kept = [e for e in resolved(Story().history()) if not (isinstance(e, HttpReply) and 170 <= e.start_s < 180)]
    history = History([*kept, request])

    assert took_s(failover_steps(history, times_of(history), DUBLIN)) == [83, 0, 5, 25, 0, 6, 4, 0.5]


def test_a_cause_that_was_seen_after_its_effect_is_dated_by_the_effect():
    """Polls said sick at 165 s, but DNS had changed by 130 s: noticing took 68 s at most, the name servers no time."""
    history = resolved(Story(detect_s=100, dns_s=65).history())

    assert took_s(failover_steps(history, times_of(history), DUBLIN)) == [68, 0, 0, 50, 0, 0, 0, 0]


def test_what_nobody_saw_is_counted_with_the_next_step():
    """Nobody asked the name servers, nobody polled: the cache that expired at 180 s is all that is known."""
    kept = [e for e in resolved(Story().history()) if not isinstance(e, DnsAnswer | HealthObservation)]
    history = History(kept)

    assert took_s(failover_steps(history, times_of(history), DUBLIN)) == [0, 0, 0, 118, 0, 0, 0, 0]


def test_a_cache_that_expired_before_dns_changed_delayed_nobody():
    """Frankfurt's requests of 120 to 209 s were not made: its answer had expired at 120 s, DNS changed at 150 s."""
    kept = [
        event
        for event in resolved(Story().history())
        if not (isinstance(event, HttpReply) and event.vantage == FRANKFURT and 120 <= event.start_s < 210)
    ]
    history = History(kept)

    assert took_s(failover_steps(history, times_of(history), FRANKFURT)) == [83, 0, 5, 0, 60, 0, 0, 0]


def test_each_step_has_its_theoretical_bound_beside_it():
    """30 s × 3: 104 s to detect, 114 s for DNS, + 60 s TTL, + 10 s between requests."""
    history = resolved(Story().history())

    fall = failover_steps(history, times_of(history), DUBLIN)

    assert fall is not None
    assert [step.by_at_most_s for step in fall.steps] == [104, 104, 114, 174, 184, None, None, None]
    assert fall.limit == client_limit(history.header.stack, Allowances())
    assert [step.step for step in fall.steps] == list(Step)


def test_who_did_not_get_there_has_no_steps():
    history = Story(dns_s=1000, detect_s=1000).history()

    assert failover_steps(history, times_of(history), DUBLIN) is None
    assert failback_steps(history, times_of(history), DUBLIN) is None


def test_who_was_never_there_has_no_steps():
    history = Story().history()

    assert failover_steps(history, times_of(history), SYDNEY) is None


def test_a_fault_that_was_not_undone_has_no_way_home():
    history = Story(rolled_back=False, dns_back_s=1000).history()

    assert all_steps(history, times_of(history))[1] == []


seconds = st.floats(0.0, 300.0)
stories = st.builds(Story, detect_s=seconds, dns_s=seconds, healthy_s=seconds, dns_back_s=seconds)
small_s = st.integers(0, 2 * 10**7).map(lambda number: number / 1e7)
"""Seconds of seven decimals: hypothesis's own floats are often halves and quarters, which never round."""
parts_s = st.lists(st.none() | small_s, min_size=4, max_size=4)


@settings(max_examples=60, deadline=None)
@given(
    story=stories, parts=parts_s, took=small_s, shift=st.integers(-61 * 10**7, 10**12).map(lambda number: number / 1e7)
)
@example(story=Story(), parts=[0.7, 1.4, 1.4, 1.9], took=0.8, shift=-54.4)
def test_the_steps_always_add_up_exactly_to_what_was_measured(
    story: Story, parts: list[float | None], took: float, shift: float
):
    """Whatever came first, and whatever the parts of a request say: no step is negative, the sum is the total to the
    last bit, and the total is the measured time to a microsecond."""

    def moved(event: AnyEvent) -> AnyEvent:
        event = msgspec.structs.replace(event, start_s=event.start_s + shift, end_s=event.end_s + shift)
        if not isinstance(event, HttpReply):
            return event
        dns, connect, tls, first = parts
        at_s = event.start_s - event.start_s % 60
        return msgspec.structs.replace(
            event,
            end_s=event.end_s + took,
            resolved_s=at_s,
            dns_s=dns,
            connect_s=connect,
            tls_s=tls,
            first_byte_s=first,
        )

    first, *rest = story.history()
    history = History([first, *(moved(event) for event in rest)])
    times = times_of(history)
    began_s = (times.window.injected_s, times.window.rolled_back_s or 0.0)
    measured = {seen.vantage: (seen.recovered, seen.home) for seen in times.vantages}

    for number, falls in enumerate(all_steps(history, times)):
        for fall in falls:
            moment = measured[fall.vantage][number]
            measured_s = (moment.by_s or 0.0) - began_s[number] if moment else 0.0
            assert all(step.took_s >= 0 for step in fall.steps)
            assert sum(step.took_s for step in fall.steps) == fall.total_s
            assert fall.total_s == pytest.approx(measured_s, abs=2e-6)


def test_a_resolver_that_keeps_answers_longer_is_where_the_time_goes():
    """Dublin's resolver keeps the answer of 120 s until 200 s, not until 180 s: DNS had changed at 150 s."""
    keeps = tuple(msgspec.structs.replace(one, resolver=Resolver(ttl_min_s=80)) for one in VANTAGES)
    history = resolved(Story(header=a_header(vantages=keeps)).history())
    late = History(
        event
        for event in history
        if not (isinstance(event, HttpReply) and event.vantage == DUBLIN and 180 <= event.start_s < 210)
    )

    assert took_s(failover_steps(late, times_of(late), DUBLIN)) == [83, 0, 5, 50, 10, 0, 0, 0]
