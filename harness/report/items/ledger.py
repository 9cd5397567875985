"""The conflict ledger: what concurrent writes cost, counted, and the first of them in words. Facts, not violations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import takewhile

import msgspec

from harness.checkers.conflicts import Conflict, Ledger, LostUpdate, LostUpdates
from harness.events import ItemWrite, Outcome
from harness.history import History
from harness.report.words import count, seconds

CONFLICTS, LOST_UPDATES = "conflicts", "lost-updates"
SHOWN_AT_MOST = 20


class Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """All conflicts between two regions."""

    regions: str
    conflicts: int
    acknowledged_losers: int
    unknown: int
    """Conflicts of which nobody saw who won."""


class ConflictLine(msgspec.Struct, frozen=True, kw_only=True):
    at_s: float
    key: str
    first: str
    second: str
    overlap: str
    winner: str
    loser_acknowledged: str


class LostLine(msgspec.Struct, frozen=True, kw_only=True):
    """Updates of which all but one, at most, had their effect undone."""

    at_s: float
    key: str
    what: str
    lost: int
    writes: tuple[str, ...]


class ConflictsView(msgspec.Struct, frozen=True, kw_only=True):
    prefix: str
    """What the keys shown begin with, and what is therefore not told in every line."""
    summary: str
    pairings: tuple[Pairing, ...]
    conflicts: tuple[ConflictLine, ...]
    conflicts_left_out: int
    lost_summary: str
    lost: tuple[LostLine, ...]
    lost_left_out: int


def conflicts_view(history: History, ledger: Ledger, lost: LostUpdates, *, claimed: bool) -> ConflictsView | None:
    """None when there was none; unless they were to be counted, for then that is what was found."""
    if not (ledger.conflicts or lost.found or claimed):
        return None
    first, lost_first = ledger.conflicts[:SHOWN_AT_MOST], lost.found[:SHOWN_AT_MOST]
    prefix = _common([*(one.key for one in first), *(one.key for one in lost_first)])
    return ConflictsView(
        prefix=prefix,
        summary=conflicts_sentence(ledger),
        pairings=tuple(_pairings(ledger.conflicts)),
        conflicts=tuple(_conflict(history, one, prefix) for one in first),
        conflicts_left_out=len(ledger.conflicts) - len(first),
        lost_summary=lost_sentence(lost),
        lost=tuple(_lost(history, one, prefix) for one in lost_first),
        lost_left_out=len(lost.found) - len(lost_first),
    )


def conflicts_sentence(ledger: Ledger) -> str:
    """ "132 conflicts on 4 keys; 66 of 2,844 acknowledged writes (2.3 %) lost to a later one: by design"."""
    of = count(ledger.acknowledged, "acknowledged write")
    if not ledger.conflicts:
        return f"no two regions wrote a key at once, in {of}"
    keys = count(len({conflict.key for conflict in ledger.conflicts}), "key")
    lost = f"{ledger.acknowledged_losers:,} of {of}{_share(ledger.lost_share)} lost to a concurrent one: by design"
    return f"{count(len(ledger.conflicts), 'conflict')} between regions on {keys}; {lost}"


def lost_sentence(lost: LostUpdates) -> str:
    """ "12 of 40 conditional writes (30.0 %) were lost ..."; nothing when there was none to lose."""
    if not lost.conditional_writes:
        return ""
    of = count(lost.conditional_writes, "acknowledged conditional write")
    if not lost.found:
        return f"none of {of} was lost"
    why = "their condition held in several regions at once"
    return f"{lost.lost:,} of {of}{_share(lost.lost_share)} lost {'its' if lost.lost == 1 else 'their'} effect: {why}"


def _share(share: float) -> str:
    return "" if math.isnan(share) else f" ({share:.1%})"


def _pairings(conflicts: Sequence[Conflict]) -> list[Pairing]:
    """The most frequent first."""
    between = Counter(tuple(sorted(conflict.regions)) for conflict in conflicts)
    losers = Counter(tuple(sorted(conflict.regions)) for conflict in conflicts if conflict.loser_acknowledged)
    unknown = Counter(tuple(sorted(conflict.regions)) for conflict in conflicts if conflict.winner is None)
    return [
        Pairing(
            regions=" and ".join(regions),
            conflicts=amount,
            acknowledged_losers=losers[regions],
            unknown=unknown[regions],
        )
        for regions, amount in between.most_common()
    ]


def _common(keys: Sequence[str]) -> str:
    """The workload's keys are paths with "#" between the names: those names that all begin with."""
    paths = [key.split("#") for key in set(keys)]
    names = zip(*paths, strict=False) if len(paths) > 1 else ()
    return "".join(f"{same[0]}#" for same in takewhile(lambda level: len(set(level)) == 1, names))


def _short(key: str, prefix: str) -> str:
    return f"…{key.removeprefix(prefix)}" if prefix else key


def _conflict(history: History, conflict: Conflict, prefix: str) -> ConflictLine:
    first, second = conflict.operations
    which = "first" if conflict.winner == first else "second"
    region = conflict.regions[conflict.winner != first]
    return ConflictLine(
        at_s=conflict.start_s,
        key=_short(conflict.key, prefix),
        first=_write(history, first),
        second=_write(history, second),
        overlap=_overlap(conflict.overlap_s),
        winner=f"the {which}, of {region}" if conflict.winner is not None else "nobody saw",
        loser_acknowledged={True: "yes", False: "no", None: "–"}[conflict.loser_acknowledged],
    )


def _overlap(overlap_s: float) -> str:
    if overlap_s >= 0:
        return f"{overlap_s * 1000:.0f} ms"
    return f"none, {seconds(-overlap_s)} s later"


def _lost(history: History, update: LostUpdate, prefix: str) -> LostLine:
    relied = f"replaced {update.based_on!r}" if update.based_on is not None else "found no item"
    return LostLine(
        at_s=history[update.operations[0]].start_s,
        key=_short(update.key, prefix),
        what=f"{len(update.operations)} × {update.operation.value}, each {relied}",
        lost=update.lost,
        writes=tuple(_write(history, index) for index in update.operations),
    )


def _write(history: History, index: int) -> str:
    """ "put in eu-west-1 by eu-west-1/0, event 17"."""
    write = history[index]
    if not isinstance(write, ItemWrite):
        return f"event {index}"
    doubt = ", no reply" if write.outcome is Outcome.UNKNOWN else ""
    return f"{write.operation.value} in {write.region} by {write.client}{doubt}, event {index}"
