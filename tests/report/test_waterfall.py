"""The steps themselves are tested where they are found, in tests/checkers/test_steps.py; here is how they are shown."""

from __future__ import annotations

import itertools
from collections import defaultdict
from decimal import Decimal

import msgspec
import pytest
from builders import DUBLIN, US, VANTAGES, Story, a_header, a_history

from harness.checkers.checks import DetectedInTime, judge
from harness.checkers.limits import Allowances
from harness.checkers.timeline import failover_times
from harness.events import AnyEvent, HttpReply
from harness.findings import Finding
from harness.history import History
from harness.report.failovers import judged_failovers
from harness.report.waterfall import STEPS, Falls, waterfalls
from harness.resolving import BeyondTtl


def falls(history: History, findings: list[Finding] | None = None) -> list[Falls]:
    (judged,) = judged_failovers("e", failover_times(history), findings or [])
    return waterfalls(history, judged)


def timed(history: History) -> History:
    """The story's replies tell when their address was asked for, the last full minute, and took 10 + 33.333 + 20 ms."""

    def told(event: AnyEvent) -> AnyEvent:
        if not isinstance(event, HttpReply):
            return event
        return msgspec.structs.replace(
            event,
            end_s=event.start_s + 0.0633333,
            resolved_s=event.start_s - event.start_s % 60,
            connect_s=0.01,
            first_byte_s=0.0333333,
        )

    return History([told(event) for event in history])


def test_a_row_tells_every_step(story: History) -> None:
    """Broken at 62 s. Called sick at 145 s, DNS changed at 150 s, the cache of 120 s expired at 180 s."""
    away, _back = falls(timed(story))

    assert away.rows[0].steps == ("83.00", "0.00", "5.00", "30.00", "0.00", "0.01", "0.03", "0.02")
    assert away.rows[0].total == "118.06 s"
    assert away.rows[0].told.startswith("dublin: a first checker notices 83.00 s, enough checkers agree 0.00 s, ")


@pytest.mark.parametrize("dns_s", [81.111, 82.224, 84.449, 89.996])
def test_the_steps_as_told_add_up_to_the_total_as_told(dns_s: float) -> None:
    for fall in falls(timed(Story(dns_s=dns_s).history())):
        for row in fall.rows:
            assert sum(map(Decimal, row.steps)) == Decimal(row.total.removesuffix(" s"))


def test_bars_stand_end_to_end(story: History) -> None:
    away, back = falls(timed(story))

    for fall in (away, back):
        rows = defaultdict(list)
        for bar in fall.bars:
            rows[bar.y].append(bar)
        assert len(rows) == len(fall.rows)
        for bars in rows.values():
            assert bars[0].x == 0
            for bar, after in itertools.pairwise(bars):
                assert after.x == pytest.approx(bar.x + bar.width, abs=0.002)


def test_every_step_has_its_own_looks(story: History) -> None:
    away, _back = falls(timed(story))

    first = [bar.looks for bar in away.bars if bar.y == away.bars[0].y]
    assert first == ["first-checker", "following", "cached", "connecting", "first-byte", "complete"]
    assert len({looks for looks, _ in STEPS.values()}) == len(STEPS)


def test_the_bounds_stand_beside_the_bars(story: History, story_findings: list[Finding]) -> None:
    """The limits that were judged by, and for caches what DNS may take and a TTL: 114 + 60 s."""
    away, _back = falls(story, story_findings)

    assert away.bounds == "checkers 104 s, DNS 114 s, cache 174 s, users 184 s"
    assert all(limit.x <= 100 for limit in away.limits)


def test_nobody_judged_so_the_stacks_own_numbers_bound(story: History) -> None:
    away, _back = falls(story)

    assert away.bounds == "checkers 104 s, DNS 114 s, cache 174 s, users 184 s"


def test_an_allowance_of_the_check_is_the_bound_that_is_shown(story: History) -> None:
    findings = judge(story, "e", (DetectedInTime(region="eu-west-1", allowances=Allowances(margin_s=40)),))

    away, _back = falls(story, findings)

    assert away.bounds.startswith("checkers 134 s, ")


def test_nobody_moved_so_there_is_nothing_to_draw() -> None:
    assert falls(Story(region=US, detect_s=1000, dns_s=1000).history()) == []


def test_a_fault_that_was_not_undone_has_no_way_home() -> None:
    assert len(falls(Story(rolled_back=False, dns_back_s=1000).history())) == 1


def test_rows_go_by_the_catalogues_city_or_the_vantages_own_name(story: History) -> None:
    away, _back = falls(story)

    assert away.rows[0].place == away.rows[0].vantage == DUBLIN


def test_why_the_old_answer_was_followed_beyond_its_ttl_is_told(story: History) -> None:
    """Dublin's resolver keeps answers for longer; its last request before the change was at 170 s."""
    kept = [
        msgspec.structs.replace(event, beyond_ttl=BeyondTtl.CLAMPED)
        if isinstance(event, HttpReply) and event.vantage == DUBLIN and event.start_s == 170
        else event
        for event in story
    ]

    away, back = falls(History(kept))

    assert away.reasons == {"the resolver keeps answers longer than their TTL": [DUBLIN]}
    assert away.rows[0].told.endswith("; the resolver keeps answers longer than their TTL")
    assert back.reasons == {}


def test_who_was_not_seen_to_get_there_is_named() -> None:
    """Frankfurt is served by the sick region all along."""
    stuck = [
        msgspec.structs.replace(event, region="eu-west-1")
        if isinstance(event, HttpReply) and event.vantage == "frankfurt"
        else event
        for event in Story().events()
    ]

    (away, _back) = falls(a_history(stuck))

    assert away.missing == ("frankfurt",)
    assert [row.vantage for row in away.rows] == [DUBLIN]


def test_vantages_of_one_city_go_by_their_names() -> None:
    """Frankfurt's vantage stands in Dublin too."""
    summaries = tuple(
        msgspec.structs.replace(one, city="Dublin" if one.name in {DUBLIN, "frankfurt"} else one.city)
        for one in VANTAGES
    )

    away, _back = falls(Story(header=a_header(vantages=summaries)).history())

    assert [row.place for row in away.rows] == [DUBLIN, "frankfurt"]
