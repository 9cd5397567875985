"""Who went back and forth without a reason, and how often DNS took a region in and out."""

from __future__ import annotations

import msgspec
from builders import (
    AP,
    DUBLIN,
    EU,
    FRANKFURT,
    SYDNEY,
    US,
    Story,
    a_fault,
    a_header,
    a_history,
    an_experiment,
    dns,
    reply,
)

from harness.checkers.flaps import InAndOutOfDns, NoFlaps
from harness.checkers.moves import dns_presence
from harness.checkers.tracks import tracks_of
from harness.events import AnyEvent, VantageSummary
from harness.findings import Finding, Verdict
from harness.history import History


def flaps(history: History) -> list[Finding]:
    return NoFlaps().judge(history, history.experiment("e"))


def failing(history: History) -> list[tuple[str, str]]:
    return [(f.checker, f.subject) for f in flaps(history) if f.verdict is Verdict.FAIL and f.subject]


def led(vantage: str, *regions: str, from_s: float = 10) -> list[AnyEvent]:
    """DNS leads the vantage to each of the regions in turn, one every 10 s."""
    return [dns(vantage, region, from_s + 10 * number) for number, region in enumerate(regions)]


def test_a_failover_and_its_failback_are_no_flap():
    assert [finding.verdict for finding in flaps(Story().history())] == [Verdict.PASS, Verdict.PASS]


def test_back_and_forth_without_a_fault_is_a_flap():
    history = a_history(an_experiment(), led(SYDNEY, AP, US, AP))

    overall, of_sydney, _ = flaps(history)

    assert (overall.verdict, overall.measured, of_sydney.subject) == (Verdict.FAIL, 1, SYDNEY)
    assert "first it left ap-southeast-2 at 20.0 s for us-east-1 and was back at 30.0 s" in of_sydney.explanation


def test_replies_flap_as_answers_do():
    history = Story().history(reply(SYDNEY, US, 31))

    assert failing(history) == [("flaps", SYDNEY)]


def test_moving_on_is_no_flap():
    assert failing(a_history(an_experiment(), led(SYDNEY, AP, US, EU))) == []


def test_going_home_once_more_than_the_fault_explains_is_a_flap():
    """Broken at 60 s: Dublin leaves at 147 s and is home at 367 s. At 401 s it is led away once more, and back."""
    assert failing(Story().history(dns(DUBLIN, US, 401))) == [("flaps-dns", DUBLIN)]


def test_back_to_the_sick_region_in_the_middle_of_the_fault_is_a_flap():
    """That uses up the return that the fault explains, so the one after the rollback is told as the flap."""
    assert ("flaps-dns", DUBLIN) in failing(Story().history(dns(DUBLIN, EU, 201)))


def test_a_second_fault_explains_a_second_flight_to_the_same_region():
    again = a_fault(EU, injected_s=(400, 402), rolled_back_s=(500, 502), fault_id="again")
    history = Story().history(*again, *(dns(DUBLIN, US, at_s) for at_s in (451, 452)))

    assert failing(history) == []


def test_name_servers_that_learn_one_after_the_other_do_not_flap():
    """Two servers asked in turn: the first has changed at 20 s, the second at 50 s."""
    answers = [
        msgspec.structs.replace(dns(SYDNEY, region, at_s), nameserver=f"server-{number % 2}")
        for number, (at_s, region) in enumerate([(10, AP), (15, AP), (20, US), (25, AP), (30, US), (35, AP), (40, US)])
    ]

    assert failing(a_history(an_experiment(), answers)) == []


def test_a_close_call_may_change_its_mind():
    close = VantageSummary(name=SYDNEY, latitude=0, longitude=0, expected_order=(AP, US), rtt_ms={AP: 100.0, US: 105.0})
    history = a_history(
        an_experiment(),
        led(SYDNEY, AP, US, AP),
        led(DUBLIN, EU),
        header=a_header(vantages=(close, a_header().vantages[0])),
    )

    of_dns, _ = flaps(history)

    assert of_dns.verdict is Verdict.PASS
    assert "close calls, not judged: 1 (back and forth: sydney)" in of_dns.explanation


def test_nothing_seen_is_nothing_judged():
    assert {finding.verdict for finding in flaps(a_history(an_experiment()))} == {Verdict.UNKNOWN}


def presence(history: History, region: str = EU) -> list[tuple[bool, float]]:
    changes = dns_presence(tracks_of(history), region, history.experiment("e"))
    return [(change.present, change.by_s) for change in changes]


def test_a_fault_takes_a_region_out_and_in_once():
    """DNS out at 147 s: seen at 150; in at 367 s: seen at 370."""
    assert presence(Story().history()) == [(True, 0), (False, 150), (True, 370)]


def test_a_region_is_in_as_long_as_anybody_is_led_there():
    history = a_history(an_experiment(), led(DUBLIN, EU, US, US), led(SYDNEY, EU, EU, US, from_s=11))

    assert presence(history) == [(True, 10), (False, 31)]


def test_who_is_asked_first_does_not_make_the_region_come_in():
    history = a_history(an_experiment(), led(SYDNEY, AP, AP), led(DUBLIN, EU, EU, from_s=11))

    assert presence(history) == [(True, 10)]


def in_and_out(history: History, at_most: int | None = None) -> Finding:
    (finding,) = InAndOutOfDns(region=EU, at_most=at_most).judge(history, history.experiment("e"))
    return finding


def test_one_fault_explains_two_changes():
    finding = in_and_out(Story().history())

    assert (finding.verdict, finding.measured, finding.limit) == (Verdict.PASS, 2, 2)
    assert "out at 150.0 s, in at 370.0 s" in finding.explanation


def test_a_region_that_goes_in_and_out_oftener_fails():
    """Ireland is out from 150 s on; at 201 s two users are led there all the same, at 205 s no more."""
    back = [dns(name, EU, 201) for name in (DUBLIN, FRANKFURT)]

    finding = in_and_out(Story().history(*back))

    assert (finding.verdict, finding.measured) == (Verdict.FAIL, 4)


def test_the_limit_may_be_said():
    assert in_and_out(Story().history(), at_most=1).verdict is Verdict.FAIL


def test_without_answers_nothing_is_known():
    assert in_and_out(a_history(an_experiment())).verdict is Verdict.UNKNOWN
