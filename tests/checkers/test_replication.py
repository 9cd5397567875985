from __future__ import annotations

import math
import random

import msgspec
import pytest
from builders import AP, EU, US, a_fault, a_header, a_history, a_stack, an_experiment
from data_builders import THROTTLED, a_delete, a_metric, a_read, a_write, polled_writes
from hypothesis import given
from hypothesis import strategies as st

from harness.checkers.replication import ReplicatedInTime, replication_latencies
from harness.checkers.replication.turnbull import estimate
from harness.checkers.statistics import bootstrap_ranks, samples_needed
from harness.errors import InvalidPlan
from harness.events import ItemWrite, Outcome, Way
from harness.findings import Verdict

TWO_REGIONS = a_header(stack=a_stack(US, EU))


def pairs_of(*events, experiment=None, header=TWO_REGIONS):
    experiment = experiment or an_experiment()
    return replication_latencies(a_history(experiment, *events, header=header), experiment)


def pair_of(*events, experiment=None):
    return pairs_of(*events, experiment=experiment)[0]


def judged(*events, check=None, header=TWO_REGIONS):
    experiment = an_experiment()
    findings = (check or ReplicatedInTime()).judge(a_history(experiment, *events, header=header), experiment)
    return next(finding for finding in findings if finding.subject in (f"{US} → {EU}", ""))


def only_bounds(pair):
    """Low and high of the one write's latency: with one sample, the largest is between its bounds."""
    return pytest.approx((pair.max.low_s, pair.max.high_s))


# The interval of one write.


def test_latency_lies_between_reply_to_last_miss_and_call_to_first_hit():
    """Written 10.0-10.1 s, missed 10.4-10.5 s, seen 10.6-10.7 s: more than 0.3 s and at most 0.7 s."""
    pair = pair_of(
        a_write("v", 10.0, took_s=0.1), a_read(None, 10.4, took_s=0.1), a_read("v", 10.6, took_s=0.1), a_read("v", 20)
    )

    assert only_bounds(pair) == (0.3, 0.7)


def test_a_write_seen_at_the_first_look_took_no_less_than_nothing():
    assert only_bounds(pair_of(a_write("v", 10.0, took_s=0.1), a_read("v", 10.6, took_s=0.1))) == (0.0, 0.7)


def test_a_look_that_began_before_the_write_can_show_it():
    """The look took from 9.9 to 10.3 s and showed it: at most 0.3 s."""
    assert only_bounds(pair_of(a_write("v", 10.0), a_read("v", 9.9, took_s=0.4))) == (0.0, 0.3)


@given(
    latency_s=st.floats(0, 5),
    every_s=st.floats(0.05, 2),
    poll_s=st.floats(0, 0.04),
    write_s=st.floats(0, 0.5),
    seed=st.integers(0, 1000),
)
def test_the_interval_always_holds_the_latency(latency_s, every_s, poll_s, write_s, seed):
    """A write takes effect in its middle and a look looks in its middle; the bounds know neither."""
    events = polled_writes(1, latency_s=latency_s, every_s=every_s, poll_s=poll_s, write_s=write_s, seed=seed)
    pair = pair_of(events)

    assert pair.max.low_s - 1e-9 <= latency_s <= pair.max.high_s + 1e-9
    assert pair.max.high_s - pair.max.low_s <= every_s + 2 * poll_s + write_s + 1e-9


# Which writes count.


def test_there_is_one_for_each_ordered_pair_of_regions():
    pairs = pairs_of(header=a_header())

    assert {(pair.source, pair.receiving) for pair in pairs} == {
        (one, other) for one in (US, EU, AP) for other in (US, EU, AP) if one != other
    }
    assert all((pair.samples, pair.quantiles) == (0, ()) for pair in pairs)


def test_each_pair_has_its_own_writes_and_looks():
    """US writes arrive in Europe after 0.5 s, Europe's in the US after 2 s."""
    there, back = pairs_of(polled_writes(20), polled_writes(20, latency_s=2, source=EU, receiving=US))

    assert there.p50.estimate_s == pytest.approx(0.5, abs=0.1)
    assert back.p50.estimate_s == pytest.approx(2, abs=0.1)


def test_keys_written_in_two_regions_are_not_timed():
    pair = pair_of(a_write("v", 10), a_write("w", 30, region=EU), a_read("v", 11))

    assert (pair.samples, pair.unwatched) == (0, 0)


def test_a_write_that_may_have_happened_elsewhere_makes_a_key_hot_too():
    assert pair_of(a_write("v", 10), a_write("w", 30, region=EU, outcome=Outcome.UNKNOWN), a_read("v", 11)).samples == 0


def test_a_refused_write_elsewhere_does_not():
    assert pair_of(a_write("v", 10), a_write("w", 30, region=EU, outcome=Outcome.FAIL), a_read("v", 11)).samples == 1


def test_only_acknowledged_writes_are_timed():
    pair = pair_of(
        a_write("v", 10, outcome=Outcome.UNKNOWN), a_write("w", 10, key="l", outcome=Outcome.FAIL), a_read("v", 11)
    )

    assert (pair.samples, pair.unknown_writes, pair.failed_writes) == (0, 1, 1)


def test_a_write_that_nobody_looked_for_is_counted_and_left_out():
    pair = pair_of(a_write("v", 10), a_write("w", 10, key="l"), a_read("w", 11, key="l"), a_read("w", 30, key="l"))

    assert (pair.samples, pair.unwatched) == (1, 1)


def test_a_delete_of_what_was_not_there_is_left_out():
    """The second delete changes nothing; the put at 30 s that shows it had arrived says nothing of when."""
    pair = pair_of(
        [a_write("v", 10), a_read("v", 11), a_delete("d", 15), a_read(None, 16), a_delete("e", 20), a_read(None, 21)],
        [a_write("w", 30), a_read("w", 31), a_read("w", 40)],
    )

    assert (pair.samples, pair.unwatched, pair.max.high_s) == (3, 1, 1)


def test_a_write_never_seen_is_right_censored_counted_and_named():
    """Of three writes one is missing at the last look, 90 s after it: the slowest took more than 90 s, or for ever."""
    seen = [(a_write(f"v{n}", 10, key=f"k{n}"), a_read(f"v{n}", 11, key=f"k{n}")) for n in range(2)]
    history_events = [a_write("lost", 10, key="z"), a_read(None, 100, key="z"), *seen[0], *seen[1]]
    pair = pair_of(*history_events)
    history = a_history(an_experiment(), *history_events, header=TWO_REGIONS)

    assert pair.samples == 3
    assert [history[index].value for index in pair.unseen] == ["lost"]
    assert (pair.max.low_s, pair.max.high_s) == (90, math.inf)


def test_last_writes_that_were_not_all_seen_are_left_out_together():
    """The last look is at 40 s. Of the two writes in its last 5 s one was seen: both are left out, so that the sample
    does not favour the quick one."""
    pair = pair_of(
        a_write("early", 10, key="e"),
        a_read("early", 11, key="e"),
        a_write("quick", 38, key="q"),
        a_read("quick", 38.5, key="q"),
        a_write("slow", 38, key="s"),
        a_read(None, 40, key="s"),
    )

    assert (pair.samples, pair.late, pair.unseen) == (1, 2, ())


def test_last_writes_that_were_all_seen_count():
    assert pair_of(a_write("v", 38), a_read("v", 39)).late == 0


def test_only_writes_before_the_first_fault_count():
    """Steady until 60 s, broken from 60 s on: the write at 50 s counts, those at 58 s (too short before) and 70 s do
    not, though all were seen."""
    writes = [(a_write(f"v{at}", at, key=f"k{at}"), a_read(f"v{at}", at + 1, key=f"k{at}")) for at in (50, 58, 70)]
    pair = pair_of(*(event for pair in writes for event in pair), a_fault(EU))

    assert (pair.samples, pair.late) == (1, 1)


def test_writes_outside_the_experiment_do_not_count():
    pair = pair_of(polled_writes(10), experiment=an_experiment(start_s=3, end_s=5.5))

    assert pair.samples == 3


# Quantiles.


def test_a_constant_delay_is_measured_within_5_ms_although_polls_are_20_ms_apart():
    """150 ms, polls of 2 ms every 20 ms, writes of 3 ms: each interval is 27 ms wide or less, all of them hold 150."""
    pair = pair_of(polled_writes(300, latency_s=0.15, every_s=0.02, poll_s=0.002, write_s=0.003))

    assert pair.p50.estimate_s == pytest.approx(0.15, abs=0.005)
    assert pair.resolution_s == pytest.approx(0.025, abs=0.002)
    assert (pair.read_s, pair.write_s) == (pytest.approx(0.002), pytest.approx(0.003))


def test_a_quantile_lies_in_its_confidence_interval_and_wider_polls_widen_it():
    close, wide = (
        pair_of(polled_writes(200, latency_s=1, spread_s=0.5, every_s=every_s)).p95 for every_s in (0.05, 0.5)
    )

    assert close.low_s < close.estimate_s < close.high_s
    assert wide.high_s - wide.low_s > close.high_s - close.low_s


def test_confidence_intervals_hold_the_true_quantile():
    """Latencies are even from 0.5 to 1.5 s, so p95 is 1.45 s. Of 40 runs of 100 writes at most 5 may miss it (with
    95 %, 2 are expected; more than 5 happens in 1 of 70 sets of runs, and this set is always the same)."""
    runs = (pair_of(polled_writes(100, latency_s=1, spread_s=0.5, every_s=0.2, seed=seed)).p95 for seed in range(40))

    assert sum(not run.low_s <= 1.45 <= run.high_s for run in runs) <= 5


def test_too_few_writes_leave_p99_without_an_upper_bound():
    """0.99 ** 100 = 37 %: the slowest of 100 writes may well be quicker than p99."""
    pair = pair_of(polled_writes(100))

    assert (pair.p99.high_s, pair.p95.high_s < 1) == (math.inf, True)


def test_the_cdf_rises_from_surely_to_possibly():
    pair = pair_of(polled_writes(300, spread_s=0.3, poll_s=0.01))

    assert len(pair.cdf) <= 202
    assert [point.latency_s for point in pair.cdf] == sorted(point.latency_s for point in pair.cdf)
    assert all(point.surely <= point.estimate + 1e-9 <= point.possibly + 2e-9 for point in pair.cdf)
    assert pair.cdf[-1].surely == 1.0


def test_cloudwatchs_own_metric_stands_beside_weighted_by_its_samples():
    """1,000 ms of 3 samples and 2,000 ms of 1: 1.25 s; the other direction's is not ours."""
    pair = pair_of(
        a_metric(1000, 0, samples=3), a_metric(2000, 60, samples=1), a_metric(9000, 60, region=EU, receiving=US)
    )

    assert pair.cloudwatch.average_s == 1.25
    assert (pair.cloudwatch.minimum_s, pair.cloudwatch.maximum_s, pair.cloudwatch.samples) == (0.5, 4.0, 4)


def test_without_the_metric_there_is_none():
    assert pair_of(polled_writes(1)).cloudwatch is None


# Turnbull's estimate.


def test_the_estimate_of_exact_values_is_their_share():
    """1, 2, 3 and 4, each seen exactly: a quarter up to each."""
    found = estimate([(value, value) for value in (3.0, 1.0, 4.0, 2.0)])

    assert [found.share_within(value) for value in (0.5, 1, 2, 3, 4)] == pytest.approx([0, 0.25, 0.5, 0.75, 1])


def test_right_censored_values_move_to_the_right_of_where_they_were_last_seen():
    """Kaplan and Meier by hand: 1 and 3 seen, one censored at 2 and so later: 1/3 up to 1; the rest, 2/3, up to 3."""
    found = estimate([(1.0, 1.0), (2.0, math.inf), (3.0, 3.0)])

    assert found.share_within(1) == pytest.approx(1 / 3, abs=1e-3)
    assert found.share_within(3) == pytest.approx(1, abs=1e-3)


def test_a_share_that_was_not_reached_is_infinitely_far():
    found = estimate([(1.0, 1.0), (5.0, math.inf)])

    assert (found.quantile(0.5), found.quantile(0.51)) == (1.0, math.inf)


def test_what_all_intervals_share_is_where_the_mass_lies():
    """[0, 3], [2, 5] and [1, 4] have only [2, 3] in common."""
    found = estimate([(0.0, 3.0), (2.0, 5.0), (1.0, 4.0)])

    assert (found.cells, found.quantile(0.5)) == (((2.0, 3.0),), 2.5)


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 5) | st.just(math.inf)), min_size=1, max_size=30))
def test_the_estimate_is_never_below_what_is_sure_nor_above_what_is_possible(ends):
    intervals = [(low, low + width) for low, width in ends]
    found = estimate(intervals)

    assert found.reached[-1] == pytest.approx(1)
    for at in {low for low, _ in intervals}:
        surely = sum(high < at for _, high in intervals) / len(intervals)
        possibly = sum(low <= at for low, _ in intervals) / len(intervals)
        assert surely - 1e-6 <= found.share_within(at) <= possibly + 1e-6


def test_no_intervals_have_no_distribution():
    with pytest.raises(ValueError, match="no intervals"):
        estimate([])


# The bootstrap.


@pytest.mark.parametrize(("samples", "share"), [(20, 0.5), (100, 0.95), (400, 0.99)])
def test_bootstrap_ranks_are_what_resampling_finds(samples, share):
    """4,000 resamples of 1..n: the 2.5 % and 97.5 % points of their quantile are the ranks, give or take the noise."""
    chance, rank = random.Random(7), math.ceil(share * samples)
    found = sorted(sorted(chance.choices(range(1, samples + 1), k=samples))[rank - 1] for _ in range(4000))
    low, high = bootstrap_ranks(samples, share)

    assert low == pytest.approx(found[100], abs=1)
    assert high == pytest.approx(found[3900], abs=1)


@pytest.mark.parametrize(("share", "needed"), [(0.5, 6), (0.95, 72), (0.99, 368)])
def test_a_quantile_has_an_upper_bound_from_so_many_samples_on(share, needed):
    """0.99 ** 367 = 2.501 %, 0.99 ** 368 = 2.476 %: below half of the 5 % that 95 % leaves."""
    assert samples_needed(share) == needed
    assert bootstrap_ranks(needed - 1, share)[1] == needed
    assert bootstrap_ranks(needed, share)[1] <= needed


def test_few_samples_do_not_bound_the_median_from_below_either():
    assert bootstrap_ranks(5, 0.5) == (0, 6)


@pytest.mark.parametrize(("samples", "share"), [(0, 0.5), (5, 1.1)])
def test_a_bootstrap_of_nothing_is_refused(samples, share):
    with pytest.raises(ValueError, match="quantile"):
        bootstrap_ranks(samples, share)


# The check.


def test_quick_replication_passes():
    finding = judged(polled_writes(100))

    assert finding.verdict is Verdict.PASS
    assert finding.measured == pytest.approx(0.6, abs=0.02)
    assert (finding.limit, finding.samples, finding.subject) == (5.0, 100, f"{US} → {EU}")


def test_slow_replication_fails():
    finding = judged(polled_writes(100, latency_s=6))

    assert (finding.verdict, finding.measured > 6 - finding.uncertainty > 5) == (Verdict.FAIL, True)


def test_a_limit_inside_the_confidence_interval_is_unknown():
    check = ReplicatedInTime(p50_at_most_s=1.0, p95_at_most_s=None)

    assert judged(polled_writes(100, latency_s=1, every_s=0.5), check=check).verdict is Verdict.UNKNOWN


def test_too_few_writes_are_unknown_and_say_how_many_more():
    finding = judged(polled_writes(60))

    assert (finding.verdict, finding.samples) == (Verdict.UNKNOWN, 60)
    assert "60 writes could be timed, 40 more are needed" in finding.explanation


def test_p99_says_how_many_writes_it_takes():
    """368 - 100 = 268."""
    check = ReplicatedInTime(p95_at_most_s=None, p99_at_most_s=5.0)
    finding = judged(polled_writes(100), check=check)

    assert (finding.verdict, finding.measured) == (Verdict.UNKNOWN, None)
    assert "268 more writes are needed" in finding.explanation


def test_enough_writes_bound_p99():
    check = ReplicatedInTime(p95_at_most_s=None, p99_at_most_s=5.0)

    assert judged(polled_writes(368), check=check).verdict is Verdict.PASS


def test_a_region_that_never_shows_anything_fails_and_is_asked_for_a_replica():
    """Written at 0..99 s, looked for in vain at 500 s: each took more than 400 s."""
    writes = [(a_write(f"v{n}", n, key=f"k{n}"), a_read(None, 500, key=f"k{n}")) for n in range(100)]
    finding = judged(*(event for pair in writes for event in pair))

    assert finding.verdict is Verdict.FAIL
    assert (
        f"none of the writes was ever seen in {EU}: is the table global, with a replica there?" in finding.explanation
    )
    assert len(finding.evidence) == 20


def test_nobody_reading_is_unknown_and_said():
    writes = [a_write(f"v{n}", n, key=f"k{n}") for n in range(100)]
    finding = judged(writes)

    assert finding.verdict is Verdict.UNKNOWN
    assert f"nobody read in {EU}" in finding.explanation
    assert "100 writes were not watched" in finding.explanation


def throttled_reads(count):
    return [a_read(None, n, outcome=Outcome.FAIL, error=THROTTLED) for n in range(count)]


def test_throttling_is_told():
    """One of 600 reads and 100 writes."""
    finding = judged(polled_writes(100), throttled_reads(1))

    assert finding.verdict is Verdict.PASS
    assert "throttled: 1 of" in finding.explanation


def test_much_throttling_leaves_nothing_proven():
    """50 of some 750 calls, 7 %."""
    finding = judged(polled_writes(100), throttled_reads(50))

    assert finding.verdict is Verdict.UNKNOWN
    assert "more than 1.0% of all calls were throttled" in finding.explanation


def test_throttled_reads_are_no_misses():
    """The throttled read at 10.5 s knows nothing: the lower bound stays 0."""
    read = a_read(None, 10.5, outcome=Outcome.FAIL, error=THROTTLED)

    assert only_bounds(pair_of(a_write("v", 10), read, a_read("v", 11))) == (0.0, 1.0)


def test_what_polling_costs_is_told():
    finding = judged(polled_writes(100, every_s=0.02, poll_s=0.002))

    assert "one poll takes 2.0 ms" in finding.explanation


def test_a_stack_in_one_region_has_nowhere_to_replicate_to():
    finding = judged(header=a_header(stack=a_stack(US)))

    assert (finding.verdict, f"in {US} alone" in finding.explanation) == (Verdict.UNKNOWN, True)


def test_a_check_without_a_limit_is_refused():
    with pytest.raises(InvalidPlan, match="no limit"):
        ReplicatedInTime(p95_at_most_s=None)


def test_a_check_survives_being_saved():
    check = ReplicatedInTime(p99_at_most_s=2.0)

    assert msgspec.json.decode(msgspec.json.encode(check), type=ReplicatedInTime) == check


# Ways.


def by_https(events):
    """The same calls, made through the application: other keys, other values."""
    for event in events:
        fields = {"key": f"app/{event.key}", "way": Way.HTTPS}
        if event.item:
            fields["item"] = {name: f"app/{value}" for name, value in event.item.items()}
        if isinstance(event, ItemWrite):
            fields["value"] = f"app/{event.value}"
        yield msgspec.structs.replace(event, **fields)


def test_writes_of_each_way_are_timed_apart():
    """Half a second at the table, two seconds through the application."""
    experiment = an_experiment()
    at_table, by_app = polled_writes(100, latency_s=0.5), by_https(polled_writes(100, latency_s=2.0))
    history = a_history(experiment, at_table, by_app, header=TWO_REGIONS)

    table, app = (replication_latencies(history, experiment, way=way)[0] for way in (Way.DYNAMODB, Way.HTTPS))
    assert (table.samples, app.samples) == (100, 100)
    assert table.p50.high_s < 1 < app.p50.low_s
    assert replication_latencies(history, experiment)[0].samples == 200


def test_a_check_of_one_way_is_blind_to_the_other_and_says_which():
    experiment = an_experiment()
    history = a_history(experiment, polled_writes(100), header=TWO_REGIONS)
    found = {way: ReplicatedInTime(way=way).judge(history, experiment)[0] for way in (None, *Way)}

    assert [found[way].verdict for way in (None, Way.DYNAMODB, Way.HTTPS)] == [
        Verdict.PASS,
        Verdict.PASS,
        Verdict.UNKNOWN,
    ]
    assert found[Way.HTTPS].subject == f"{US} → {EU} by HTTPS"
    assert "writes through the application in" in found[Way.HTTPS].claim
