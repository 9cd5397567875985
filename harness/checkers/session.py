"""What a client sees that moves from one region to another: its own writes, and nothing older than it saw before.

A global table promises neither across regions until replication has caught up, so a stale read after a move is a fact
of the design. It is reported with its duration, and judged against a limit on that.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec

from harness.checkers.versions import Items, Seen, Write, items_of
from harness.events import ExperimentEvent, ItemRead, ItemWrite, Outcome
from harness.findings import Finding, Verdict
from harness.history import History
from harness.stack import RegionName

NAMED = 20


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One move of one client that had written. Durations count from its first call in the new region."""

    client: str
    from_region: RegionName
    to_region: RegionName
    moved_s: float
    own_keys: int
    """Keys whose last acknowledged write of its own was not made in the new region."""
    reads: int
    """Answered reads after the move of keys that it had written or seen, until it wrote them anew."""
    failed_reads: int
    """Reads of those that got no answer: nothing is known from them."""
    own_missed: int
    """Reads that did not show its own write, nor anything later: read-your-writes was broken."""
    went_back: int
    """Reads that showed something older than it had read before: monotonic reads were broken."""
    stale_low_s: float
    """It surely saw old data until then: start of the last stale read. 0 when no read was stale."""
    stale_high_s: float
    """From then on every key it looked at was fresh; infinite when one was never seen fresh again."""
    stale_reads: tuple[int, ...]
    """Indexes of the stale reads in the history."""

    @property
    def stale(self) -> bool:
        return bool(self.stale_reads)


Step = tuple[int, ItemRead | ItemWrite]


def sessions(history: History) -> tuple[Session, ...]:
    """Every move of every client that had an acknowledged write elsewhere, in order of time.

    A client that only reads is a probe: it has nothing of its own to miss.

    Raises:
        InvalidHistory: two writes carry the same value.
    """
    items = items_of(history)
    by_client: defaultdict[str, list[Step]] = defaultdict(list)
    steps: list[Step] = [*items.writes, *items.reads]
    for index, event in sorted(steps, key=lambda step: step[1].start_s):
        by_client[event.client].append((index, event))
    known = _Known(items)
    found = [session for client, done in by_client.items() for session in _moves(client, done, known)]
    return tuple(sorted(found, key=lambda session: session.moved_s))


class _Known:
    """Writes that took effect, and reads that told something, by their index in the history."""

    def __init__(self, items: Items) -> None:
        self.writes = {write.index: write for key in items.keys.values() for write in key.writes}
        self.seen = {
            look.index: look
            for key in items.keys.values()
            for looks in key.looks.values()
            for look in looks.by_start
            if look.explained
        }


def _moves(client: str, done: list[Step], known: _Known) -> Iterator[Session]:
    """Each change of region. What it did before counts from every earlier stay: clients try the old region again."""
    stays: list[list[Step]] = []
    for step in done:
        if not stays or stays[-1][0][1].region != step[1].region:
            stays.append([])
        stays[-1].append(step)
    memory = _Memory()
    for before, after in pairwise(stays):
        memory.add(before, known)
        if memory.own_outside(after[0][1].region):
            yield _session(client, before[0][1].region, after, memory, known)


class _Memory:
    """What a client had written and seen last, by key."""

    def __init__(self) -> None:
        self._own: dict[str, Write] = {}
        self._seen: dict[str, Seen] = {}
        self._own_in: Counter[RegionName] = Counter()

    def add(self, steps: Iterable[Step], known: _Known) -> None:
        for index, event in steps:
            if index in known.seen:
                self._seen[event.key] = known.seen[index]
            elif index in known.writes and event.outcome is Outcome.OK:
                replaced = self._own.get(event.key)
                self._own_in.subtract([replaced.event.region] if replaced else [])
                self._own_in[event.region] += 1
                self._own[event.key] = known.writes[index]

    def own_outside(self, region: RegionName) -> int:
        """How many keys it wrote last in another region."""
        return self._own_in.total() - self._own_in[region]

    def own(self, key: str, region: RegionName) -> Write | None:
        """Its last write, unless made in `region` itself: what it did and saw there is for the consistency checks."""
        own = self._own.get(key)
        return own if own and own.event.region != region else None

    def seen(self, key: str, region: RegionName) -> Seen | None:
        """What it read last, unless in `region` itself."""
        seen = self._seen.get(key)
        return seen if seen and seen.event.region != region else None

    def brings(self, key: str, region: RegionName) -> bool:
        return bool(self.own(key, region) or self.seen(key, region))

    def misses_own(self, look: Seen) -> bool:
        own = self.own(look.event.key, look.event.region)
        return own is not None and look.lacks(own)

    def goes_back(self, look: Seen) -> bool:
        """An item seen has its writers behind it. One seen absent has its delete, when it can only be the one."""
        seen = self.seen(look.event.key, look.event.region)
        if seen is None or not (seen.present or (len(seen.writers) == 1 and not seen.beginning)):
            return False
        return any(look.lacks(writer) for writer in seen.writers)


def _session(client: str, from_region: RegionName, after: list[Step], memory: _Memory, known: _Known) -> Session:
    moved_s = after[0][1].start_s
    reads, failed = _reads_of(after, memory, known)
    missed = [look for look in reads if memory.misses_own(look)]
    back = [look for look in reads if memory.goes_back(look)]
    stale = {look.index: look for look in (*missed, *back)}
    low_s = max((look.event.start_s for look in stale.values()), default=moved_s)
    return Session(
        client=client,
        from_region=from_region,
        to_region=after[0][1].region,
        moved_s=moved_s,
        own_keys=memory.own_outside(after[0][1].region),
        reads=len(reads),
        failed_reads=failed,
        own_missed=len(missed),
        went_back=len(back),
        stale_low_s=low_s - moved_s,
        stale_high_s=max((fresh_s - moved_s for fresh_s in _fresh_s(reads, stale)), default=0.0),
        stale_reads=tuple(sorted(stale)),
    )


def _reads_of(after: list[Step], memory: _Memory, known: _Known) -> tuple[list[Seen], int]:
    """Reads of what the client remembers, until it writes the key anew: from there on another write is its own."""
    reads: list[Seen] = []
    failed, rewritten = 0, set[str]()
    for index, event in after:
        if isinstance(event, ItemWrite):
            if index in known.writes:
                rewritten.add(event.key)
        elif event.key not in rewritten and memory.brings(event.key, event.region):
            failed += event.outcome is not Outcome.OK
            if index in known.seen:
                reads.append(known.seen[index])
    return reads, failed


def _fresh_s(reads: list[Seen], stale: dict[int, Seen]) -> Iterator[float]:
    """For each key with a stale read, the end of the first read after the last of those; infinite without one."""
    for key in {look.event.key for look in stale.values()}:
        last_s = max(look.event.start_s for look in stale.values() if look.event.key == key)
        after_s = (look.event.end_s for look in reads if look.event.key == key and look.event.start_s > last_s)
        yield min(after_s, default=math.inf)


class SessionContinuity(msgspec.Struct, frozen=True, kw_only=True, tag="session-continuity"):
    """Clients that moved to another region saw old data no longer than the limit after they moved."""

    at_most_stale_s: float = 5.0
    at_least_sessions: int = 1
    """Moves with a read, afterwards, of something that the client had written or seen."""

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        found = [one for one in sessions(history) if experiment.start_s <= one.moved_s <= experiment.end_s]
        tested = [one for one in found if one.reads]
        claim = f"Clients that moved to another region saw old data for at most {self.at_most_stale_s:g} s"
        if len(tested) < max(1, self.at_least_sessions):
            missing = max(1, self.at_least_sessions) - len(tested)
            why = f"{len(found)} clients moved and {len(tested)} read what was theirs afterwards: {missing} more needed"
            return [Finding.unknown("session-continuity", claim, why, samples=len(tested))]
        return [self._judge(claim, tested)]

    def _judge(self, claim: str, tested: list[Session]) -> Finding:
        low_s, high_s = max(one.stale_low_s for one in tested), max(one.stale_high_s for one in tested)
        verdict = Verdict.PASS if high_s <= self.at_most_stale_s else Verdict.UNKNOWN
        known = math.isfinite(high_s)
        slowest = max(tested, key=lambda one: (one.stale_high_s, one.stale_low_s))
        return Finding(
            checker="session-continuity",
            claim=claim,
            verdict=Verdict.FAIL if low_s > self.at_most_stale_s else verdict,
            explanation=_told(tested, slowest),
            measured=high_s if known else None,
            limit=self.at_most_stale_s,
            unit="s",
            uncertainty=high_s - low_s if known else None,
            samples=len(tested),
            evidence=slowest.stale_reads[:NAMED],
        )


def _told(tested: list[Session], slowest: Session) -> str:
    stale = sum(one.stale for one in tested)
    counts = (
        f"{stale} of {len(tested)} clients that moved saw old data:"
        f" {sum(one.own_missed for one in tested)} of {sum(one.reads for one in tested)} reads missed their own write,"
        f" {sum(one.went_back for one in tested)} went back"
    )
    failed = sum(one.failed_reads for one in tested)
    parts = [counts, f"{failed} reads failed"] if failed else [counts]
    if slowest.stale:
        until = "not fresh by the end" if math.isinf(slowest.stale_high_s) else f"fresh by {slowest.stale_high_s:.3f} s"
        parts.append(
            f"longest: {slowest.client} from {slowest.from_region} to {slowest.to_region}, stale at"
            f" {slowest.stale_low_s:.3f} s after its move, {until}"
        )
    return "; ".join(parts)
