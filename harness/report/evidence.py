"""The events that prove a finding, each on one line."""

from __future__ import annotations

from collections.abc import Iterator

from harness.events import (
    AnyEvent,
    DeploymentSeen,
    DnsAnswer,
    ExperimentEvent,
    FaultEvent,
    Gap,
    HealthObservation,
    HttpReply,
    ItemRead,
    ItemWrite,
    LoadSample,
    Note,
    ReplicationMetric,
    RunHeader,
)
from harness.findings import Finding
from harness.history import History
from harness.report.looks import REASONS
from harness.report.words import count, listed
from harness.resolving import SubnetFate


def evidence_lines(history: History, finding: Finding) -> list[str]:
    """One per event; an index that the history does not have is said to be missing, never skipped."""
    return [_line(history, index, finding.subject) for index in finding.evidence]


def _line(history: History, index: int, subject: str) -> str:
    if not 0 <= index < len(history):
        return f"event {index} is not in this history: it was judged by a longer one"
    event: AnyEvent = history[index]
    when = f"{event.start_s:.1f} s" if event.start_s == event.end_s else f"{event.start_s:.1f} to {event.end_s:.1f} s"
    return f"event {index}, {when}: {describe(event, subject)}"


def describe(event: AnyEvent, subject: str = "") -> str:
    """What was seen or done. Of a whole deployment, only the resource that `subject` names."""
    match event:
        case DnsAnswer() | HttpReply() | HealthObservation() | ReplicationMetric():
            return _probed(event)
        case ItemWrite() | ItemRead():
            return _worked(event)
        case FaultEvent():
            detail = f": {event.detail}" if event.detail else ""
            return f"{event.fault} in {', '.join(event.regions)} {event.phase.value.replace('_', ' ')}{detail}"
        case DeploymentSeen():
            return _deployed(event, subject)
        case Gap():
            missed = (
                count(event.missed, f"{event.source} look")
                if event.missed
                else f"{event.source} looks, unknown how many,"
            )
            return f"{missed} of {event.vantage} left out: {event.reason}"
        case LoadSample():
            return f"load generator {event.source}: {count(event.users, 'user')}, {event.cpu_share:.0%} of a core"
        case Note():
            return event.text
        case ExperimentEvent():
            return f"experiment {event.experiment}" + (f" stopped: {event.aborted}" if event.aborted else "")
        case RunHeader():
            return f"the run's header: {event.name} against {event.target}"


def _probed(seen: DnsAnswer | HttpReply | HealthObservation | ReplicationMetric) -> str:
    match seen:
        case DnsAnswer():
            return f"DNS to {seen.vantage}: {_answered(seen)}"
        case HttpReply():
            return f"{seen.method} {seen.path} from {seen.vantage}: {_replied(seen)}"
        case HealthObservation():
            return _polled(seen)
        case ReplicationMetric():
            return f"ReplicationLatency {seen.region} to {seen.receiving_region}: average {seen.average_ms:.0f} ms"


def _worked(done: ItemWrite | ItemRead) -> str:
    who = f"{done.client} in {done.region}"
    said = f"{done.outcome.value}{f' ({done.error})' if done.error else ''}"
    if isinstance(done, ItemWrite):
        return f"{who}: {done.operation.value} {done.value} to {done.key}: {said}"
    return f"{who}: read {done.key}: {said}, {'no item' if done.item is None else done.item}"


def _answered(answer: DnsAnswer) -> str:
    by = "" if answer.is_truth else f" by {answer.nameserver}"
    if answer.error or not answer.addresses:
        return (answer.error or f"{answer.rcode} without an address") + by
    told = f"{', '.join(answer.addresses)} ({answer.region or 'no known region'}){by}"
    return "; ".join([told, *_dropped(answer.subnet)])


def _replied(reply: HttpReply) -> str:
    served = f" by {reply.region}" if reply.region else ""
    told = (reply.error or f"HTTP {reply.status}") + served + (f" at {reply.address}" if reply.address else "")
    return "; ".join([told, *_how_it_got_there(reply)])


def _how_it_got_there(reply: HttpReply) -> Iterator[str]:
    """What was not plain about the way, which explains where it led."""
    if reply.refused:
        yield f"{listed(reply.refused)} could not be connected to"
    if reply.connection_age_s is not None:
        yield f"over a connection opened {reply.connection_age_s:.1f} s before"
    if reply.beyond_ttl is not None and reply.resolved_s is not None:
        ttl = "" if reply.ttl_s is None else f", TTL {reply.ttl_s:g} s"
        yield f"by an answer {reply.start_s - reply.resolved_s:.1f} s old{ttl}: {REASONS[reply.beyond_ttl]}"
    yield from _dropped(reply.subnet)
    if reply.cache is not None:
        yield f"from cache {reply.cache} of its resolver"


def _dropped(subnet: SubnetFate | None) -> list[str]:
    return ["the client subnet was dropped on the way"] if subnet is SubnetFate.DROPPED else []


def _polled(seen: HealthObservation) -> str:
    if seen.healthy is None:
        return f"health check of {seen.region} could not be read: {seen.error or 'no reason given'}"
    called = "healthy" if seen.healthy else "unhealthy"
    return f"health check of {seen.region} {called}: {seen.checkers_healthy} of {seen.checkers_total} checkers"


def _deployed(seen: DeploymentSeen, subject: str) -> str:
    for resource in seen.resources:
        if resource.resource == subject:
            facts = ", ".join(f"{name} {value}" for name, value in sorted(resource.properties.items()))
            return f"{subject} in {resource.region}: {facts or 'nothing more is known'}"
    return f"{count(len(seen.resources), 'resource')} read back" + (f"; {subject} is not among them" if subject else "")
