"""A workload against the lab: what its history holds, and that it ends."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from itertools import pairwise

import msgspec
import pytest

from harness.errors import NotDeployed
from harness.events import ItemRead, ItemWrite, Operation, Outcome, RunHeader, Way
from harness.recorder import Recorder
from harness.target import Target
from harness.vantages import choose
from harness.workload import Mix, SessionPlan, Traffic, Workload
from harness.workload.traffic import whole

pytestmark = pytest.mark.lab

WITHIN_WALL_S = 20.0


def run_until(traffic, recorder, enough):
    """Runs traffic until `enough` holds of its history."""
    deadline = time.monotonic() + WITHIN_WALL_S
    with traffic:
        while not enough(recorder.history()):
            assert time.monotonic() < deadline, "the traffic does not do what it should"
            time.sleep(0.05)
    return recorder.history()


@pytest.fixture(scope="module")
def workload():
    return Workload(
        run="traffic",
        seed=3,
        clients_per_region=2,
        writes_per_s=0.2,
        hot_keys=1,
        cold_keys=1,
        reads_per_s=0.5,
        polls_every_s=2.0,
        polled_at_most_s=60.0,
        session=SessionPlan(keys=2, writes_every_s=4, reads_every_s=2),
    )


@pytest.fixture(scope="module")
def make_lab_recorder(lab_target):
    def make():
        clock = lab_target.new_clock()
        header = RunHeader(
            start_s=0,
            end_s=0,
            source="test",
            name="test",
            started_at="2026-01-01T00:00:00Z",
            target="test",
            clock_rate=clock.rate,
            seed=1,
            stack=lab_target.stack,
            harness_version="0",
        )
        return Recorder(clock, header)

    return make


@pytest.fixture(scope="module")
def history(lab_target, workload, make_lab_recorder):
    """Some 100 writes, with everything else beside them."""
    recorder = make_lab_recorder()
    traffic = Traffic(lab_target, workload, recorder, sessions=choose(["eu-west-1"]))
    return run_until(traffic, recorder, lambda found: len(found.of(ItemWrite)) >= 100)


def clients_of(history):
    return {one.client for kind in (ItemWrite, ItemRead) for one in history.of(kind)}


def test_all_clients_readers_pollers_and_sessions_took_part(history):
    regions = history.header.stack.region_names
    wanted = {f"{region}/{number}" for region in regions for number in (0, 1)}
    wanted |= {f"read:{region}" for region in regions} | {"session:aws:eu-west-1"}
    wanted |= {f"poll:{one}>{other}" for one in regions for other in regions if one != other}

    assert clients_of(history) == wanted


def test_every_write_has_a_value_of_its_own(history):
    writes = history.of(ItemWrite)

    assert len({write.value for write in writes}) == len(writes)


def test_a_client_does_one_thing_at_a_time(history):
    by_client = defaultdict(list)
    for one in (*history.of(ItemWrite), *history.of(ItemRead)):
        by_client[one.client].append(one)

    for done in by_client.values():
        ordered = sorted(done, key=lambda one: one.start_s)
        assert all(one.end_s <= following.start_s for one, following in pairwise(ordered))


def test_the_hot_key_is_written_from_all_regions_and_each_cold_key_by_one_client(history):
    writers = defaultdict(set)
    for write in history.of(ItemWrite):
        writers[write.key].add(write.client)

    hot = writers.pop("harness#traffic#hot#0")
    assert {client.split("/")[0] for client in hot} == set(history.header.stack.region_names)
    assert all(len(clients) == 1 for clients in writers.values())


def test_nothing_failed_but_conditions(history):
    errors = Counter(one.error for kind in (ItemWrite, ItemRead) for one in history.of(kind))

    assert set(errors) <= {None, "condition failed"}


def test_a_swap_is_based_on_what_its_client_had_just_read(history):
    swaps = [write for write in history.of(ItemWrite) if write.operation is Operation.SWAP]
    reads = history.of(ItemRead)

    assert swaps
    for swap in swaps:
        before = max(
            (read for read in reads if read.client == swap.client and read.end_s <= swap.start_s),
            key=lambda read: read.end_s,
        )
        assert (before.key, before.consistent, whole(before)) == (swap.key, True, swap.based_on)


def test_readers_read_all_keys_with_strong_consistency(history):
    reads = [read for read in history.of(ItemRead) if read.client.startswith("read:")]

    assert all(read.consistent for read in reads)
    assert len({read.key for read in reads}) > 3


def test_polls_look_only_for_cold_writes_of_their_origin_in_the_other_region(history):
    for read in history.of(ItemRead):
        if read.client.startswith("poll:"):
            origin, _, other = read.client.removeprefix("poll:").partition(">")
            assert read.region == other
            assert read.key.startswith(f"harness#traffic#cold#{origin}/")


def test_every_acknowledged_put_of_a_cold_key_was_polled_for_until_it_or_a_later_one_was_seen(history):
    """Stopping waits for the last ones."""
    regions = history.header.stack.region_names
    shown = {
        (read.client, read.key): read for read in history.of(ItemRead) if read.client.startswith("poll:") and read.item
    }  # the last one of each poller and key
    last = {
        write.key: write
        for write in history.of(ItemWrite)
        if "#cold#" in write.key and write.outcome is Outcome.OK and write.operation is not Operation.DELETE
    }
    deleted = {
        write.key
        for write in history.of(ItemWrite)
        if write.operation is Operation.DELETE and write.key in last and write.start_s > last[write.key].start_s
    }
    checked = 0
    for key, write in last.items():
        for other in regions:
            if other != write.region and key not in deleted:
                assert write.value in shown[f"poll:{write.region}>{other}", key].item.values()
                checked += 1
    assert checked


@pytest.mark.parametrize(
    ("values", "value"),
    [(("v1", "v1"), "v1"), (("v1", "v2"), None), (("v1",), None), ((), None)],
)
def test_an_item_is_whole_when_both_attributes_are_of_one_write(a_read, values, value):
    """An update of an item that is not there leaves one attribute alone."""
    assert whole(a_read(*values)) == value


def test_by_https_every_write_is_a_new_item_and_is_polled_for(lab_target, workload, make_lab_recorder):
    recorder = make_lab_recorder()
    plan = msgspec.structs.replace(workload, run="by-https", way=Way.HTTPS, clients_per_region=1)

    found = run_until(Traffic(lab_target, plan, recorder), recorder, lambda found: len(found.of(ItemWrite)) >= 6)

    writes = found.of(ItemWrite)
    seen = {(read.key, read.region) for read in found.of(ItemRead) if read.item}
    assert {(write.way, write.outcome, write.operation) for write in writes} == {(Way.HTTPS, Outcome.OK, Operation.PUT)}
    assert len({write.key for write in writes}) == len(writes)
    assert seen == {
        (one.key, region) for one in writes for region in lab_target.stack.region_names if region != one.region
    }


def test_writes_to_a_missing_table_are_refused_before_the_first(lab_target, workload, make_lab_recorder):
    regions = tuple(msgspec.structs.replace(one, table_name="none") for one in lab_target.stack.regions)
    target = Target(msgspec.structs.replace(lab_target.stack, regions=regions), lab_target.endpoints, name="test")
    recorder = make_lab_recorder()

    with pytest.raises(NotDeployed), Traffic(target, workload, recorder):
        pytest.fail("it started")

    assert not recorder.history().of(ItemWrite)


def test_an_error_inside_ends_the_traffic_without_waiting_for_replication(lab_target, workload, make_lab_recorder):
    """What is awaited for ever here would take 40 s of the wall's time."""
    plan = msgspec.structs.replace(workload, run="error", polled_at_most_s=1600.0, mix=Mix(put=1, update=0, create=0))
    began = time.monotonic()

    def breaks():
        with Traffic(lab_target, plan, make_lab_recorder()) as traffic:
            for awaited in traffic._awaited.values():
                awaited.saw = lambda read: None  # nothing is ever seen
            time.sleep(0.5)
            raise KeyError("experiment")

    with pytest.raises(KeyError, match="experiment"):
        breaks()
    assert time.monotonic() - began < 20
