from __future__ import annotations

from builders import AP, DUBLIN, EU, FRANKFURT, US, VIRGINIA, Story, a_fault, a_history, an_experiment, dns, health

from harness.checkers.timeline import failover_times, fault_windows
from harness.events import HealthObservation


def test_a_story_is_read_back_as_it_was_told():
    """Told: sick after 80 s, DNS after 85 s; seen in the first look at or after that, on a grid of 5 s.

    Broken at 62 s: 142 s is seen at 145 s (83 s), 147 s at 150 s (88 s). HTTPS answers are fetched at 60, 120, 180 s:
    the first from elsewhere is that of 180 s (118 s). Mended at 302 s: 362 s is seen at 365 s (63 s), 367 s at 370 s
    (68 s), home at 420 s (118 s). 212 requests from 70 to 590 s, none failed.
    """
    (times,) = failover_times(Story().history())

    assert (times.region, times.detect_s, times.dns_changed_s, times.clients_s) == (EU, 83, 88, (118, 118))
    assert (times.healthy_again_s, times.dns_back_s, times.home_s) == (63, 68, (118, 118))
    assert (times.requests, times.failed_requests) == (212, 0)


def test_only_vantages_that_were_on_the_region_are_timed():
    (times,) = failover_times(Story().history())

    assert [seen.vantage for seen in times.vantages] == [DUBLIN, FRANKFURT]


def test_failed_requests_of_all_vantages_are_counted():
    (times,) = failover_times(Story(failing=(VIRGINIA,)).history())

    assert times.failed_requests == 24


def test_what_was_not_seen_is_none():
    (times,) = failover_times(Story(detect_s=1000, dns_s=1000, rolled_back=False).history())

    assert (times.detect_s, times.dns_changed_s, times.healthy_again_s, times.dns_back_s) == (None, None, None, None)
    assert (times.clients_s, times.home_s) == ((), ())


def test_without_a_rollback_the_fault_bites_until_the_end():
    (window,) = fault_windows(a_history(an_experiment(end_s=500), a_fault(EU, rolled_back_s=None)))

    assert (window.rolling_back_s, window.rolled_back_s, window.until_s) == (500, None, 500)


def test_a_fault_that_was_never_injected_is_no_window():
    assert fault_windows(a_history(a_fault(EU)[:1])) == []


def test_the_next_fault_ends_a_window():
    history = a_history(an_experiment(), a_fault(EU), a_fault(US, injected_s=(400, 402), rolled_back_s=(500, 502)))

    assert [window.until_s for window in fault_windows(history)] == [400, 600]


def test_faults_at_the_same_time_do_not_end_each_other():
    history = a_history(an_experiment(), a_fault(EU), a_fault(US, injected_s=(70, 72), rolled_back_s=(310, 312)))

    assert [window.until_s for window in fault_windows(history)] == [600, 600]


def test_one_fault_on_two_regions_is_timed_for_each():
    assert [times.region for times in failover_times(a_history(a_fault(EU, AP)))] == [EU, AP]


def test_experiments_keep_their_own_faults():
    first, second = an_experiment("one", end_s=350), an_experiment("two", start_s=350, end_s=600)
    history = a_history(first, second, a_fault(EU), a_fault(US, injected_s=(400, 402), rolled_back_s=(500, 502)))

    assert [times.region for times in failover_times(history, second)] == [US]


def test_what_follows_an_experiment_is_not_part_of_its_window():
    """A run goes on after the experiment's end at 600 s: judged again later, its findings must be the same."""
    history = a_history(an_experiment("e"), a_fault(EU), a_fault(US, injected_s=(900, 902), rolled_back_s=None))

    assert fault_windows(history, history.experiment("e"))[0].until_s == 600


def test_recovery_may_be_seen_while_the_rollback_is_read_back():
    """The undoing call begins at 300 s, read-back ends at 302 s; a poll at 301 s says healthy: 0 s, not before."""
    history = a_history(
        an_experiment(), a_fault(EU), health(EU, True, 50), health(EU, False, 150), health(EU, True, 301)
    )

    assert failover_times(history)[0].healthy_again_s == 0


def test_polls_before_the_fault_do_not_count_as_detection():
    history = a_history(a_fault(EU), health(EU, False, 30), health(EU, True, 65), health(EU, False, 100))

    assert failover_times(history)[0].detect_s == 38


def test_vantages_without_looks_are_left_out():
    history = a_history(a_fault(EU), dns(DUBLIN, EU, 50))

    (times,) = failover_times(history)

    assert [(seen.vantage, seen.recovered) for seen in times.vantages] == [(DUBLIN, None)]


def test_a_history_without_polls_has_no_detection():
    assert failover_times(Story().history(without=HealthObservation))[0].detect_s is None


def test_each_cycle_of_a_flapping_fault_is_a_window_of_its_own():
    """On 60-80, 100-120 and 140-160 s: each window reaches to the next cycle, the last one to the end."""
    cycles = [
        a_fault(EU, injected_s=(60 + at_s, 60 + at_s), rolled_back_s=(80 + at_s, 80 + at_s), fault_id=f"f{at_s}")
        for at_s in (0, 40, 80)
    ]
    windows = fault_windows(a_history(an_experiment(end_s=300), *cycles))

    assert [(window.injected_s, window.rolled_back_s, window.until_s) for window in windows] == [
        (60, 80, 100),
        (100, 120, 140),
        (140, 160, 300),
    ]


def test_a_short_fault_inside_a_longer_one_does_not_end_it():
    """US flaps while EU is broken: EU's window is its own."""
    history = a_history(
        an_experiment(),
        a_fault(EU, injected_s=(60, 62), rolled_back_s=(300, 302), fault_id="long"),
        a_fault(US, injected_s=(100, 100), rolled_back_s=(120, 120), fault_id="f1"),
        a_fault(US, injected_s=(140, 140), rolled_back_s=(160, 160), fault_id="f2"),
    )

    assert [(window.fault_id, window.rolling_back_s, window.until_s) for window in fault_windows(history)] == [
        ("long", 300, 600),
        ("f1", 120, 140),
        ("f2", 160, 600),
    ]
