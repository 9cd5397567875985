from __future__ import annotations

import msgspec
from builders import DUBLIN, EU, SYDNEY, US, Story, a_history, reply

from harness.checkers.latency import P95_NEEDS, origin_latencies


def test_requests_are_told_apart_by_place_and_by_the_region_that_served():
    history = a_history(reply(DUBLIN, EU, 1, took_s=0.25), reply(DUBLIN, US, 2, took_s=1.0), reply(SYDNEY, US, 3))

    rows = origin_latencies(history)

    assert [(row.vantage, row.region, row.total.p50_s) for row in rows] == [
        (DUBLIN, EU, 0.25),
        (DUBLIN, US, 1.0),
        (SYDNEY, US, 0.0),
    ]


def test_the_p95_is_told_from_twenty_samples_on():
    """0 to 19 s: the 95th percentile lies at 18.05 s."""
    few = [reply(DUBLIN, EU, at_s, took_s=float(at_s)) for at_s in range(P95_NEEDS - 1)]
    enough = [*few, reply(DUBLIN, EU, 19, took_s=19.0)]

    assert origin_latencies(a_history(few))[0].total.p95_s is None
    assert origin_latencies(a_history(enough))[0].total.p95_s == 18.05


def test_the_first_byte_counts_resolving_and_connecting():
    """Cached, so no DNS: 2 s connection + 3 s TLS + 4 s until the first byte."""
    seen = msgspec.structs.replace(reply(DUBLIN, EU, 1), connect_s=2.0, tls_s=3.0, first_byte_s=4.0)

    (row,) = origin_latencies(a_history(seen, reply(DUBLIN, EU, 2)))

    assert row.first_byte is not None
    assert (row.first_byte.p50_s, row.first_byte.samples, row.total.samples) == (9.0, 1, 2)


def test_failed_requests_and_those_of_nobody_known_are_left_out():
    history = a_history(reply(DUBLIN, EU, 1, ok=False), reply(DUBLIN, None, 2))

    assert origin_latencies(history) == []


def test_only_the_stretch_that_is_asked_for_counts():
    history = Story().history()

    rows = origin_latencies(history, from_s=0, until_s=30)

    assert {row.total.samples for row in rows} == {3}
