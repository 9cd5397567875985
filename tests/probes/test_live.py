"""Live conditions, in virtual time."""

from __future__ import annotations

import pytest

from harness.clock import VirtualClock
from harness.events import DnsAnswer, HealthObservation, HttpReply, Outcome
from harness.probes import live
from harness.probes.live import LiveView
from harness.resolving import DnsWay

IRELAND, VIRGINIA = "eu-west-1", "us-east-1"
HOME = {"london": IRELAND, "boston": VIRGINIA}


def reply(vantage, region, *, at_s=1.0, outcome=Outcome.OK):
    return HttpReply(
        start_s=at_s, end_s=at_s + 1, source="https", vantage=vantage, method="GET", path="/", outcome=outcome,
        region=region,
    )  # fmt: skip


def answer(vantage, region, *, at_s=1.0, outcome=Outcome.OK, way=DnsWay.AUTHORITATIVE):
    return DnsAnswer(
        start_s=at_s, end_s=at_s, source="dns", vantage=vantage, way=way, nameserver="ns", outcome=outcome,
        region=region,
    )  # fmt: skip


def health(region, healthy, *, at_s=1.0):
    return HealthObservation(
        start_s=at_s,
        end_s=at_s,
        source="health",
        region=region,
        health_check_id="c",
        outcome=Outcome.OK,
        healthy=healthy,
    )


def view_of(*events):
    view = LiveView(("london", "boston"))
    for event in events:
        view.see(event)
    return view


def test_every_vantage_left_needs_every_vantage():
    condition = live.every_vantage_left(IRELAND)

    assert not condition(view_of())
    assert not condition(view_of(reply("london", VIRGINIA)))
    assert not condition(view_of(reply("london", IRELAND), reply("boston", VIRGINIA)))
    assert condition(view_of(reply("london", VIRGINIA), reply("boston", VIRGINIA)))


def test_a_failed_look_is_not_having_left():
    failed = reply("london", VIRGINIA, outcome=Outcome.FAIL)

    assert not live.every_vantage_left(IRELAND)(view_of(failed, reply("boston", VIRGINIA)))


def test_a_reply_that_names_no_region_is_not_having_left():
    assert not live.every_vantage_left(IRELAND)(view_of(reply("london", None), reply("boston", VIRGINIA)))


@pytest.mark.parametrize(
    ("condition", "event"),
    [
        (live.every_vantage_served_ok, reply),
        (lambda since_s: live.every_vantage_left("moon", since_s=since_s), reply),
        (lambda since_s: live.every_vantage_home({}, since_s=since_s), reply),
        (lambda since_s: live.dns_left("moon", since_s=since_s), answer),
        (lambda since_s: live.dns_home({}, since_s=since_s), answer),
    ],
)
def test_looks_from_before_do_not_count(condition, event):
    view = view_of(event("london", IRELAND, at_s=9), event("boston", IRELAND, at_s=11))

    assert condition(since_s=9)(view)
    assert not condition(since_s=10)(view)


def test_served_ok_is_by_any_region_and_without_failure():
    good = view_of(reply("london", VIRGINIA), reply("boston", VIRGINIA))
    bad = view_of(reply("london", VIRGINIA), reply("boston", VIRGINIA, outcome=Outcome.FAIL))

    assert live.every_vantage_served_ok()(good)
    assert not live.every_vantage_served_ok()(bad)


def test_home_is_each_vantages_own_region():
    assert live.every_vantage_home(HOME)(view_of(reply("london", IRELAND), reply("boston", VIRGINIA)))
    assert not live.every_vantage_home(HOME)(view_of(reply("london", VIRGINIA), reply("boston", VIRGINIA)))


def test_a_vantage_without_a_known_home_is_at_home_anywhere():
    assert live.every_vantage_home({"london": IRELAND})(view_of(reply("london", IRELAND), reply("boston", IRELAND)))


def test_dns_conditions_look_at_answers_only():
    left = view_of(answer("london", VIRGINIA), answer("boston", VIRGINIA))

    assert live.dns_left(IRELAND)(left)
    assert not live.dns_home(HOME)(left)
    assert not live.every_vantage_left(IRELAND)(left)


def test_health_conditions_follow_the_latest_poll():
    view = view_of(health(IRELAND, True, at_s=1), health(IRELAND, False, at_s=2))

    assert live.check_unhealthy(IRELAND)(view)
    assert not live.check_healthy(IRELAND)(view)
    assert not live.check_unhealthy(IRELAND, since_s=3)(view)


def test_a_check_that_was_never_polled_is_neither():
    assert not live.check_healthy(IRELAND)(view_of())
    assert not live.check_unhealthy(IRELAND)(view_of())


def test_the_latest_look_is_the_one_that_started_last():
    """A look that hung from 1 s on is recorded after one that started at 5 s."""
    view = view_of(reply("london", IRELAND, at_s=5), reply("london", VIRGINIA, at_s=1))

    assert view.reply("london").region == IRELAND


def test_all_of_needs_all():
    yes, no = (lambda _: True), (lambda _: False)

    assert live.all_of(yes, yes)(view_of())
    assert not live.all_of(yes, no)(view_of())


def test_waiting_ends_as_soon_as_the_condition_holds():
    clock, view = VirtualClock(), view_of()

    held = view.wait_until(lambda _: clock.now_s() >= 5, at_most_s=100, clock=clock, what="five o'clock")

    assert held
    assert clock.now_s() == pytest.approx(5, abs=2 * live.LOOK_EVERY_WALL_S)


def test_waiting_ends_at_the_deadline():
    clock, view = VirtualClock(), view_of()

    assert not view.wait_until(lambda _: False, at_most_s=100, clock=clock, what="never")
    assert clock.now_s() == 100


def test_what_is_waited_for_can_be_shown_meanwhile():
    clock, view, shown = VirtualClock(), view_of(), []

    def condition(view):
        shown.append(view.waiting_for)
        return True

    view.wait_until(condition, at_most_s=1, clock=clock, what="all vantages to leave")

    assert shown == ["all vantages to leave"]
    assert view.waiting_for is None


def test_a_resolvers_answer_is_not_what_dns_says():
    view = view_of(answer("london", VIRGINIA), answer("london", IRELAND, at_s=2.0, way=DnsWay.RECURSIVE))

    assert view.answer("london").region == VIRGINIA
