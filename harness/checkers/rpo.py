"""What a region's writes are worth when it is cut off: at risk at the cut, arrived after healing, overwritten, lost.

A write is at risk at time T when no other region has it: were the region gone for good, so would be the write. Looks
elsewhere tell when a write became visible there (see versions.py), so the number at risk is known up to the pause
between looks: the surely and the possibly ones.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator

import msgspec

from harness.checkers.timeline import FaultWindow, fault_windows
from harness.checkers.versions import RULES, Key, Looks, Write, items_of
from harness.errors import InvalidHistory
from harness.events import ExperimentEvent, ItemWrite, Outcome
from harness.findings import Finding, Verdict
from harness.history import History
from harness.stack import RegionName

CUTS = frozenset({"replication-paused", "replication-paused-by-fis", "partition", "region-outage"})
"""Faults that keep a region's writes from the others."""

SETTLED_S = RULES.settle_s
"""So long after healing, and after its own reply, a write that nobody shows and nothing overwrote is called lost."""

NAMED = 20


class Fate(enum.Enum):
    """What became of a write at risk."""

    CROSSED = "crossed"
    """Seen elsewhere before healing began: on its way when the cut took hold, or let through by it."""
    ARRIVED = "arrived"
    """Seen elsewhere after healing: itself, or a later write of its region."""
    OVERWRITTEN = "overwritten"
    """Never seen elsewhere; a later or concurrent write won. Normal: the last writer wins."""
    LOST = "lost"
    """Never seen elsewhere by the end, and nothing overwrote it."""
    WAITING = "waiting"
    """As lost, but not looked at for long enough after healing to say so."""
    UNWATCHED = "unwatched"
    """Nobody looked elsewhere."""


class Rpo(msgspec.Struct, frozen=True, kw_only=True):
    """One region's acknowledged writes across one cut. Times are stack seconds of the run."""

    region: RegionName
    fault: str
    fault_id: str
    proven: bool
    cut_s: float
    """T: the end of the injecting call."""
    healed_s: float | None
    """The end of the calls that undid it; None when nothing did."""
    at_risk_surely: int
    """Acknowledged by T and surely in no other region at T."""
    at_risk_possibly: int
    """The same, with those for which no look tells on which side of T they arrived."""
    oldest_age_low_s: float
    """Age at T of the oldest write that was surely at risk, from its reply; 0 when there was none."""
    oldest_age_high_s: float
    """Age at T of the oldest that was possibly at risk, from its call. This is the recovery point in seconds."""
    written_during: int
    """Acknowledged after T, and asked for before healing began."""
    unknown_during: int
    """Got no reply then: they may have happened, and are in no other number here."""
    crossed: int
    arrived: int
    overwritten: int
    lost: int
    waiting: int
    unwatched: int
    caught_up_s: float | None
    """From the end of healing until the last of those that arrived was seen; None when none arrived after it."""
    lost_writes: tuple[int, ...]
    """Indexes of the writes in the history."""
    waiting_writes: tuple[int, ...]
    oldest_write: int | None
    """The one that `oldest_age_high_s` is about."""

    @property
    def at_risk(self) -> int:
        """All whose fate is told: those possibly at risk at the cut, and those written during it."""
        return self.crossed + self.arrived + self.overwritten + self.lost + self.waiting + self.unwatched

    @property
    def watched(self) -> int:
        return self.at_risk - self.unwatched


class _AtRisk(msgspec.Struct, frozen=True):
    write: Write
    before: bool
    """Acknowledged by T."""
    surely: bool
    fate: Fate
    seen_s: float


def rpo(history: History, fault: FaultWindow, region: RegionName, *, from_s: float = 0.0) -> Rpo:
    """What the cut meant for the writes that `region` acknowledged since `from_s`.

    Raises:
        InvalidHistory: the fault did not cut the region off; or two writes carry the same value.
    """
    if fault.fault not in CUTS or region not in fault.regions:
        raise InvalidHistory(
            f"the fault {fault.fault!r} in {', '.join(fault.regions)} did not cut off {region}: the recovery point is"
            f" about {', '.join(sorted(CUTS))}"
        )
    items = items_of(history)
    mine = [(key, write) for key, write in items.acknowledged(region) if write.event.start_s >= from_s]
    elsewhere = [other for other in history.header.stack.region_names if other != region]
    found = [at_risk for key, write in mine for at_risk in _at_risk(key, write, fault, elsewhere)]
    before = [one for one in found if one.before]
    oldest = min(
        (one for one in before if one.fate is not Fate.UNWATCHED), key=lambda one: one.write.event.start_s, default=None
    )
    sure_s = [fault.injected_s - one.write.event.end_s for one in before if one.surely]
    late_s = [one.seen_s for one in found if one.fate is Fate.ARRIVED and math.isfinite(one.seen_s)]
    healed_s = fault.rolled_back_s
    return Rpo(
        region=region,
        fault=fault.fault,
        fault_id=fault.fault_id,
        proven=fault.proven,
        cut_s=fault.injected_s,
        healed_s=healed_s,
        at_risk_surely=len(sure_s),
        at_risk_possibly=sum(one.fate is not Fate.UNWATCHED for one in before),
        oldest_age_low_s=max(sure_s, default=0.0),
        oldest_age_high_s=fault.injected_s - oldest.write.event.start_s if oldest else 0.0,
        written_during=len(found) - len(before),
        unknown_during=sum(
            write.region == region and write.outcome is Outcome.UNKNOWN and _during(write, fault)
            for _, write in items.writes
        ),
        **{fate.value: sum(one.fate is fate for one in found) for fate in Fate},
        caught_up_s=max(0.0, max(late_s) - healed_s) if late_s and healed_s is not None else None,
        lost_writes=tuple(one.write.index for one in found if one.fate is Fate.LOST),
        waiting_writes=tuple(one.write.index for one in found if one.fate is Fate.WAITING),
        oldest_write=oldest.write.index if oldest else None,
    )


def rpos(history: History, experiment: ExperimentEvent, region: RegionName | None = None) -> tuple[Rpo, ...]:
    """One for each cut of the experiment and region that it cut off; of one region when it is given."""
    return tuple(
        rpo(history, window, cut_off, from_s=experiment.start_s)
        for window in fault_windows(history, experiment)
        if window.fault in CUTS
        for cut_off in window.regions
        if region in (None, cut_off)
    )


def _healing_s(fault: FaultWindow) -> float:
    """When healing began: until then nothing is meant to cross."""
    return fault.rolling_back_s if fault.undoing_s is None else fault.undoing_s


def _during(write: ItemWrite, fault: FaultWindow) -> bool:
    return write.end_s > fault.injected_s and write.start_s < _healing_s(fault)


def _at_risk(key: Key, write: Write, fault: FaultWindow, elsewhere: list[RegionName]) -> Iterator[_AtRisk]:
    """Nothing when another region had the write at T or what had overwritten it, or it was made after healing began."""
    before = write.event.end_s <= fault.injected_s
    looked_at = [key.looks[region] for region in elsewhere if region in key.looks]
    arrivals = [arrival for looks in looked_at if (arrival := looks.arrival(write))]
    seen_s = min((arrival.by_s for arrival in arrivals), default=math.inf)
    if seen_s <= fault.injected_s or not (before or _during(write.event, fault)):
        return
    fate = _fate(looked_at, write, fault, seen_s)
    if fate is Fate.OVERWRITTEN and any(looks.moved_on_s(write) <= fault.injected_s for looks in looked_at):
        return
    if fate is Fate.UNWATCHED and any(_replaced(write, other, fault) for other in key.writes):
        return
    lacking = sum(arrival.after_s >= fault.injected_s for arrival in arrivals)
    yield _AtRisk(write, before, before and lacking == len(elsewhere), fate, seen_s)


def _replaced(write: Write, other: Write, fault: FaultWindow) -> bool:
    """Its own region had acknowledged another in its place: that one is at risk, if any."""
    return (
        other is not write
        and other.includes(write)
        and other.event.outcome is Outcome.OK
        and other.event.start_s < _healing_s(fault)
    )


def _fate(looked_at: list[Looks], write: Write, fault: FaultWindow, seen_s: float) -> Fate:
    if seen_s <= _healing_s(fault):
        return Fate.CROSSED
    if math.isfinite(seen_s):
        return Fate.ARRIVED
    last = [look for looks in looked_at if (look := looks.last()) and look.event.start_s > write.event.end_s]
    if not last:
        return Fate.UNWATCHED
    if any(not look.present and write in look.writers for look in last):
        # A delete, and the item is not there. Whether it ever was cannot be told, nor does it matter.
        return Fate.ARRIVED
    if not all(look.lacks(write) for look in last):
        return Fate.OVERWRITTEN
    if fault.rolled_back_s is None:
        return Fate.WAITING
    settled_s = max(fault.rolled_back_s, write.event.end_s) + SETTLED_S
    return Fate.LOST if all(look.event.start_s >= settled_s for look in last) else Fate.WAITING


class RecoveryPoint(msgspec.Struct, frozen=True, kw_only=True, tag="recovery-point"):
    """When a region was cut off, few acknowledged writes were lost for good, and none at risk was old.

    Writes that were overwritten by a later or concurrent one are no loss here: the conflict ledger has them.
    """

    region: RegionName
    at_most_lost: int = 0
    oldest_at_most_s: float | None = None
    """Limit for the age, at the cut, of the oldest write that no other region had."""
    at_least_at_risk: int = 1
    """With fewer writes at risk that were watched, nothing was put to the test."""
    at_most_unwatched_share: float = 0.1
    """Of the writes at risk. Nobody looked for those elsewhere: with more, too much was not seen."""

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        found = rpos(history, experiment, self.region)
        if not found:
            return [self._unknown(f"{self.region} was never cut off: no fault of {', '.join(sorted(CUTS))} there")]
        return [finding for one in found for finding in self._judge_cut(one)]

    def _judge_cut(self, found: Rpo) -> Iterator[Finding]:
        if not found.proven:
            yield self._unknown(
                f"the fault {found.fault!r} was not proven to bite in {self.region}, so nothing follows from it"
            )
            return
        yield self._lost(found)
        if self.oldest_at_most_s is not None:
            yield self._oldest(found, self.oldest_at_most_s)

    def _lost(self, found: Rpo) -> Finding:
        doubts = list(self._doubts(found))
        verdict = Verdict.FAIL if found.lost > self.at_most_lost else Verdict.UNKNOWN if doubts else Verdict.PASS
        return Finding(
            checker="recovery-point",
            claim=self._claim,
            verdict=verdict,
            explanation="; ".join([_told(found), *doubts]),
            measured=float(found.lost),
            limit=float(self.at_most_lost),
            unit="writes",
            samples=found.watched,
            subject=self.region,
            evidence=(found.lost_writes + found.waiting_writes)[:NAMED],
        )

    def _doubts(self, found: Rpo) -> Iterator[str]:
        """Why no loss seen is not no loss."""
        if found.watched < self.at_least_at_risk:
            missing = self.at_least_at_risk - found.watched
            yield f"nothing was put to the test: {missing} more writes at risk are needed"
        if found.healed_s is None:
            yield "the fault was never undone, so it cannot be told what arrives"
        elif found.waiting:
            yield f"{found.waiting} were not looked at for {SETTLED_S:g} s after healing"
        if found.unwatched > self.at_most_unwatched_share * found.at_risk:
            yield f"{found.unwatched} of {found.at_risk} were looked for in no other region"

    def _oldest(self, found: Rpo, limit_s: float) -> Finding:
        high_s, low_s = found.oldest_age_high_s, found.oldest_age_low_s
        unsure = not found.watched or low_s <= limit_s < high_s
        verdict = Verdict.FAIL if low_s > limit_s else Verdict.UNKNOWN if unsure else Verdict.PASS
        return Finding(
            checker="recovery-point-age",
            claim=f"When {self.region} was cut off, no write older than {limit_s:g} s was there alone",
            verdict=verdict,
            explanation=f"{_told(found)}; the oldest was {low_s:.3f} to {high_s:.3f} s old",
            measured=high_s,
            limit=limit_s,
            unit="s",
            uncertainty=high_s - low_s,
            samples=found.watched,
            subject=self.region,
            evidence=() if found.oldest_write is None else (found.oldest_write,),
        )

    @property
    def _claim(self) -> str:
        return f"What {self.region} had acknowledged when it was cut off was not lost"

    def _unknown(self, why: str) -> Finding:
        return Finding.unknown("recovery-point", self._claim, why, subject=self.region)


def _told(found: Rpo) -> str:
    at_risk = str(found.at_risk_possibly)
    if found.at_risk_surely < found.at_risk_possibly:
        at_risk = f"{found.at_risk_surely} to {at_risk}"
    fates = ", ".join(f"{getattr(found, fate.value)} {fate.value}" for fate in Fate if getattr(found, fate.value))
    told = f"{at_risk} writes at risk at the cut and {found.written_during} made during it"
    return f"{told}: {fates}" if fates else told
