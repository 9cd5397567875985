"""The specification: what each property forbids, on one key.

A region's replica keeps, for each key, the write with the greatest stamp that it has heard of, and shows its item: so
what a region shows only ever gets newer. Which of two writes is newer is known when one began after the other was over,
by more than the clocks may differ (`Rules.is_later`), or when a region showed the one after the other. All else is
concurrent, and either may win.

A write takes effect at most once: clients make one attempt. What goes on and on is reported once for each region and
item.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from harness.checkers.consistency.newest import Ladder, Newest, Step
from harness.checkers.consistency.rules import over_by_s
from harness.checkers.consistency.sightings import sightings, that_contradict
from harness.checkers.consistency.story import Image, Look, Story, Written, image_of
from harness.checkers.consistency.violations import Property, Violation, of_look, of_write, violation

ALWAYS_S = -math.inf


def converged(story: Story) -> Iterator[Violation]:
    """When all has settled, the last reads of a key agree in all regions."""
    looks = list(story.finals.values())
    other = next((look for look in looks if _image(look) != _image(looks[0])), None)
    if other:
        text = f"regions differ when all has settled: {of_look(looks[0])}, {of_look(other)}"
        yield violation(Property.CONVERGED, story.key, (looks[0], other), text)


def written(story: Story) -> Iterator[Violation]:
    """No read shows a value that nobody wrote. Values of writes whose outcome is unknown are allowed."""
    for look, alien in _unexplained(story):
        if alien:
            text = f"{of_look(look)}, but no write that may have happened carries {', '.join(map(repr, sorted(alien)))}"
            yield violation(Property.WRITTEN, story.key, (look,), text)


def whole(story: Story) -> Iterator[Violation]:
    """No read shows an item that no write left behind, mixed from values of several."""
    for look, alien in _unexplained(story):
        if not alien:
            authors = _authors(story, look)
            mixed = " and ".join(of_write(author) for author in authors)
            text = f"{of_look(look)}: no write left that item; it is mixed from {mixed}"
            yield violation(Property.WHOLE, story.key, (*authors, look), text)


def later_wins(story: Story) -> Iterator[Violation]:
    """Of two acknowledged writes the earlier is not the final state; nor is it read where the later one was made."""
    puts = [written for written in story.acknowledged if not written.deletes]
    return _once(_older_shown(story, puts, Property.LATER_WINS))


def deleted_stays_away(story: Story) -> Iterator[Violation]:
    """After a delete no older item is the final state, nor read where it was deleted, nor where it was gone before."""
    deletes = [written for written in story.acknowledged if written.deletes]
    return _once(_older_shown(story, deletes, Property.DELETED_STAYS_AWAY), _back_from_absence(story))


def never_back(story: Story) -> Iterator[Violation]:
    """In one region, what is read after a newer item is not older: by the writes' times, or by the reads themselves."""
    return _once(_older_after_newer(story), _both_before_each_other(story))


def own_writes_seen(story: Story) -> Iterator[Violation]:
    """A client's consistent read shows its own acknowledged write in that region, or one that may have come after."""
    return _once(_own_writes_missed(story))


def nothing_lost(story: Story) -> Iterator[Violation]:
    """In the end some region shows a write that no acknowledged write supersedes: else the newest one is lost."""
    everything = Newest(story.rules, ((ALWAYS_S, written) for written in story.acknowledged))
    newest = everything.newest(math.inf)
    finals = list(story.finals.values())
    if newest is None or not story.regions <= set(story.finals):
        return
    if any(_may_end_so(story, look, everything) for look in finals):
        return
    shown = ", ".join(of_look(look) for look in finals)
    text = f"{of_write(newest)} is lost: when all had settled {shown}, and nothing that may have come later explains it"
    yield violation(Property.NOTHING_LOST, story.key, (newest, *finals), text)


def tellable(story: Story) -> Iterator[Violation]:
    """Each write has a value of its own, and no item is read before its write began."""
    first: dict[str, Written] = {}
    for write in story.writes:
        same = first.setdefault(write.write.value, write)
        if same is not write:
            text = f"{of_write(same)} and {of_write(write)} carry the same value, so reads cannot tell them apart"
            yield violation(Property.TELLABLE, story.key, (same, write), text)
    for look in _looks(story):
        if look.shows and look.read.end_s < look.shows.write.start_s:
            text = f"{of_look(look)} before {of_write(look.shows)} began: the times are not of one clock"
            yield violation(Property.TELLABLE, story.key, (look.shows, look), text)


DEFINITIONS: tuple[Callable[[Story], Iterator[Violation]], ...] = (
    converged,
    written,
    whole,
    later_wins,
    deleted_stays_away,
    never_back,
    own_writes_seen,
    nothing_lost,
    tellable,
)

Broken = tuple[Look, Violation]


def _once(*found: Iterable[Broken]) -> Iterator[Violation]:
    """The first violation for each region and item shown."""
    told = set()
    for look, broken in (one for some in found for one in some):
        item = look.shows and look.shows.index
        if (look.read.region, item) not in told:
            told.add((look.read.region, item))
            yield broken


def _image(look: Look) -> Image | None:
    return None if look.read.item is None else image_of(look.read.item)


def _looks(story: Story) -> Iterator[Look]:
    return (look for looks in story.looks.values() for look in looks)


def _unexplained(story: Story) -> Iterator[tuple[Look, set[str]]]:
    """The first look at each item that no write explains, and what of it nobody wrote; "nothing" when it is empty."""
    told = set()
    for look in _looks(story):
        if look.read.item is not None and look.shows is None:
            this = look.read.region, image_of(look.read.item)
            if this not in told:
                told.add(this)
                values = {value for value in image_of(look.read.item) if value is not None} or {"nothing at all"}
                yield look, values - story.written_values


def _authors(story: Story, look: Look) -> tuple[Written, ...]:
    """The writes that carry the item's values."""
    values = set((look.read.item or {}).values())
    return tuple(written for written in story.writes if written.write.value in values)


def _older_shown(story: Story, newer: list[Written], broken: Property) -> Iterator[Broken]:
    """Looks at an item that one of `newer` supersedes: made and acknowledged in that region before, or all settled."""
    everything = Newest(story.rules, ((ALWAYS_S, written) for written in newer))
    for region, looks in story.looks.items():
        made_here = [(written.write.end_s, written) for written in newer if written.write.region == region]
        here = Newest(story.rules, made_here)
        for look in looks:
            final = look is story.finals.get(region)
            later = look.shows and (everything if final else here).superseding(look.shows, look.asked_s)
            if look.shows and later:
                when = "when all had settled" if final else "after it was acknowledged there"
                text = f"{of_write(later)} came after {of_write(look.shows)}, but {of_look(look)} {when}"
                yield look, violation(broken, story.key, (look.shows, later, look), text)


def _back_from_absence(story: Story) -> Iterator[Broken]:
    """Looks at an item that the region had shown before, and then no item."""
    for looks in story.looks.values():
        gone = Ladder(Step(look.read.end_s, (look.asked_s, look.index), look) for look in looks if look.absent)
        seen = sightings(looks)
        for look in looks:
            absence = look.shows and gone.greatest(look.asked_s)
            if look.shows and absence and absence.asked_s >= seen[look.shows.index].first.read.end_s:
                operations = (seen[look.shows.index].first, absence, look)
                text = f"an item was gone and came back: {', then '.join(of_look(each) for each in operations)}"
                yield look, violation(Property.DELETED_STAYS_AWAY, story.key, operations, text)


def _older_after_newer(story: Story) -> Iterator[Broken]:
    """Looks at an item, or at none, after the region had shown one that is later by the writes' times."""
    deletions = _Deletions(story)
    for looks in story.looks.values():
        seen = sightings(looks)
        newest = Newest(story.rules, ((each.first.read.end_s, each.written) for each in seen.values()))
        for look in looks:
            later = deletions.missed(look, newest) if look.absent else _later_than_shown(look, newest)
            if later:
                first = seen[later.index].first
                text = f"{of_look(first)}, then {of_look(look)}, though {_order(later, look)}"
                shown = (look.shows,) if look.shows else ()
                operations = (*shown, later, first, look)
                yield look, violation(Property.NEVER_BACK, story.key, operations, text)


def _both_before_each_other(story: Story) -> Iterator[Broken]:
    """Two items of which a region showed each before the other."""
    for looks in story.looks.values():
        for one, other in that_contradict(sightings(looks).values()):
            looked = {look.index: look for look in (one.first, one.last, other.first, other.last)}
            order = sorted(looked.values(), key=lambda look: (look.read.start_s, look.index))
            text = "each was read before the other: " + ", then ".join(of_look(look) for look in order)
            yield order[-1], violation(Property.NEVER_BACK, story.key, tuple(order), text)


def _own_writes_missed(story: Story) -> Iterator[Broken]:
    deletions = _Deletions(story)
    own = defaultdict(list)
    for written in story.acknowledged:
        own[written.write.client, written.write.region].append((written.write.end_s, written))
    newest = {who: Newest(story.rules, made) for who, made in own.items()}
    for look in _looks(story):
        mine = newest.get((look.read.client, look.read.region))
        if mine is None or not look.read.consistent:
            continue
        missed = deletions.missed(look, mine) if look.absent else _later_than_shown(look, mine)
        if missed:
            text = f"{_order(missed, look)}, but then the same client looked and {of_look(look)}"
            operations = (missed, look.shows, look) if look.shows else (missed, look)
            yield look, violation(Property.OWN_WRITES_SEEN, story.key, operations, text)


def _may_end_so(story: Story, look: Look, acknowledged: Newest) -> bool:
    if look.absent:
        return _Deletions(story).missed(look, acknowledged) is None
    return look.shows is not None and acknowledged.superseding(look.shows, math.inf) is None


def _order(later: Written, look: Look) -> str:
    if look.shows:
        return f"{of_write(later)} came after {of_write(look.shows)}"
    return f"no delete can have come after {of_write(later)}"


def _later_than_shown(look: Look, newest: Newest) -> Written | None:
    return look.shows and newest.superseding(look.shows, look.asked_s)


class _Deletions:
    """Which deletes can explain that there is no item."""

    def __init__(self, story: Story) -> None:
        by_region = defaultdict(list)
        for delete in story.deletes:
            step = Step(delete.write.start_s, (over_by_s(delete.write), delete.index), delete)
            by_region[delete.write.region].append(step)
        # In each region the one that is over last is the hardest to supersede: when it is, so are the others.
        self._ladders = [Ladder(steps) for steps in by_region.values()]

    def missed(self, look: Look, visible: Newest) -> Written | None:
        """The newest visible write, when each delete that had begun is superseded by what was visible."""
        begun = [delete for ladder in self._ladders if (delete := ladder.greatest(look.read.end_s))]
        if any(visible.superseding(delete, look.asked_s) is None for delete in begun):
            return None
        return visible.newest(look.asked_s)
