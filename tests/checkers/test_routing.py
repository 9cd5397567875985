from __future__ import annotations

import msgspec
from builders import (
    AP,
    DUBLIN,
    EU,
    SYDNEY,
    US,
    VANTAGES,
    VIRGINIA,
    Story,
    a_fault,
    a_header,
    a_history,
    an_experiment,
    reply,
)
from builders import dns as answer

from harness.checkers.routing import RoutedToNextNearest, ServedByNearest, UntouchedStayedPut, nearest
from harness.events import VantageSummary
from harness.findings import Verdict


def judged(check, history):
    return check.judge(history, history.experiment("e"))


def at(name, **rtt_ms):
    order = tuple(sorted(rtt_ms, key=rtt_ms.__getitem__))
    return VantageSummary(name=name, latitude=0, longitude=0, expected_order=order, rtt_ms=rtt_ms)


def test_the_nearest_region_is_the_first_in_the_catalogues_order():
    assert nearest(VANTAGES[0], 0.1).region == EU


def test_a_broken_region_is_passed_over():
    assert nearest(VANTAGES[0], 0.1, {EU}).region == US


def test_the_margin_itself_is_a_close_call_and_more_is_not():
    assert nearest(at("a", us=100, eu=150), 0.5).close
    assert not nearest(at("a", us=100, eu=151), 0.5).close


def test_an_order_without_round_trips_is_a_close_call():
    assert nearest(VantageSummary(name="a", latitude=0, longitude=0, expected_order=(US, EU)), 0.1).close


def test_a_place_without_an_order_has_no_nearest_region():
    assert nearest(VantageSummary(name="a", latitude=0, longitude=0), 0.1).region is None


def test_a_vantage_served_from_afar_fails_by_name():
    """Sydney is led to Ireland once; its nearest is its own region."""
    history = Story().history(answer(SYDNEY, EU, 31))

    overall, of_sydney = judged(ServedByNearest(), history)

    assert (overall.verdict, overall.measured) == (Verdict.FAIL, 1)
    assert (of_sydney.subject, history[of_sydney.evidence[0]].region) == (SYDNEY, EU)


def test_a_reply_from_afar_fails_as_well_as_an_answer():
    overall, *_ = judged(ServedByNearest(), Story().history(reply(SYDNEY, EU, 31)))

    assert overall.verdict is Verdict.FAIL


def test_what_happens_during_the_fault_is_not_held_against_steady_routing():
    (finding,) = judged(ServedByNearest(), Story().history(answer(SYDNEY, EU, 61)))

    assert finding.verdict is Verdict.PASS


def test_a_close_call_is_reported_and_never_failed():
    vantages = (at("close", **{EU: 100.0, US: 105.0}), at(DUBLIN, **{EU: 3.0, US: 70.0}))
    history = a_history(
        an_experiment(), answer("close", US, 10), answer(DUBLIN, EU, 10), header=a_header(vantages=vantages)
    )

    (finding,) = judged(ServedByNearest(), history)

    assert finding.verdict is Verdict.PASS
    assert "elsewhere: close" in finding.explanation


def test_only_close_calls_prove_nothing():
    history = a_history(
        an_experiment(), answer("close", EU, 10), header=a_header(vantages=(at("close", **{EU: 100.0, US: 105.0}),))
    )

    assert [finding.verdict for finding in judged(ServedByNearest(), history)] == [Verdict.UNKNOWN]


def test_a_vantage_that_was_not_looked_at_is_unknown():
    history = a_history(an_experiment(), answer(DUBLIN, EU, 10), header=a_header(vantages=VANTAGES[:2]))

    (finding,) = judged(ServedByNearest(), history)

    assert finding.verdict is Verdict.UNKNOWN
    assert "nothing was seen of frankfurt" in finding.explanation


def test_a_place_whose_nearest_region_nobody_measured_is_told_and_not_judged():
    vantages = (VantageSummary(name="atlantis", latitude=0, longitude=0), *VANTAGES[:1])
    history = a_history(
        an_experiment(), answer("atlantis", US, 10), answer(DUBLIN, EU, 10), header=a_header(vantages=vantages)
    )

    (finding,) = judged(ServedByNearest(), history)

    assert finding.verdict is Verdict.PASS
    assert "no region is known to be nearest to atlantis" in finding.explanation


def test_users_of_the_sick_region_go_to_their_next_nearest():
    (finding,) = judged(RoutedToNextNearest(region=EU), Story().history())

    assert (finding.verdict, finding.measured) == (Verdict.PASS, 0)


def test_a_failover_to_the_farthest_region_fails():
    """Ireland is sick: Dublin's next is Virginia, not Sydney."""
    history = a_history(
        an_experiment(), a_fault(EU), answer(DUBLIN, EU, 50), answer(DUBLIN, AP, 150), answer(DUBLIN, AP, 290)
    )

    overall, of_dublin = judged(RoutedToNextNearest(region=EU), history)

    assert (overall.verdict, of_dublin.subject) == (Verdict.FAIL, DUBLIN)
    assert of_dublin.explanation == f"seen in {AP}, expected in {US}"


def test_where_nobody_moved_there_is_no_next_region_to_judge():
    (finding,) = judged(RoutedToNextNearest(region=EU), Story(dns_s=1000).history())

    assert finding.verdict is Verdict.UNKNOWN


def test_a_vantage_elsewhere_that_is_moved_fails_by_name():
    """Sydney never was on Ireland, and is led to Virginia at 151 s."""
    overall, of_sydney = judged(UntouchedStayedPut(region=EU), Story().history(answer(SYDNEY, US, 151)))

    assert (overall.verdict, overall.measured) == (Verdict.FAIL, 1)
    assert of_sydney.subject == SYDNEY


def test_a_vantage_elsewhere_that_moves_after_the_fault_fails_too():
    overall, *_ = judged(UntouchedStayedPut(region=EU), Story().history(reply(VIRGINIA, AP, 310)))

    assert overall.verdict is Verdict.FAIL


def test_a_moved_close_call_is_only_reported():
    vantages = (*VANTAGES[:3], at(SYDNEY, **{AP: 100.0, US: 101.0, EU: 200.0}))
    story = Story(header=a_header(vantages=vantages))

    (finding,) = judged(UntouchedStayedPut(region=EU), story.history(answer(SYDNEY, US, 151)))

    assert finding.verdict is Verdict.PASS
    assert "elsewhere: sydney" in finding.explanation


def test_failed_looks_do_not_move_anybody():
    more = [answer(SYDNEY, None, 151, rcode=None), reply(SYDNEY, US, 152, ok=False)]

    (finding,) = judged(UntouchedStayedPut(region=EU), Story().history(*more))

    assert finding.verdict is Verdict.PASS


def test_a_vantage_not_looked_at_during_the_fault_is_unknown():
    events = [e for e in Story().events() if getattr(e, "vantage", "") != SYDNEY or e.start_s < 60]

    (finding,) = judged(UntouchedStayedPut(region=EU), a_history(events))

    assert finding.verdict is Verdict.UNKNOWN
    assert SYDNEY in finding.explanation


def test_the_next_fault_ends_the_watch():
    """Ireland's fault ends at 302 s, Virginia's begins at 500 s: Virginia's users leave because of that one."""
    events = [*a_fault(US, injected_s=(500, 502), rolled_back_s=None), answer(VIRGINIA, EU, 590)]

    (finding,) = judged(UntouchedStayedPut(region=EU), Story().history(*events))

    assert finding.verdict is Verdict.PASS


def test_the_margin_decides_what_is_close():
    strict = msgspec.structs.replace(ServedByNearest(), margin_share=0.01)
    vantages = (at("near", **{EU: 100.0, US: 105.0}),)
    history = a_history(an_experiment(), answer("near", US, 10), header=a_header(vantages=vantages))

    assert judged(strict, history)[0].verdict is Verdict.FAIL


def test_being_served_by_the_farthest_region_fails_though_dns_led_to_the_next():
    """Ireland is sick, DNS leads Dublin to Virginia, yet Sydney serves it at 201 s."""
    overall, of_dublin = judged(RoutedToNextNearest(region=EU), Story().history(reply(DUBLIN, AP, 201)))

    assert (overall.verdict, of_dublin.subject) == (Verdict.FAIL, DUBLIN)
