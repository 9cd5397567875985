"""A load test of two regions: Ireland breaks at 100 s and is mended at 200 s; its users go to Virginia meanwhile."""

from __future__ import annotations

import msgspec
import pytest
from builders import ADDRESS, DUBLIN, EU, US, a_fault, a_history, an_experiment, reply

from harness.checkers.checks import (
    BelowCapacity,
    FewRequestsFailed,
    GeneratorKeptUp,
    LatencyHeld,
    RetryStormStayedAway,
    SurvivorsHeld,
)
from harness.checkers.under_load import phases, region_loads, went_to
from harness.events import Gap, LoadSample, Outcome
from harness.findings import Verdict

EXPERIMENT = an_experiment(start_s=0.0, steady_until_s=90.0, end_s=300.0)
FAULT = a_fault(EU, injected_s=(100, 100), rolled_back_s=(200, 200))


def asked(region, from_s, until_s, *, every_s=0.2, took_s=0.1, failed=False):
    """One request every so often; a failed one went to the region's address and nobody replied."""
    for number in range(round((until_s - from_s) / every_s)):
        one = reply(DUBLIN, region, from_s + number * every_s, took_s=took_s)
        if failed:
            one = msgspec.structs.replace(one, outcome=Outcome.FAIL, region=None, status=None, error="timed out")
        yield msgspec.structs.replace(one, address=ADDRESS[region])


def well(**during):
    """Ireland carries twice what Virginia does; while it is broken Virginia carries all."""
    yield from asked(EU, 0, 100)
    yield from asked(US, 0, 300, every_s=0.4)
    yield from asked(US, 100, 200, **during)
    yield from asked(EU, 200, 300)


def judged(check, *events):
    history = a_history(EXPERIMENT, FAULT, *events)
    return {finding.subject: finding for finding in check.judge(history, EXPERIMENT)}


# facts


def test_phases_lie_between_the_faults_and_leave_out_the_spawning():
    found = phases(a_history(EXPERIMENT, FAULT), EXPERIMENT)

    assert [(phase.name, phase.from_s, phase.until_s) for phase in found] == [
        ("before", 10, 100),
        ("during", 100, 200),
        ("after", 200, 300),
    ]


def test_without_a_fault_there_is_one_phase():
    (phase,) = phases(a_history(EXPERIMENT), EXPERIMENT)

    assert (phase.name, phase.from_s, phase.until_s) == ("throughout", 10, 300)


def test_shares_and_rates_of_each_region_in_each_phase():
    """Before: 450 and 225 requests in 90 s. During: 250 + 500 in 100 s, all in Virginia."""
    loads = region_loads(a_history(EXPERIMENT, FAULT, well()), EXPERIMENT)

    ireland, virginia = loads["before"]
    assert (ireland.region, ireland.requests, virginia.requests) == (EU, 450, 225)
    assert ireland.share == pytest.approx(2 / 3)
    assert ireland.per_s == pytest.approx(5.0)
    (only,) = loads["during"]
    assert (only.region, only.requests, only.share) == (US, 750, 1.0)


def test_a_request_that_nobody_answered_went_where_its_address_is():
    replies = [*asked(EU, 0, 1), *asked(EU, 1, 2, failed=True)]

    assert set(went_to(replies)) == {EU}
    assert went_to(list(asked(US, 0, 0.2, failed=True))) == [None]


# latency


def test_latency_that_held_passes_in_every_phase():
    findings = judged(LatencyHeld(p95_at_most_s=0.2), well())

    assert {phase: finding.verdict for phase, finding in findings.items()} == dict.fromkeys(
        ("before", "during", "after"), Verdict.PASS
    )


def test_a_region_that_slows_down_under_the_faults_is_found_and_named():
    findings = judged(LatencyHeld(p95_at_most_s=0.5), well(took_s=1.0))

    assert [findings[phase].verdict for phase in ("before", "during", "after")] == [
        Verdict.PASS,
        Verdict.FAIL,
        Verdict.PASS,
    ]
    assert findings["during"].measured == pytest.approx(1.0)
    assert findings["during"].explanation.startswith(f"p95 of {US} is the slowest")


def test_a_handful_of_replies_is_no_latency():
    findings = judged(LatencyHeld(), asked(EU, 20, 30), asked(US, 110, 120))

    assert {finding.verdict for finding in findings.values()} == {Verdict.UNKNOWN}


# survivors


def test_a_survivor_that_carries_all_passes_and_its_share_is_told():
    findings = SurvivorsHeld().judge(a_history(EXPERIMENT, FAULT, well()), EXPERIMENT)

    assert [finding.verdict for finding in findings] == [Verdict.PASS, Verdict.PASS]
    assert "33% of the good replies before, 100% during the faults" in findings[0].explanation


def test_a_survivor_that_fails_or_slows_down_under_what_comes_to_it_is_found():
    failing = SurvivorsHeld().judge(a_history(EXPERIMENT, FAULT, well(failed=True)), EXPERIMENT)
    slow = SurvivorsHeld().judge(a_history(EXPERIMENT, FAULT, well(took_s=0.5)), EXPERIMENT)

    assert (failing[0].checker, failing[0].verdict) == ("survivors", Verdict.FAIL)
    assert (slow[1].checker, slow[1].verdict) == ("survivors-pace", Verdict.FAIL)
    assert slow[1].measured == pytest.approx(5.0)


def test_nothing_broken_and_nobody_left_are_no_pass():
    assert SurvivorsHeld().judge(a_history(EXPERIMENT, well()), EXPERIMENT)[0].verdict is Verdict.UNKNOWN
    nobody = a_history(EXPERIMENT, FAULT, asked(EU, 0, 300))
    assert SurvivorsHeld().judge(nobody, EXPERIMENT)[0].verdict is Verdict.UNKNOWN


# the way home


def test_users_who_come_home_as_they_were_are_no_storm():
    assert judged(RetryStormStayedAway(region=EU), well())[EU].verdict is Verdict.PASS


def test_a_retry_storm_is_found():
    """In ten seconds after the repair, 50 usual requests and 100 more."""
    finding = judged(RetryStormStayedAway(region=EU), well(), asked(EU, 230, 240, every_s=0.1))[EU]

    assert finding.verdict is Verdict.FAIL
    assert finding.measured == pytest.approx(3.0, abs=0.05)
    assert "from 230 s on" in finding.explanation


def test_requests_that_fail_are_part_of_the_storm():
    storm = asked(EU, 230, 240, every_s=0.1, failed=True)

    assert judged(RetryStormStayedAway(region=EU), well(), storm)[EU].verdict is Verdict.FAIL


def test_a_region_that_was_asked_little_or_never_came_back_is_not_known():
    assert judged(RetryStormStayedAway(region=EU), asked(EU, 0, 300, every_s=2))[EU].verdict is Verdict.UNKNOWN
    assert judged(RetryStormStayedAway(region=EU), asked(EU, 0, 100))[EU].verdict is Verdict.UNKNOWN
    assert judged(RetryStormStayedAway(region=US), well())[US].verdict is Verdict.UNKNOWN


# the generator


def sample(cpu_share, at_s=50.0, worker="w1"):
    return LoadSample(start_s=at_s, end_s=at_s, source=worker, users=10, cpu_share=cpu_share, clock_uncertainty_s=0.001)


def load_gap(reason):
    return Gap(start_s=60, end_s=90, source="load", vantage=DUBLIN, missed=0, reason=reason)


def test_a_generator_with_time_to_spare_passes():
    (finding,) = GeneratorKeptUp().judge(a_history(EXPERIMENT, sample(0.2), sample(0.5, worker="w2")), EXPERIMENT)

    assert (finding.verdict, finding.measured) == (Verdict.PASS, 0.5)
    assert "the busiest of 2 workers, w2, used up to 50% of its core" in finding.explanation


def test_a_generator_out_of_breath_is_never_a_pass():
    (finding,) = GeneratorKeptUp().judge(a_history(EXPERIMENT, sample(0.95)), EXPERIMENT)

    assert finding.verdict is Verdict.UNKNOWN
    assert "times in this run are doubtful" in finding.explanation


def test_a_lost_worker_is_never_a_pass():
    events = sample(0.2), load_gap("worker w2 was lost: its last batch came up to 60.0 s")
    (finding,) = GeneratorKeptUp().judge(a_history(EXPERIMENT, *events), EXPERIMENT)

    assert finding.verdict is Verdict.UNKNOWN
    assert "worker w2 was lost" in finding.explanation


def test_gaps_of_other_probes_do_not_blame_the_generator():
    other = msgspec.structs.replace(load_gap("slow"), source="https")
    (finding,) = GeneratorKeptUp().judge(a_history(EXPERIMENT, sample(0.2), other), EXPERIMENT)

    assert finding.verdict is Verdict.PASS


def test_no_generator_told_of_itself():
    (finding,) = GeneratorKeptUp().judge(a_history(EXPERIMENT, well()), EXPERIMENT)

    assert finding.verdict is Verdict.UNKNOWN


def test_a_load_near_what_the_servers_carry_is_never_a_pass():
    """Ten requests a second of ten thousand, and of twelve."""
    history = a_history(EXPERIMENT, asked(EU, 0, 100, every_s=0.1))
    (well_below,) = BelowCapacity(requests_per_s=10_000).judge(history, EXPERIMENT)
    (near,) = BelowCapacity(requests_per_s=12).judge(history, EXPERIMENT)

    assert (well_below.verdict, well_below.measured) == (Verdict.PASS, pytest.approx(0.001, rel=0.15))
    assert near.verdict is Verdict.UNKNOWN
    assert "put on less load" in near.explanation
    assert BelowCapacity(requests_per_s=12).judge(a_history(EXPERIMENT), EXPERIMENT)[0].verdict is Verdict.UNKNOWN


def test_the_share_of_failed_requests_is_over_all_of_the_experiment():
    """40 of 2,040 failed."""
    history = a_history(EXPERIMENT, well(), asked(US, 50, 58, failed=True))
    (few,) = FewRequestsFailed(at_most_share=0.05).judge(history, EXPERIMENT)
    (many,) = FewRequestsFailed(at_most_share=0.01).judge(history, EXPERIMENT)

    assert (few.verdict, many.verdict) == (Verdict.PASS, Verdict.FAIL)
