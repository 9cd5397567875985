"""When users' resolvers do as they please, who is still sent to a sick region, for how long, and can it be told why?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest

from harness.checkers.checks import (
    Allowances,
    CheckersOnTime,
    DetectedInTime,
    DnsChangedInTime,
    FaultProven,
    NoFlaps,
    Paced,
    SteadyState,
    StragglersNamed,
)
from harness.checkers.limits import client_limit
from harness.checkers.routing import nearest
from harness.checkers.straggling import Reason
from harness.errors import UsageError
from harness.experiment import Experiment
from harness.faults.health_broken import HealthBroken
from harness.probes.live import Condition, LiveView, all_of, dns_left
from harness.probes.resolvers import ask_resolver
from harness.probes.watch import ProbePlan
from harness.resolving import Resolver, ServeStale
from harness.run import Run
from harness.stack import RegionName
from harness.target import Target
from harness.vantages import Vantage, choose, summary
from scenarios.forwarder import Forwarder

CLAMPED_TO_S = 300.0
REACHES_NAME_SERVERS_S = 25.0
"""The resolver that serves stale is cut off so soon, well before checkers can have noticed anything."""
CLOSE_SHARE = 0.10

CLAMPED, STALE, PINNED, WITHOUT_SUBNET = "clamped", "stale", "pinned", "without-subnet"
EXPECTED = {
    CLAMPED: Reason.CLAMPED,
    STALE: Reason.STALE,
    PINNED: Reason.PINNED,
    WITHOUT_SUBNET: Reason.NO_SUBNET,
}


@contextmanager
def resolvers(target: Target) -> Iterator[tuple[Vantage, ...]]:
    """Users of one city with four resolvers and habits, and well-behaved ones beside them and elsewhere."""
    places = {region: at_home(target, region) for region in target.stack.region_names}
    sick = target.stack.region_names[1]
    if not places[sick]:
        raise UsageError(f"no place of the catalogue is clearly nearest to {sick}: no resolver can be tried there")
    city, *beside = places[sick]
    elsewhere = [found[0] for region, found in places.items() if region != sick and found]
    with Forwarder(target.nameservers()[0], target.new_clock(), for_s=REACHES_NAME_SERVERS_S) as cut_off:
        yield (
            # The first vantage's first answer counts as fresh, so that it surely outlives the change of DNS.
            like(city, CLAMPED, Resolver(ttl_min_s=CLAMPED_TO_S)),
            like(city, STALE, Resolver(address=cut_off.address, stale=ServeStale())),
            msgspec.structs.replace(like(city, PINNED, Resolver()), keeps_connection=True),
            like(led_astray(target, places), WITHOUT_SUBNET, Resolver(sends_subnet=False)),
            city,
            *beside[:2],
            *elsewhere,
        )


# Few places are enough, and they leave room for a faster clock.
pytestmark = [
    pytest.mark.parametrize("clock_rate", [40.0], indirect=True, scope="session"),
    pytest.mark.parametrize("places", [resolvers], ids=["resolvers"], indirect=True, scope="session"),
]


@pytest.mark.destructive
def test_users_of_wayward_resolvers_are_found_and_it_is_told_why(
    run: Run, item_path: str, conduct: Callable[[Experiment], None]
) -> None:
    conduct(wayward(run, item_path))


def wayward(run: Run, item_path: str) -> Experiment:
    """Breaks /health and waits until even the resolver that clamps has asked again; the others never will."""
    region, home = run.target.stack.region_names[1], run.home
    never = {STALE, PINNED, WITHOUT_SUBNET}
    return Experiment(
        name="resolver-behaviour",
        question="Whose resolvers keep sending them to a sick region, for how long, and why?",
        faults=(HealthBroken(region=region),),
        steady=lambda since_s: served_at(home, since_s, but={WITHOUT_SUBNET}),
        hold_until=lambda since_s: all_of(dns_left(region, since_s=since_s), left(region, since_s, but=never)),
        hold_at_most_s=client_limit(run.target.stack, Allowances()).at_most_s + CLAMPED_TO_S,
        probes=ProbePlan(path=item_path),
        checks=(
            SteadyState(),
            FaultProven(),
            DetectedInTime(region=region),
            DnsChangedInTime(region=region),
            StragglersNamed(expected=EXPECTED),
            NoFlaps(),
            CheckersOnTime(),
            Paced(),
        ),
    )


def at_home(target: Target, region: RegionName) -> list[Vantage]:
    """Places of the catalogue that are clearly nearest to the region."""
    regions = target.stack.region_names
    found = []
    for vantage in choose():
        at = nearest(summary(vantage, regions), CLOSE_SHARE)
        if at.region == region and not at.close:
            found.append(vantage)
    return found


def like(vantage: Vantage, name: str, resolver: Resolver) -> Vantage:
    return msgspec.structs.replace(vantage, name=name, resolver=resolver)


def led_astray(target: Target, places: dict[RegionName, list[Vantage]]) -> Vantage:
    """A place far from where the name servers lead those of whom they see nothing but this machine's address."""
    clock = target.new_clock()
    somebody = like(choose()[0], WITHOUT_SUBNET, Resolver(sends_subnet=False))
    led_to = ask_resolver(target, somebody, clock=clock).region
    far = [found[0] for region, found in places.items() if region != led_to and found]
    if not far:
        raise UsageError(
            f"every place of the catalogue is nearest to {led_to}: nobody can be led astray for lack of one"
        )
    return far[0]


def served_at(home: dict[str, RegionName], since_s: float, *, but: set[str]) -> Condition:
    return _each(since_s, but, lambda vantage, region: home.get(vantage, region) == region)


def left(region: RegionName, since_s: float, *, but: set[str]) -> Condition:
    return _each(since_s, but, lambda _vantage, served_by: served_by != region)


def _each(since_s: float, but: set[str], holds: Callable[[str, RegionName], bool]) -> Condition:
    """Every vantage's latest look but those of some was served, and so."""

    def condition(view: LiveView) -> bool:
        replies = [view.reply(vantage) for vantage in view.vantages if vantage not in but]
        return all(
            reply is not None
            and reply.start_s >= since_s
            and reply.region is not None
            and holds(reply.vantage, reply.region)
            for reply in replies
        )

    return condition
