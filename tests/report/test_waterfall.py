from __future__ import annotations

import itertools

import msgspec
import pytest
from builders import US, Story

from harness.checkers.timeline import failover_times
from harness.events import AnyEvent, DnsAnswer, HttpReply
from harness.findings import Finding
from harness.history import History
from harness.report.failovers import judged_failovers
from harness.report.waterfall import Waterfall, waterfalls


def falls(history: History, findings: list[Finding] | None = None) -> list[Waterfall]:
    (judged,) = judged_failovers("e", failover_times(history), findings or [])
    return waterfalls(history, judged)


def steps_s(waterfall: Waterfall, row: int = 0) -> list[float]:
    """The seconds of the steps of one vantage, as told."""
    told = waterfall.rows[row][3]
    return [float(part.rsplit(" ", 2)[1]) for part in told.partition("; ")[0].split(", ")]


def resolved(history: History) -> History:
    """The story's replies tell when their address was asked for: at the last full minute."""

    def told(event: AnyEvent) -> AnyEvent:
        if not isinstance(event, HttpReply):
            return event
        return msgspec.structs.replace(event, resolved_s=event.start_s - event.start_s % 60)

    return History([told(event) for event in history])


def without_requests(history: History, vantage: str, from_s: float, until_s: float) -> History:
    """The history without the replies to `vantage` from `from_s` to before `until_s`."""
    return History(
        event
        for event in history
        if not (isinstance(event, HttpReply) and event.vantage == vantage and from_s <= event.start_s < until_s)
    )


def test_the_steps_add_up_to_what_the_users_waited(story: History) -> None:
    """Broken at 62 s. Called sick at 145 s: 83 s. DNS changed at 150 s: 5 s. The cached answer of 120 s lived until
    180 s: 30 s. The request at 180 s took no time. Together 118 s."""
    away, _back = falls(resolved(story))

    assert steps_s(away) == [83, 5, 30, 0]
    assert away.rows[0][2] == "118.0 s"


def test_coming_home_has_its_own_steps(story: History) -> None:
    """Mended at 302 s. Called well at 365 s: 63 s, and DNS back at 370 s. Cached until 420 s."""
    _away, back = falls(resolved(story))

    assert steps_s(back) == [63, 5, 50, 0]


def test_a_change_seen_before_its_cause_counts_no_time_twice() -> None:
    """Polls said sick at 165 s, but DNS had changed by 130 s: the noticing took 68 s at most, the following none."""
    away, _back = falls(resolved(Story(detect_s=100, dns_s=65).history()))

    assert steps_s(away) == [68, 0, 50, 0]


def test_without_the_cache_age_the_rest_is_one_step(story: History) -> None:
    away, _back = falls(story)

    assert steps_s(away)[:2] == [83, 5]
    assert sum(steps_s(away)) == 118


def test_a_cache_that_expired_before_dns_changed_delayed_nobody(story: History) -> None:
    """Frankfurt's requests of 120 to 209 s were not made: its answer had expired at 120 s, DNS changed at 150 s."""
    away, _back = falls(without_requests(resolved(story), "frankfurt", 120, 210))

    assert steps_s(away, 1) == [83, 5, 0, 60]


def test_waiting_for_the_next_request_is_no_fault_of_the_cache(story: History) -> None:
    """Frankfurt's requests of 180 to 209 s were not made: its cache expired at 180 s, it was well at 210 s."""
    away, _back = falls(without_requests(resolved(story), "frankfurt", 180, 210))

    assert [row[1] for row in away.rows] == ["dublin", "frankfurt"]
    assert steps_s(away, 1) == [83, 5, 30, 30]


def test_users_that_were_well_before_dns_was_seen_to_change_waited_no_longer(story: History) -> None:
    """No look at DNS from 150 to 189 s: it had changed by 180 s all the same, because users were well then."""
    kept = [event for event in resolved(story) if not (isinstance(event, DnsAnswer) and 150 <= event.start_s < 190)]

    away, _back = falls(History(kept))

    assert steps_s(away) == [83, 35, 0, 0]


def test_what_dns_answered_was_not_seen_so_its_step_is_none() -> None:
    """Called sick after 83 s; the cache that expired at 180 s is all that is known of the other 35 s."""
    away, _back = falls(resolved(Story().history(without=DnsAnswer)))

    assert steps_s(away) == [83, 0, 35, 0]


def test_bars_stand_end_to_end(story: History) -> None:
    away, _back = falls(resolved(story))
    first = [bar for bar in away.bars if bar.y == away.bars[0].y]

    assert first[0].x == 0
    for bar, after in itertools.pairwise(first):
        assert after.x == pytest.approx(bar.x + bar.width, abs=0.01)


def test_limits_stand_beside_the_bars(story: History, story_findings: list[Finding]) -> None:
    away, _back = falls(story, story_findings)

    assert [limit.text for limit in away.limits] == ["104 s", "114 s", "184 s"]
    assert all(limit.x <= 100 for limit in away.limits)


def test_nobody_moved_so_there_is_nothing_to_draw() -> None:
    assert falls(Story(region=US, detect_s=1000, dns_s=1000).history()) == []


def test_a_fault_that_was_not_undone_has_no_way_home() -> None:
    assert len(falls(Story(rolled_back=False, dns_back_s=1000).history())) == 1
