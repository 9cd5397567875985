from __future__ import annotations

from builders import DUBLIN, EU, SYDNEY, US, a_header, a_history, dns, gap, reply

from harness.events import AnyEvent
from harness.report.service import UNKNOWN, Service, State, services


def dublin(*events: AnyEvent) -> Service:
    return next(service for service in services(a_history(*events)) if service.vantage == DUBLIN)


def test_equal_replies_are_one_state() -> None:
    service = dublin(*(reply(DUBLIN, EU, at_s) for at_s in (10, 20, 30)), reply(DUBLIN, US, 40))

    assert service.times_s == [10, 40]
    assert service.states == [State(region=EU), State(region=US)]


def test_a_state_holds_until_the_next_one() -> None:
    service = dublin(reply(DUBLIN, EU, 10), reply(DUBLIN, US, 20))

    assert service.at(5) == UNKNOWN
    assert service.at(19.9) == State(region=EU)
    assert service.at(20) == State(region=US)


def test_a_failed_request_is_a_state_of_its_own() -> None:
    service = dublin(reply(DUBLIN, EU, 10), reply(DUBLIN, None, 20, ok=False), reply(DUBLIN, EU, 30))

    assert service.at(25) == State(region=None, failing=True)
    assert service.at(30) == State(region=EU)


def test_a_vantage_that_nobody_looks_at_any_more_is_not_known() -> None:
    """Looked at every 10 s until 30 s: four intervals later, at 70 s, nobody knows. The next look is at 200 s."""
    looks = [reply(DUBLIN, EU, at_s) for at_s in (0, 10, 20, 30, 200)]

    service = dublin(*looks, reply(SYDNEY, US, 500))

    assert service.at(69.9) == State(region=EU)
    assert service.at(70) == UNKNOWN
    assert service.at(200) == State(region=EU)
    assert service.at(240) == UNKNOWN


def test_a_single_look_is_good_for_a_minute() -> None:
    service = dublin(reply(DUBLIN, EU, 10), reply(SYDNEY, US, 500))

    assert service.times_s == [10, 70]


def test_the_last_state_holds_until_the_end_of_the_run() -> None:
    """The last look at 30 s is good until 70 s, and the run ended at 35 s."""
    service = dublin(*(reply(DUBLIN, EU, at_s) for at_s in (10, 20, 30)), gap(SYDNEY, 35, 35))

    assert service.times_s == [10]


def test_without_https_the_states_say_where_dns_led() -> None:
    service = dublin(dns(DUBLIN, EU, 10), dns(DUBLIN, US, 20))

    assert service.by_dns_alone
    assert service.at(20) == State(region=US)


def test_a_vantage_without_looks_has_no_state() -> None:
    assert [service.times_s for service in services(a_history(header=a_header()))] == [[], [], [], []]
