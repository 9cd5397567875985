"""What was seen in a stretch of equal looks, in words: who served, with which status, from where, how fast."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from harness.checkers.spans import Span
from harness.checkers.statistics import quantile
from harness.events import DnsAnswer, ExperimentEvent, HttpReply, Outcome
from harness.resolving import BeyondTtl

L = TypeVar("L", DnsAnswer, HttpReply)

KINDS_TOLD = 4
"""Different addresses or errors named in one stretch; more are only counted."""
REASONS = {
    BeyondTtl.CLAMPED: "the resolver keeps answers longer than their TTL",
    BeyondTtl.STALE: "the resolver served it stale",
    BeyondTtl.PINNED: "the client kept its connection",
}


class Stretch(msgspec.Struct, frozen=True):
    """A span as far as one experiment looked at it, and the words for it."""

    start_s: float
    end_s: float
    region: str | None
    failed: bool
    words: str


def served_stretches(spans: Iterable[Span], replies: Sequence[HttpReply], experiment: ExperimentEvent) -> list[Stretch]:
    """`spans` are those of exactly these replies: each covers the next `span.looks` of them."""
    return [_stretch(span, seen, experiment, _served_words(seen)) for span, seen in _inside(spans, replies, experiment)]


def dns_stretches(spans: Iterable[Span], answers: Sequence[DnsAnswer], experiment: ExperimentEvent) -> list[Stretch]:
    """`spans` are those of exactly these answers."""
    return [_stretch(span, seen, experiment, _dns_words(seen)) for span, seen in _inside(spans, answers, experiment)]


def _inside(spans: Iterable[Span], looks: Sequence[L], experiment: ExperimentEvent) -> Iterator[tuple[Span, list[L]]]:
    first = 0
    for span in spans:
        whole = looks[first : first + span.looks]
        first += span.looks
        if span.start_s <= experiment.end_s and span.end_s >= experiment.start_s:
            seen = [look for look in whole if experiment.start_s <= look.start_s <= experiment.end_s]
            if seen:
                yield span, seen


def _stretch(span: Span, seen: Sequence[L], experiment: ExperimentEvent, words: str) -> Stretch:
    return Stretch(
        max(span.start_s, seen[0].start_s),
        min(span.end_s, max(experiment.end_s, seen[-1].end_s)),
        span.region,
        span.outcome is not Outcome.OK,
        words,
    )


def _served_words(seen: Sequence[HttpReply]) -> str:
    first = seen[0]
    who = f"served by {first.region}" if first.region else "no region named itself"
    what = _told(reply.error or f"HTTP {reply.status}" for reply in seen)
    where = _names(reply.address for reply in seen if reply.address)
    lead = who if first.outcome is Outcome.OK else f"FAILED, {who}"
    return f"{lead}: {what}{f' from {where}' if where else ''}{_beyond_ttl(seen)}{_timings(seen)}"


def _beyond_ttl(seen: Sequence[HttpReply]) -> str:
    """How many followed an answer whose TTL had passed, and why."""
    why = Counter(_why(reply) for reply in seen if reply.beyond_ttl is not None)
    return "".join(f"\n{amount:,} of {len(seen):,} by an answer beyond its TTL: {told}" for told, amount in why.items())


def _why(reply: HttpReply) -> str:
    kind = REASONS[reply.beyond_ttl] if reply.beyond_ttl else ""
    return f"{kind} ({reply.beyond_ttl_because})" if reply.beyond_ttl_because else kind


def _timings(seen: Sequence[HttpReply]) -> str:
    steps = (
        ("name", [reply.dns_s for reply in seen if reply.dns_s is not None]),
        ("connect", [reply.connect_s for reply in seen if reply.connect_s is not None]),
        ("TLS", [reply.tls_s for reply in seen if reply.tls_s is not None]),
        ("first byte", [reply.first_byte_s for reply in seen if reply.first_byte_s is not None]),
        ("whole", [reply.end_s - reply.start_s for reply in seen]),
    )
    told = ", ".join(f"{name} {_middle_and_most(values_s)}" for name, values_s in steps if values_s)
    return f"\nms, p50/max: {told}"


def _middle_and_most(values_s: list[float]) -> str:
    middle, most = f"{quantile(values_s, 0.5) * 1000:.0f}", f"{max(values_s) * 1000:.0f}"
    return middle if middle == most else f"{middle}/{most}"


def _dns_words(seen: Sequence[DnsAnswer]) -> str:
    first = seen[0]
    who = f"led to {first.region}" if first.region else "led nowhere known"
    what = _told(answer.error or answer.rcode or "no answer" for answer in seen)
    where = _names(address for answer in seen for address in answer.addresses)
    facts = [f"TTL {first.ttl_s:g} s"] if first.ttl_s is not None else []
    facts += [f"scope /{first.scope}"] if first.scope is not None else []
    return f"{who}: {', '.join([what, *([where] if where else []), *facts])}"


def _told(values: Iterable[str]) -> str:
    """ "31 × HTTP 200, HTTP 503"."""
    counted = Counter(values).most_common()
    told = [f"{times:,} × {value}" if times > 1 else value for value, times in counted[:KINDS_TOLD]]
    more = len(counted) - KINDS_TOLD
    return ", ".join(told) + (f" and {more} more kinds" if more > 0 else "")


def _names(values: Iterable[str]) -> str:
    """ "127.0.0.1, 127.0.0.2": each once."""
    names = list(dict.fromkeys(values))
    more = len(names) - KINDS_TOLD
    return ", ".join(names[:KINDS_TOLD]) + (f" and {more} more" if more > 0 else "")
