from __future__ import annotations

from itertools import pairwise

from builders import DUBLIN, EU, SYDNEY, US, Story, a_history, dns, gap, health, reply
from hypothesis import given
from hypothesis import strategies as st

from harness.checkers.spans import QuorumPoint, Span, dns_spans, quorum_series, served_spans
from harness.events import Outcome

OK, FAIL = Outcome.OK, Outcome.FAIL


def test_looks_that_say_the_same_are_one_span_until_the_next_that_does_not():
    history = a_history(
        reply(DUBLIN, EU, 0), reply(DUBLIN, EU, 10), reply(DUBLIN, US, 20), reply(DUBLIN, US, 30, took_s=2)
    )

    assert served_spans(history, DUBLIN) == [Span(0, 20, EU, OK, 2), Span(20, 32, US, OK, 2)]


def test_failures_are_a_span_of_their_own():
    history = a_history(reply(DUBLIN, EU, 0), reply(DUBLIN, None, 10, ok=False), reply(DUBLIN, EU, 20))

    assert [(span.region, span.outcome) for span in served_spans(history, DUBLIN)] == [(EU, OK), (None, FAIL), (EU, OK)]


def test_a_gap_ends_a_span():
    history = a_history(reply(DUBLIN, EU, 0), gap(DUBLIN, 10, 40), reply(DUBLIN, EU, 50))

    assert served_spans(history, DUBLIN) == [Span(0, 10, EU, OK, 1), Span(50, 50, EU, OK, 1)]


def test_a_gap_in_https_leaves_the_dns_lane_whole():
    history = a_history(dns(DUBLIN, EU, 0), gap(DUBLIN, 10, 40, source="https"), dns(DUBLIN, EU, 50))

    assert dns_spans(history, DUBLIN) == [Span(0, 50, EU, OK, 2)]


def test_a_gap_in_dns_leaves_the_https_lane_whole():
    history = a_history(reply(DUBLIN, EU, 0), gap(DUBLIN, 10, 40, source="dns"), reply(DUBLIN, EU, 50))

    assert served_spans(history, DUBLIN) == [Span(0, 50, EU, OK, 2)]


def test_other_vantages_are_in_other_lanes():
    assert served_spans(a_history(reply(SYDNEY, EU, 0), gap(SYDNEY, 1, 2)), DUBLIN) == []


def test_the_quorum_is_told_poll_by_poll_without_failed_ones():
    history = a_history(health(EU, True, 0), health(EU, None, 5), health(EU, False, 10, took_s=1), health(US, True, 11))

    assert quorum_series(history, EU) == [QuorumPoint(0, 16, 16, True), QuorumPoint(11, 0, 16, False)]


@given(st.lists(st.tuples(st.sampled_from([EU, US, None]), st.booleans(), st.integers(0, 3)), max_size=40))
def test_spans_are_in_order_do_not_overlap_and_count_every_look(steps):
    events = []
    for at_s, (region, ok, missed) in enumerate(steps):
        events.append(reply(DUBLIN, region, at_s * 10.0, ok=ok))
        if missed == 3:
            events.append(gap(DUBLIN, at_s * 10.0 + 5, at_s * 10.0 + 7))

    spans = served_spans(a_history(events), DUBLIN)

    assert sum(span.looks for span in spans) == len(steps)
    assert all(span.start_s <= span.end_s for span in spans)
    assert all(before.end_s <= after.start_s for before, after in pairwise(spans))


def test_a_story_is_three_spans_for_those_who_left_and_one_for_those_who_stayed():
    history = Story().history()

    assert [span.region for span in served_spans(history, DUBLIN)] == [EU, US, EU]
    assert len(served_spans(history, SYDNEY)) == 1
