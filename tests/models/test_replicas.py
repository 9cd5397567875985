from __future__ import annotations

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.models.replicas import Replica, Stamp

REGIONS = ("ap-southeast-2", "eu-west-1", "us-east-1")


def test_a_newer_write_from_elsewhere_applies():
    replica: Replica[str] = Replica("us-east-1")
    replica.write("k", now_ns=10)

    assert replica.receive("k", Stamp(11, "eu-west-1"))


def test_an_older_write_from_elsewhere_is_dropped():
    replica: Replica[str] = Replica("us-east-1")
    replica.write("k", now_ns=10)

    assert not replica.receive("k", Stamp(9, "eu-west-1"))
    assert replica.stamp_of("k") == Stamp(10, "us-east-1")


def test_a_tie_goes_to_the_greater_region_name_on_both_sides():
    ireland: Replica[str] = Replica("eu-west-1")
    virginia: Replica[str] = Replica("us-east-1")
    from_ireland = ireland.write("k", now_ns=10)
    from_virginia = virginia.write("k", now_ns=10)

    assert ireland.receive("k", from_virginia)
    assert not virginia.receive("k", from_ireland)


def test_the_same_write_arriving_twice_applies_once():
    replica: Replica[str] = Replica("us-east-1")

    assert replica.receive("k", Stamp(5, "eu-west-1"))
    assert not replica.receive("k", Stamp(5, "eu-west-1"))


def test_a_region_with_a_slow_clock_never_stamps_below_what_it_has_seen():
    replica: Replica[str] = Replica("us-east-1")
    replica.receive("k", Stamp(1000, "eu-west-1"))

    assert replica.write("k", now_ns=10) == Stamp(1001, "us-east-1")


def test_two_local_writes_in_one_nanosecond_keep_their_order():
    replica: Replica[str] = Replica("us-east-1")

    assert replica.write("k", now_ns=10) < replica.write("k", now_ns=10)


def test_a_new_replica_is_told_of_deleted_keys_too():
    replica: Replica[str] = Replica("us-east-1")
    stamp = replica.write("deleted", now_ns=1)

    assert list(replica.stamps()) == [("deleted", stamp)]


class World:
    """Three replicas with their values, clocks that may be wrong, and a first-in-first-out link per pair and key."""

    def __init__(self, skew_ns: dict[str, int]) -> None:
        self.skew_ns = skew_ns
        self.replicas: dict[str, Replica[str]] = {region: Replica(region) for region in REGIONS}
        self.values: dict[str, dict[str, int | None]] = {region: {} for region in REGIONS}
        self.links: dict[tuple[str, str, str], deque[tuple[Stamp, int | None]]] = {}

    def write(self, region: str, key: str, value: int | None, now_ns: int) -> None:
        stamp = self.replicas[region].write(key, now_ns + self.skew_ns[region])
        self.values[region][key] = value
        for other in REGIONS:
            if other != region:
                self.links.setdefault((region, other, key), deque()).append((stamp, value))

    def deliver(self, link: tuple[str, str, str]) -> None:
        _, destination, key = link
        stamp, value = self.links[link].popleft()
        if not self.links[link]:
            del self.links[link]
        if self.replicas[destination].receive(key, stamp):
            self.values[destination][key] = value


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("write"),
            st.sampled_from(REGIONS),
            st.sampled_from("ab"),
            st.integers(0, 3),  # how far the clock moves: 0 makes ties
            st.booleans(),
        ),
        st.tuples(st.just("deliver"), st.integers(0, 50)),
    ),
    max_size=40,
)


def run(schedule: list[tuple[object, ...]], skew_ns: dict[str, int], drain: int) -> World:
    world, now_ns = World(skew_ns), 0
    for number, step in enumerate(schedule):
        if step[0] == "write":
            _, region, key, moves_ns, deletes = step
            now_ns += moves_ns  # type: ignore[operator]
            world.write(str(region), str(key), None if deletes else number, now_ns)
        elif world.links:
            world.deliver(sorted(world.links)[step[1] % len(world.links)])  # type: ignore[operator]
    while world.links:
        world.deliver(sorted(world.links)[drain % len(world.links)])
    return world


@settings(max_examples=300, deadline=None, derandomize=True)
@given(steps, st.fixed_dictionaries({region: st.integers(-5, 5) for region in REGIONS}), st.integers(0, 50))
def test_any_interleaving_of_writes_and_deliveries_converges(schedule, skew_ns, drain):
    """Whatever was written where, however wrong the clocks, in whatever order it arrives: all regions show the same."""
    world = run(schedule, skew_ns, drain)

    shown = [world.values[region] for region in REGIONS]
    assert shown[0] == shown[1] == shown[2]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(steps, st.integers(0, 50))
def test_with_true_clocks_the_last_write_in_real_time_wins(schedule, drain):
    """Writes a nanosecond or more apart: the last one of each key is what all regions show in the end."""
    apart = [(step[0], step[1], step[2], 1, step[4]) if step[0] == "write" else step for step in schedule]
    last = {step[2]: None if step[4] else number for number, step in enumerate(apart) if step[0] == "write"}

    world = run(apart, dict.fromkeys(REGIONS, 0), drain)

    assert world.values["us-east-1"] == last
