"""The shortcuts of the definitions say what comparing every pair would."""

from __future__ import annotations

from builders import EU, US
from hypothesis import given
from hypothesis import strategies as st
from item_builders import saw, wrote

from harness.checkers.consistency.newest import Ladder, Newest, Step
from harness.checkers.consistency.rules import Rules
from harness.checkers.consistency.sightings import Sighting, sightings, that_contradict
from harness.checkers.consistency.story import Look, Written

RULES = Rules(clock_uncertainty_s=2.0, settle_s=0.0)
INTERVALS = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda pair: tuple(map(float, sorted(pair))))


def written(number, at_s=(0.0, 1.0), region=EU):
    return Written(number, wrote(f"v{number}", at_s, region=region))


def look(number, at_s, of):
    return Look(100 + number, saw(of.write.value, at_s), at_s[0], of)


def contradict(one: Sighting, other: Sighting) -> bool:
    return one.was_shown_by_s <= other.still_shown_at_s and other.was_shown_by_s <= one.still_shown_at_s


@given(st.lists(st.tuples(st.integers(0, 4), INTERVALS), max_size=12))
def test_items_that_contradict_each_other_are_found_when_there_are_any(reads):
    writes = [written(number) for number in range(5)]
    seen = list(sightings(look(n, at_s, writes[item]) for n, (item, at_s) in enumerate(reads)).values())
    pairs = [(a, b) for place, a in enumerate(seen) for b in seen[:place] if contradict(a, b)]
    found = list(that_contradict(seen))

    assert bool(found) == bool(pairs)
    assert all(contradict(a, b) and a is not b for a, b in found)


def test_an_item_seen_at_the_first_moment_of_anothers_stretch_contradicts_it():
    """One was shown by 3 and still at 5; a look at the other began at 3 and was over at 4."""
    other, one = written(1), written(2)
    looks = [look(0, (3, 4), other), look(1, (2, 3), one), look(2, (5, 6), one)]

    assert len(list(that_contradict(sightings(looks).values()))) == 1


def test_a_sighting_goes_from_the_first_end_to_the_last_start():
    """Looks at 0-5, 1-3 and 2-9: shown by 3, still shown at 2."""
    of = written(1)
    (sighting,) = sightings(look(n, at_s, of) for n, at_s in enumerate([(0, 5), (1, 3), (2, 9)])).values()

    assert (sighting.was_shown_by_s, sighting.still_shown_at_s, sighting.spans) == (3, 2, False)


@given(st.lists(st.tuples(INTERVALS, st.sampled_from([EU, US]), st.integers(0, 12))), INTERVALS, st.integers(0, 12))
def test_a_write_is_superseded_when_any_visible_one_is_later(others, own, by_s):
    visible = [(float(since_s), written(n, at_s, region)) for n, (at_s, region, since_s) in enumerate(others, 1)]
    it = written(0, own)
    later = [one for since_s, one in visible if since_s <= by_s and RULES.is_later(one.write, than=it.write)]

    found = Newest(RULES, visible).superseding(it, by_s)

    assert (found is None) == (not later)
    assert found is None or found.write.start_s == max(one.write.start_s for one in later)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))), st.integers(-1, 10))
def test_a_ladder_knows_the_greatest_by_any_time(steps, by_s):
    ladder = Ladder(Step(float(since_s), (float(rank), 0), rank) for since_s, rank in steps)

    assert ladder.greatest(by_s) == max((rank for since_s, rank in steps if since_s <= by_s), default=None)
