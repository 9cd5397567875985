"""Histories for tests: single events with plain defaults, and `Story`, a whole failover whose times are arguments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from harness.events import (
    AnyEvent,
    DeployedResource,
    DeploymentSeen,
    DnsAnswer,
    ExperimentEvent,
    FaultEvent,
    FaultPhase,
    Gap,
    HealthObservation,
    HttpReply,
    Outcome,
    RunHeader,
    VantageSummary,
)
from harness.history import History
from harness.resolving import DnsWay
from harness.stack import RegionalStack, Stack

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"
DUBLIN, FRANKFURT, VIRGINIA, SYDNEY = "dublin", "frankfurt", "virginia", "sydney"
ADDRESS = {US: "127.1.0.1", EU: "127.2.0.1", AP: "127.3.0.1"}

VANTAGES = (
    VantageSummary(
        name=DUBLIN,
        latitude=53.3,
        longitude=-6.3,
        expected_order=(EU, US, AP),
        rtt_ms={EU: 3.0, US: 70.0, AP: 256.0},
    ),
    VantageSummary(
        name=FRANKFURT,
        latitude=50.1,
        longitude=8.7,
        expected_order=(EU, US, AP),
        rtt_ms={EU: 27.0, US: 93.0, AP: 252.0},
    ),
    VantageSummary(
        name=VIRGINIA,
        latitude=38.9,
        longitude=-77.4,
        expected_order=(US, EU, AP),
        rtt_ms={US: 5.0, EU: 70.0, AP: 200.0},
    ),
    VantageSummary(
        name=SYDNEY,
        latitude=-33.9,
        longitude=151.2,
        expected_order=(AP, US, EU),
        rtt_ms={AP: 4.0, US: 198.0, EU: 256.0},
    ),
)


def a_stack(*regions: str, interval_s: float = 30.0, threshold: int = 3) -> Stack:
    return Stack(
        name="demo",
        domain_name="api.example.com",
        hosted_zone_id="Z1",
        regions=tuple(
            RegionalStack(
                region=region,
                rest_api_id=f"api-{region}",
                stage="prod",
                execute_api_host=f"api-{region}.execute-api.{region}.amazonaws.com",
                domain_target=f"d-{region}.execute-api.{region}.amazonaws.com",
                health_check_id=f"check-{region}",
                table_name="demo",
            )
            for region in regions or (US, EU, AP)
        ),
        health_check_interval_s=interval_s,
        failure_threshold=threshold,
    )


def a_header(
    *, stack: Stack | None = None, rate: float = 1.0, vantages: tuple[VantageSummary, ...] = VANTAGES
) -> RunHeader:
    return RunHeader(
        start_s=0.0,
        end_s=0.0,
        source="test",
        name="test",
        started_at="2026-01-01T00:00:00Z",
        target="lab",
        clock_rate=rate,
        seed=1,
        stack=stack or a_stack(),
        harness_version="0",
        vantages=vantages,
    )


def a_history(*events: AnyEvent | Iterable[AnyEvent], header: RunHeader | None = None) -> History:
    """The events, single or in groups, behind a header."""
    flat: list[AnyEvent] = [header or a_header()]
    for event in events:
        flat += [event] if isinstance(event, msgspec.Struct) else list(event)
    return History(flat)


def an_experiment(
    name: str = "e",
    *,
    start_s: float = 0.0,
    steady_until_s: float = 60.0,
    end_s: float = 600.0,
    aborted: str | None = None,
) -> ExperimentEvent:
    return ExperimentEvent(
        start_s=start_s,
        end_s=end_s,
        source="runner",
        experiment=name,
        question="?",
        steady_until_s=steady_until_s,
        aborted=aborted,
    )


def dns(
    vantage: str,
    region: str | None,
    at_s: float,
    *,
    took_s: float = 0.0,
    rcode: str | None = "NOERROR",
    way: DnsWay = DnsWay.AUTHORITATIVE,
) -> DnsAnswer:
    """An answer that leads to `region`; None with an rcode leads nowhere, with rcode None no answer came."""
    return DnsAnswer(
        start_s=at_s,
        end_s=at_s + took_s,
        source="dns",
        vantage=vantage,
        way=way,
        nameserver="127.0.0.1:53",
        outcome=Outcome.OK if region else Outcome.FAIL,
        rcode=rcode,
        addresses=(ADDRESS[region],) if region else (),
        region=region,
        ttl_s=60.0,
    )


def reply(
    vantage: str, region: str | None, at_s: float, *, took_s: float = 0.0, ok: bool = True, late_s: float = 0.0
) -> HttpReply:
    return HttpReply(
        start_s=at_s,
        end_s=at_s + took_s,
        source="https",
        vantage=vantage,
        method="GET",
        path="/health",
        outcome=Outcome.OK if ok else Outcome.FAIL,
        status=200 if ok else None,
        region=region,
        late_s=late_s,
    )


def health(region: str, healthy: bool | None, at_s: float, *, took_s: float = 0.0) -> HealthObservation:
    """A poll; None when it failed."""
    return HealthObservation(
        start_s=at_s,
        end_s=at_s + took_s,
        source="health",
        region=region,
        health_check_id=f"check-{region}",
        outcome=Outcome.FAIL if healthy is None else Outcome.OK,
        checkers_healthy=16 if healthy else 0,
        checkers_total=16,
        healthy=healthy,
    )


def gap(vantage: str, start_s: float, end_s: float, *, source: str = "https", missed: int = 1) -> Gap:
    return Gap(start_s=start_s, end_s=end_s, source=source, vantage=vantage, missed=missed, reason="late")


def a_fault(
    *regions: str,
    injected_s: tuple[float, float] = (60.0, 62.0),
    rolled_back_s: tuple[float, float] | None = (300.0, 302.0),
    proven: bool = True,
    fault_id: str | None = None,
) -> list[FaultEvent]:
    """All phases of one fault; the undoing calls begin when rolling back does."""
    phases = [
        (FaultPhase.INJECTING, injected_s[0], injected_s[0]),
        (FaultPhase.INJECTED, *injected_s),
    ]
    if proven:
        phases.append((FaultPhase.PROVEN, injected_s[1], injected_s[1] + 1))
    if rolled_back_s:
        phases += [
            (FaultPhase.ROLLING_BACK, rolled_back_s[0], rolled_back_s[0]),
            (FaultPhase.ROLLED_BACK, *rolled_back_s),
        ]
    return [
        FaultEvent(
            start_s=start_s,
            end_s=end_s,
            source="runner",
            fault="health-broken",
            fault_id=fault_id or "-".join(regions),
            phase=phase,
            regions=regions,
        )
        for phase, start_s, end_s in phases
    ]


def deployment(*resources: DeployedResource, at_s: float = 0.0) -> DeploymentSeen:
    return DeploymentSeen(start_s=at_s, end_s=at_s, source="snapshot", resources=resources)


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """One region breaks and is mended, seen by four vantages: a history that every check passes by default.

    Broken at 62 s, mended at 302 s; the four times below count from there. Polls and DNS questions every 5 s, HTTPS
    every 10 s through a cache that asks anew every 60 s. With 30 s × 3 and the default allowances the limits are
    3 × 31 + 1 + 10 = 104 s to detect, 114 s for DNS, 184 s for users.
    """

    region: str = EU
    detect_s: float = 80.0
    dns_s: float = 85.0
    healthy_s: float = 60.0
    dns_back_s: float = 65.0
    broken_s: float = 62.0
    mended_s: float = 302.0
    end_s: float = 600.0
    proven: bool = True
    rolled_back: bool = True
    failing: tuple[str, ...] = ()
    """Vantages whose requests fail while the region is sick."""
    header: RunHeader = a_header()

    def home_of(self, vantage: str) -> str:
        return next(summary.expected_order[0] for summary in VANTAGES if summary.name == vantage)

    def dns_region(self, vantage: str, at_s: float) -> str:
        order = next(summary.expected_order for summary in VANTAGES if summary.name == vantage)
        away = self.broken_s + self.dns_s <= at_s < self.mended_s + self.dns_back_s
        return order[1] if away and order[0] == self.region else order[0]

    def events(self) -> Iterator[AnyEvent]:
        yield an_experiment(end_s=self.end_s)
        yield from a_fault(
            self.region,
            injected_s=(self.broken_s - 2, self.broken_s),
            rolled_back_s=(self.mended_s - 2, self.mended_s) if self.rolled_back else None,
            proven=self.proven,
        )
        for at_s in range(0, int(self.end_s), 5):
            yield from self._looks(float(at_s))

    def _looks(self, at_s: float) -> Iterator[AnyEvent]:
        sick = self.broken_s + self.detect_s <= at_s < self.mended_s + self.healthy_s
        for region in (US, EU, AP):
            yield health(region, not (sick and region == self.region), at_s)
        for summary in VANTAGES:
            yield dns(summary.name, self.dns_region(summary.name, at_s), at_s)
            if at_s % 10 == 0:
                resolved_s = at_s - at_s % 60
                bad = summary.name in self.failing and self.broken_s <= at_s < self.mended_s
                yield reply(summary.name, self.dns_region(summary.name, resolved_s), at_s, ok=not bad)

    def history(self, *more: AnyEvent, without: type[AnyEvent] | None = None) -> History:
        """The story with `more` events, or without one kind."""
        kept = (event for event in self.events() if without is None or not isinstance(event, without))
        return a_history(kept, more, header=self.header)
