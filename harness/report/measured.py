"""How a run was measured: what a reader needs to trust its numbers, or to doubt them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice, pairwise
from typing import TypeVar

from harness import __version__
from harness.checkers.statistics import quantile
from harness.checkers.tracks import Track, tracks_of
from harness.events import Event, Gap, HealthObservation, HttpReply, ItemRead, ItemWrite, Outcome
from harness.history import History
from harness.report.items.calls import calls_of
from harness.report.resolvers import asks_by
from harness.report.words import count
from harness.run import HISTORY_FILE, RunRecord

E = TypeVar("E", bound=Event)

LOOKS_PER_TRACK = 200
"""Enough to tell a probe's interval."""


def how_measured(history: History, record: RunRecord, folder: str) -> list[tuple[str, str]]:
    """(what, told) pairs, in the order in which a reader asks."""
    stack, header = history.header.stack, history.header
    return [
        ("Target", f"{record.target}: {stack.domain_name} in {', '.join(stack.region_names)}"),
        ("Ran", f"{_utc(record.started_at)} to {_utc(record.ended_at)} ({record.wall_s:.0f} s of wall time)"),
        ("Clock", _clock(record)),
        ("Health checks", _health_checks(history)),
        ("Vantages", _vantages(history)),
        ("Probes", _probes(history)),
        *_items(history),
        (
            "Resolution",
            "a change counts from the first look that shows it; “up to … less”: the look before it",
        ),
        ("Probes were late by", _lateness(history)),
        ("Looks left out", _left_out(history)),
        ("Seed", str(record.seed)),
        ("Versions", _versions(header.harness_version)),
        ("Judge again", f"harness check {folder}"),
        ("Everything seen and done", f"{HISTORY_FILE}, {len(history):,} events"),
    ]


def _utc(at: str) -> str:
    return at.partition(".")[0].removesuffix("+00:00").removesuffix("Z").replace("T", " ") + " UTC"


def _clock(record: RunRecord) -> str:
    if record.clock_rate == 1:
        return f"real time; {record.stack_s:,.0f} s"
    return (
        f"{record.clock_rate:g} × real time: all times here are the stack's own seconds, {record.stack_s:,.0f} in all; "
        f"what this machine does in 1 ms takes {record.clock_rate:g} ms of them"
    )


def _health_checks(history: History) -> str:
    stack = history.header.stack
    return (
        f"{stack.health_check_path} every {stack.health_check_interval_s:g} s, {stack.failure_threshold} in a row "
        f"change a checker's mind; records are cached for {stack.record_ttl_s:g} s"
    )


def _vantages(history: History) -> str:
    own_ways = sum(bool(asks_by(summary)) for summary in history.header.vantages)
    told = f"{count(len(tracks_of(history).vantages), 'place')}, each with a client subnet and a caching resolver"
    return told + (f"; {own_ways} of them ask in a way of their own" if own_ways else "")


def _probes(history: History) -> str:
    tracks = tracks_of(history)
    answers = sum(len(track.events) for track in tracks.dns.values())
    told = [
        (f"HTTPS from each vantage every {{}} ({len(history.of(HttpReply)):,})", _interval_s(tracks.https.values())),
        (
            f"DNS every {{}} ({answers:,})",
            _interval_s(tracks.dns.values()),
        ),
        (
            f"each health check's checkers every {{}} ({len(history.of(HealthObservation)):,})",
            _interval_s(tracks.health.values()),
        ),
    ]
    seen = [text.format(f"{interval_s:.1f} s") for text, interval_s in told if interval_s is not None]
    return ", ".join(seen) or "none were made"


def _items(history: History) -> list[tuple[str, str]]:
    """Nothing when no client read or wrote."""
    found = calls_of(history)
    if not found:
        return []
    writes, reads = found.writes, found.reads
    done = Counter(write.operation.value for write in writes).most_common()
    kinds = f" ({', '.join(f'{amount:,} {name}' for name, amount in done)})" if done else ""
    calls: list[ItemWrite | ItemRead] = [*writes, *reads]
    clients = len({call.client for call in calls})
    told = f"{count(len(writes), 'write')}{kinds} and {count(len(reads), 'read')} by {count(clients, 'client')}"
    failed = Counter(call.outcome for call in calls)
    refused, unknown = failed[Outcome.FAIL], failed[Outcome.UNKNOWN]
    return [("Items", f"{told}; {refused:,} refused or failed, {unknown:,} without reply, which may have happened")]


def _interval_s(tracks: Iterable[Track[E]]) -> float | None:
    """The median distance between the starts of one track's looks."""
    apart_s = [
        after.start_s - before.start_s
        for track in tracks
        for before, after in pairwise(islice(track.events, LOOKS_PER_TRACK))
    ]
    return quantile(apart_s, 0.5) if apart_s else None


def _lateness(history: History) -> str:
    late_ms = [reply.late_s * 1000 / history.header.clock_rate for reply in history.of(HttpReply)]
    if not late_ms:
        return "no HTTPS probe was made"
    p50, p99 = quantile(late_ms, 0.5), quantile(late_ms, 0.99)
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, at most {max(late_ms):.0f} ms of wall time"


def _left_out(history: History) -> str:
    """A sweep that was skipped left out one look of every vantage, but counts as one."""
    missed: Counter[str] = Counter()
    for gap in history.of(Gap):
        missed[gap.source] += gap.missed
    return ", ".join(f"{amount:,} of {source}" for source, amount in sorted(missed.items())) or "none"


def _versions(ran: str) -> str:
    page = "" if ran == __version__ else f"; this page by {__version__}"
    return f"harness {ran}{page}"
