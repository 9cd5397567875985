"""Why a health check does not see what users suffer: what it asks beside what they ask, in words."""

from __future__ import annotations

from harness.checkers.timeline import FaultWindow
from harness.checkers.tracks import tracks_of
from harness.events import FaultEvent, FaultPhase, HttpReply
from harness.history import History
from harness.stack import RegionName

REPOINTED = "health-check-repointed"
SHALLOW, DEEP = "/health", "/health/deep"
"""The two health routes of the reference stack."""

_ASK_DEEPER = "deploy with HealthCheckPath=/health/deep, which reads the table"
_ASK_THE_DOMAIN = (
    "a health check cannot ask the common name in one region: watch the domain from outside, or give each region a "
    "name of its own too"
)


def name_blind_spot(history: History, window: FaultWindow, region: RegionName) -> str:
    """What the health check asks, what users ask, why the one does not show the other, and what would."""
    stack = history.header.stack
    regional = stack.in_region(region)
    path = health_path(history, region, window.injected_s)
    asked = sorted({f"{reply.method} {_place(reply.path)}" for reply in history.of(HttpReply)})
    users = f"users ask {', '.join(asked[:3])} of https://{stack.domain_name}"
    check = f"the health check asks https://{regional.execute_api_host}/{regional.stage}{path}"
    return f"the blind spot: {check}, {users}; {_because(window.fault, path)}"


def health_path(history: History, region: RegionName, at_s: float) -> str:
    """Which path of the API the region's health check asked at that time: the deployed one, or where it was led to."""
    path = history.header.stack.health_check_path
    stage = history.header.stack.in_region(region).stage
    for track in tracks_of(history).faults.values():
        first = track.events[0]
        if first.fault == REPOINTED and region in first.regions and _is_in_force(track.events, at_s):
            path = first.parameters.get("path", path).removeprefix(f"/{stage}")
    return path


def _is_in_force(events: list[FaultEvent], at_s: float) -> bool:
    phases = {event.phase: event for event in events}
    injected, undone = phases.get(FaultPhase.INJECTED), phases.get(FaultPhase.ROLLED_BACK)
    return injected is not None and injected.end_s <= at_s and (undone is None or at_s < undone.end_s)


def _place(path: str) -> str:
    """ "/data/Qb3=" -> "/data/...": the item that was asked for says nothing."""
    head, slash, last = path.rpartition("/")
    return f"{head}/..." if slash and head else f"/{last}"


def _because(fault: str, path: str) -> str:
    """What follows from the documents; nothing that was measured."""
    match fault:
        case "table-denied" | "table-slow" if path == SHALLOW:
            return f"{SHALLOW} answers without touching the table; {_ASK_DEEPER}"
        case "table-denied" if path == DEEP:
            return f"{DEEP} reads the table and writes nothing, so writes may fail unseen"
        case "method-throttled":
            return (
                "each method is throttled on its own, and the health route was not; an alarm on the method's 4XXError "
                "in CloudWatch would tell"
            )
        case "domain-detached":
            return f"the API's own host does not need the custom domain's mapping; {_ASK_THE_DOMAIN}"
        case _:
            return "what the one asks does not go all the way that the other goes"
