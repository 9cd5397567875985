"""What was seen (observations) and what was done (faults, experiments): the kinds of line in a history.

Times are stack seconds since the run began (`RunHeader.started_at`); durations too. Every kind is a frozen struct,
told apart in JSON by its "kind".
"""

from __future__ import annotations

import enum
import math

import msgspec

from harness.errors import InvalidEvent
from harness.resolving import BeyondTtl, DnsWay, Resolver, SubnetFate, Transport
from harness.stack import RegionName, Stack

VantageName = str
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Outcome(enum.Enum):
    """UNKNOWN is for a write that may have happened: it timed out, or its reply was lost."""

    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """Something that took place from `start_s` to `end_s`, as told by `source`."""

    start_s: float
    end_s: float
    source: str

    def __post_init__(self) -> None:
        self._check_times()

    def _check_times(self) -> None:
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s <= self.end_s):
            raise InvalidEvent(
                f"{type(self).__name__} by {self.source}: times {self.start_s} to {self.end_s} are not an interval"
            )


class RunHeader(Event, frozen=True, kw_only=True, tag="run"):
    """The first line of a history: what was run, against what, with which clock."""

    format_version: int = 1
    name: str
    started_at: str
    """RFC 3339, UTC, wall time of stack second 0."""
    target: str
    clock_rate: float
    seed: int
    stack: Stack
    harness_version: str
    vantages: tuple[VantageSummary, ...] = ()


class VantageSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What checkers and pages need to know of a vantage, kept in the header so that a history stands alone."""

    name: VantageName
    latitude: float
    longitude: float
    client_subnet: str | None = None
    expected_order: tuple[RegionName, ...] = ()
    """The stack's regions from nearest to farthest by the catalogue's measured round trips; empty when unknown."""
    rtt_ms: dict[RegionName, float] = {}
    rtt_from: str = ""
    """Where the round trips come from, and what they stand for."""
    city: str = ""
    resolver: Resolver = Resolver()
    keeps_connection: bool = False
    """Its client asks again and again over one connection, and looks at DNS only when that has ended."""
    connection_max_age_s: float | None = None
    """A connection of that age is closed by the client: a pool's limit. None: it is kept while the server keeps it."""


class ExperimentEvent(Event, frozen=True, kw_only=True, tag="experiment"):
    """An experiment's whole stretch, written when it ends. Probes of it lie inside [start_s, end_s]."""

    experiment: str
    question: str
    steady_until_s: float
    """Nothing was broken in [start_s, steady_until_s)."""
    aborted: str | None = None


class DnsAnswer(Event, frozen=True, kw_only=True, tag="dns"):
    """An answer for the stack's domain, seen from a vantage.

    Each vantage has answers of the name servers themselves (`is_truth`), asked with its client subnet: what DNS says,
    no cache between. One whose users ask another resolver has answers of that one beside them.
    """

    vantage: VantageName
    way: DnsWay = DnsWay.AUTHORITATIVE
    transport: Transport = Transport.UDP
    """On which the answer came."""
    nameserver: str
    """Who answered: address and port, or "route53" and "system"."""
    outcome: Outcome
    rcode: str | None = None
    """NOERROR, NXDOMAIN, ...; None when nothing usable came back."""
    addresses: tuple[str, ...] = ()
    region: RegionName | None = None
    """Region whose domain target has these addresses; None when unknown or none."""
    ttl_s: float | None = None
    scope: int | None = None
    """Scope prefix length in the reply (RFC 7871); None when it has no ECS option."""
    subnet: SubnetFate | None = None
    """None: not known, because no reply came, or the way of looking does not tell."""
    extended_error: int | None = None
    """Extended DNS error (RFC 8914): 3 and 19 are stale answers, 22 and 23 name servers that could not be reached."""
    retries: int = 0
    error: str | None = None

    @property
    def is_truth(self) -> bool:
        return self.way is DnsWay.AUTHORITATIVE


class RegionFrom(enum.Enum):
    """How it is known which region served."""

    HEADER = "header"
    BODY = "body"
    ADDRESS = "address"
    """The reply says nothing; its address is in the region's published range."""


class HttpReply(Event, frozen=True, kw_only=True, tag="https"):
    """One HTTPS request from a vantage, as its user would make it: resolve through a cache, connect, ask.

    Its times add up to `end_s` - `start_s` but for the reply's body. A kept connection has no DNS, connect, TLS time.
    """

    vantage: VantageName
    method: str
    path: str
    outcome: Outcome
    """OK when a reply with status 200 to 399 came in time."""
    address: str | None = None
    """The last that was tried."""
    refused: tuple[str, ...] = ()
    """Addresses of the same answer that were tried before it and could not be connected to."""
    resolved_s: float | None = None
    """When the answer in use was fetched by the resolver: its age is start_s - resolved_s. Of a kept connection: the
    answer by which it was opened."""
    ttl_s: float | None = None
    """TTL of that answer as it was fetched."""
    beyond_ttl: BeyondTtl | None = None
    """Why the answer was used although its TTL had passed; None: it had not, or nobody knows why."""
    beyond_ttl_because: str | None = None
    """What kept it from being refreshed, in words, when known."""
    subnet: SubnetFate | None = None
    """Of the question whose answer is in use."""
    cache: int | None = None
    """Which of several caches behind one address gave the answer, when known."""
    connection_age_s: float | None = None
    """How long before `start_s` the connection was opened; None: it is a new one."""
    status: int | None = None
    region: RegionName | None = None
    """Region that served."""
    region_from: RegionFrom | None = None
    """How that is known; None with a region: by the reply's header."""
    dns_s: float | None = None
    connect_s: float | None = None
    tls_s: float | None = None
    first_byte_s: float | None = None
    """From the request's first byte out to the reply's first byte in."""
    late_s: float = 0.0
    """How long after its due time the probe began: the pacing error."""
    error: str | None = None


class HealthObservation(Event, frozen=True, kw_only=True, tag="health"):
    """What Route 53's checkers said about a region's health check, one poll."""

    region: RegionName
    health_check_id: str
    outcome: Outcome
    checkers_healthy: int = 0
    checkers_total: int = 0
    healthy: bool | None = None
    """The aggregate by the documented rule (more than 18 % of checkers healthy), Inverted and Disabled applied."""
    probe_periods_s: tuple[float, ...] = ()
    """Of each checker that had looked again since the last poll, how long after its look before that was."""
    error: str | None = None

    def __post_init__(self) -> None:
        self._check_times()
        if not 0 <= self.checkers_healthy <= self.checkers_total:
            raise InvalidEvent(f"{self.region}: {self.checkers_healthy} healthy of {self.checkers_total} checkers")


Item = dict[str, str]
"""An item's attributes without its key."""


class Operation(enum.Enum):
    """What a client asks of one item. Every write carries a value that no other write of the run carries."""

    PUT = "put"
    """The whole item: both attributes of the workload become the write's value."""
    UPDATE = "update"
    """One attribute becomes the write's value; the other stays what it is in the client's region."""
    CREATE = "create"
    """A put on condition that there is no such item."""
    SWAP = "swap"
    """A put on condition that the item still holds what the client read before: read-modify-write."""
    DELETE = "delete"
    """On condition that there is such an item: a delete of nothing changes nothing, and whether it would still beat an
    earlier write that is on its way there, AWS does not say."""


class Way(enum.Enum):
    DYNAMODB = "dynamodb"
    """The table itself, in the client's region."""
    HTTPS = "https"
    """The application of the client's region."""


class ItemWrite(Event, frozen=True, kw_only=True, tag="write"):
    """One write by a named client, which does one thing at a time.

    OK: acknowledged. FAIL: refused, without effect (a condition that failed, throttling, access denied). UNKNOWN: it
    may have happened, or may still happen.
    """

    client: str
    region: RegionName
    way: Way = Way.DYNAMODB
    operation: Operation
    key: str
    value: str
    """Unique in the run, deletes too."""
    item: Item | None = None
    """The item in the client's region right after, as DynamoDB returned it (ALL_NEW) or as it was put. None: deleted,
    refused, or not known."""
    based_on: str | None = None
    """SWAP: the value that it read and replaced."""
    outcome: Outcome
    error: str | None = None


class ItemRead(Event, frozen=True, kw_only=True, tag="read"):
    """One read of one item in one region."""

    client: str
    region: RegionName
    way: Way = Way.DYNAMODB
    key: str
    consistent: bool = False
    """Strongly consistent, which in a global table means: with the region's own writes."""
    item: Item | None = None
    """None: no such item (outcome OK), or not known (any other outcome)."""
    outcome: Outcome
    error: str | None = None


class ReplicationMetric(Event, frozen=True, kw_only=True, tag="replication-metric"):
    """CloudWatch's ReplicationLatency over the stretch, as its source region publishes it for a receiving region."""

    region: RegionName
    receiving_region: RegionName
    average_ms: float
    minimum_ms: float
    maximum_ms: float
    samples: float


class FaultPhase(enum.Enum):
    INJECTING = "injecting"
    INJECTED = "injected"
    PROVEN = "proven"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    REMOVED = "removed"
    """After it was rolled back and read back: seen from outside that it bites no more."""
    REMOVAL_UNPROVEN = "removal_unproven"
    """That was not seen in time."""

    @property
    def is_undone(self) -> bool:
        return self in (FaultPhase.ROLLED_BACK, FaultPhase.REMOVED, FaultPhase.REMOVAL_UNPROVEN)


class FaultEvent(Event, frozen=True, kw_only=True, tag="fault"):
    """One phase of one fault. INJECTED and ROLLED_BACK span the calls that did it, ROLLED_BACK the read-back too."""

    fault: str
    """The fault's kind: "health-broken"."""
    fault_id: str
    """Tells apart several injections of the same kind in one history."""
    phase: FaultPhase
    regions: tuple[RegionName, ...]
    parameters: dict[str, str] = {}
    detail: str | None = None


class Gap(Event, frozen=True, kw_only=True, tag="gap"):
    """A stretch in which a probe that was due was not made: `missed` looks, and why. No silent gap in the record."""

    vantage: VantageName
    missed: int
    reason: str


class Note(Event, frozen=True, kw_only=True, tag="note"):
    """Something a person or the runner wants on the timeline."""

    text: str


class LoadSample(Event, frozen=True, kw_only=True, tag="load"):
    """A load generator's own state at one moment; `source` names the worker."""

    users: int
    cpu_share: float
    """Of one core, of which its process can use no more: near 1 it is the generator that is slow."""
    clock_uncertainty_s: float | None = 0.0
    """Its clock is set by the master's; its times are off by no more than this. None: not yet known."""


class DeployedResource(msgspec.Struct, frozen=True, kw_only=True):
    """A fact about one deployed resource, as read back from AWS."""

    region: RegionName
    resource: str
    """What a person would look for: "AWS::Route53::RecordSet api.example.com us-east-1Api"."""
    properties: dict[str, str] = {}


class DeploymentSeen(Event, frozen=True, kw_only=True, tag="deployment"):
    """The deployment as AWS describes it at one moment."""

    resources: tuple[DeployedResource, ...]


AnyEvent = (
    RunHeader
    | ExperimentEvent
    | DnsAnswer
    | HttpReply
    | HealthObservation
    | ItemWrite
    | ItemRead
    | ReplicationMetric
    | FaultEvent
    | Gap
    | LoadSample
    | Note
    | DeploymentSeen
)
