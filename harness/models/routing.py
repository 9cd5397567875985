"""Which of the records with one name and type Route 53 answers with: pure rules, no I/O.

Sources: Route 53 Developer Guide, "Choosing a routing policy" and "How Amazon Route 53 chooses records when health
checking is configured"; the API reference of ResourceRecordSet.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random

import msgspec

from harness.stack import RegionName

MULTIVALUE_ANSWERS = 8
"""A multivalue answer holds at most eight records."""


class Policy(enum.Enum):
    SIMPLE = "simple"
    WEIGHTED = "weighted"
    FAILOVER = "failover"
    LATENCY = "latency"
    GEOLOCATION = "geolocation"
    MULTIVALUE = "multivalue"

    @property
    def depends_on_client(self) -> bool:
        """Whether two clients can get different answers because of where they are."""
        return self in {Policy.LATENCY, Policy.GEOLOCATION}

    @property
    def is_random(self) -> bool:
        """Whether one client can get different answers to the same question."""
        return self in {Policy.WEIGHTED, Policy.MULTIVALUE}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where something is, or which clients a geolocation record is for: codes as in Route 53's GeoLocation.

    All absent: the default record, for clients no other record fits.
    """

    continent: str | None = None
    country: str | None = None
    subdivision: str | None = None

    def covers(self, client: Place) -> bool:
        if self.country is not None:
            return self.country == client.country and self.subdivision in {None, client.subdivision}
        return self.continent in {None, client.continent}

    @property
    def precision(self) -> int:
        """Higher is smaller: subdivision 3, country 2, continent 1, default 0."""
        return 3 if self.subdivision else 2 if self.country else 1 if self.continent else 0


class AliasTarget(msgspec.Struct, frozen=True, kw_only=True):
    hosted_zone_id: str
    dns_name: str
    evaluate_target_health: bool = False


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One record set as the control plane holds it: either `values` with `ttl_s`, or `alias`."""

    name: str
    type: str
    ttl_s: int = 0
    values: tuple[str, ...] = ()
    alias: AliasTarget | None = None
    set_identifier: str | None = None
    health_check_id: str | None = None
    region: RegionName | None = None
    weight: int | None = None
    failover: str | None = None
    """"PRIMARY" or "SECONDARY"."""
    place: Place | None = None
    multivalue: bool = False

    @property
    def policy(self) -> Policy:
        for policy, applies in (
            (Policy.LATENCY, self.region is not None),
            (Policy.WEIGHTED, self.weight is not None),
            (Policy.FAILOVER, self.failover is not None),
            (Policy.GEOLOCATION, self.place is not None),
            (Policy.MULTIVALUE, self.multivalue),
        ):
            if applies:
                return policy
        return Policy.SIMPLE


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """What Route 53 knows of whoever asks, from its latency and location databases."""

    rtt_ms: Mapping[RegionName, float] = {}
    place: Place = Place()


IsHealthy = Callable[[Record], bool]


def record_is_healthy(
    record: Record, *, check_is_healthy: Callable[[str], bool], target_is_healthy: Callable[[AliasTarget], bool]
) -> bool:
    """A record is healthy unless its health check fails, or its alias target does and EvaluateTargetHealth is set.

    A record with neither is always healthy; with both, both must pass.
    """
    if record.health_check_id is not None and not check_is_healthy(record.health_check_id):
        return False
    alias = record.alias
    return alias is None or not alias.evaluate_target_health or target_is_healthy(alias)


def choose(records: Sequence[Record], client: Client, is_healthy: IsHealthy, random: Random) -> tuple[Record, ...]:
    """The records to answer with, of those that share one name, type and policy; one, except for multivalue.

    When every record that could be chosen is unhealthy, all count as healthy (fail open). Empty when `records` is, and
    when a client is outside all geolocations and there is no default.
    """
    if not records:
        return ()
    match records[0].policy:
        case Policy.LATENCY:
            return _first(in_latency_order(records, client), is_healthy)
        case Policy.FAILOVER:
            return _first(sorted(records, key=lambda record: record.failover != "PRIMARY"), is_healthy)
        case Policy.GEOLOCATION:
            return _first(_from_smallest_place(records, client.place), is_healthy)
        case Policy.WEIGHTED:
            return (_weighted(records, is_healthy, random),)
        case Policy.MULTIVALUE:
            usable = healthy_or_all(records, is_healthy)
            return tuple(random.sample(usable, min(len(usable), MULTIVALUE_ANSWERS)))
        case Policy.SIMPLE:
            # There is one simple record for a name and type, so health cannot matter: it would fail open.
            return (records[0],)


def healthy_or_all(records: Sequence[Record], is_healthy: IsHealthy) -> list[Record]:
    """The healthy records; all of them when none is."""
    return [record for record in records if is_healthy(record)] or list(records)


def in_latency_order(records: Iterable[Record], client: Client) -> list[Record]:
    """From the nearest region to the farthest; regions without a measurement come last, equals by region name."""
    return sorted(records, key=lambda record: (client.rtt_ms.get(record.region or "", math.inf), record.region or ""))


def _first(ordered: Sequence[Record], is_healthy: IsHealthy) -> tuple[Record, ...]:
    """The first healthy record, or the first one when none is healthy."""
    return next(((record,) for record in ordered if is_healthy(record)), tuple(ordered[:1]))


def _from_smallest_place(records: Iterable[Record], client: Place) -> list[Record]:
    covering = [record for record in records if (record.place or Place()).covers(client)]
    return sorted(covering, key=lambda record: -(record.place or Place()).precision)


def _weighted(records: Sequence[Record], is_healthy: IsHealthy, random: Random) -> Record:
    """Weight 0 is served only when every record with a weight is unhealthy; if all weights are 0 they are equal.

    When nothing is healthy all count as healthy, so the weights apply again.
    """
    healthy = healthy_or_all(records, is_healthy)
    weighted = [record for record in healthy if record.weight]
    if weighted:
        return random.choices(weighted, weights=[record.weight or 0 for record in weighted])[0]
    return random.choice(healthy)
