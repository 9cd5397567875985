from __future__ import annotations

import msgspec
from builders import (
    AP,
    DUBLIN,
    EU,
    FRANKFURT,
    SYDNEY,
    US,
    Story,
    a_fault,
    a_header,
    a_history,
    a_stack,
    an_experiment,
    dns,
    reply,
)

from harness.events import DnsAnswer, HttpReply, Outcome
from harness.history import History
from harness.report.palette import Palette
from harness.report.worldmap import WorldMap, build_map


def map_of(history: History) -> WorldMap:
    drawn = build_map(history, Palette(history.header.stack.region_names))
    assert drawn
    return drawn


def tallied(drawn: WorldMap) -> dict[str, int]:
    return {one.text: one.vantages for one in drawn.tally if one.vantages}


def codes(drawn: WorldMap, number: int) -> list[tuple[float, float]]:
    flat = drawn.changes.vantages[number]
    return list(zip(flat[::2], flat[1::2], strict=True))


def test_the_still_is_when_most_users_were_away(story: History) -> None:
    """Rolled back from 300 s: by then the two vantages of eu-west-1, of four, are served by us-east-1."""
    drawn = map_of(story)

    assert drawn.still_s == 300.0
    assert tallied(drawn) == {US: 3, AP: 1}
    assert [spot.looks for spot in drawn.spots] == ["r0", "r0", "r2", "r0"]
    assert drawn.scene == "health-broken in eu-west-1 in force; Route 53 calls eu-west-1 unhealthy"
    assert [mark.region for mark in drawn.marks if mark.sick] == [EU]


def test_without_a_fault_it_stands_still_at_the_end() -> None:
    drawn = map_of(a_history(an_experiment(end_s=30), reply(DUBLIN, EU, 5), reply(DUBLIN, US, 10)))

    assert drawn.still_s == 30.0
    assert tallied(drawn) == {US: 1}
    assert drawn.scene == "nothing is broken"


def test_changes_are_told_and_not_looks(story: History) -> None:
    """Dublin, the first by name: eu-west-1 (1 + 2 × 1), us-east-1 (1 + 2 × 0) from 180 s, and home from 420 s."""
    assert codes(map_of(story), 0) == [(0, 3), (180, 1), (420, 3)]


def test_what_fails_is_told_with_the_region_that_failed() -> None:
    """Its code is one above that of the region; 0 before the first look."""
    drawn = map_of(a_history(an_experiment(), reply(DUBLIN, EU, 10), reply(DUBLIN, EU, 20, ok=False)))

    assert codes(drawn, 0)[:2] == [(10, 3), (20, 4)]


def test_a_vantage_that_fails_in_the_still_is_marked() -> None:
    drawn = map_of(a_history(an_experiment(end_s=25), reply(DUBLIN, EU, 10), reply(DUBLIN, None, 20, ok=False)))

    assert drawn.spots[0].looks == "elsewhere failing"
    assert tallied(drawn) == {"failing": 1}


def test_lines_lead_to_every_region_that_ever_served(story: History) -> None:
    """Dublin and Frankfurt (0, 1) to both regions, of which us-east-1 (0) is shown; Sydney and Virginia to one each."""
    routes = {route.of: route.shown for route in map_of(story).routes}

    assert routes == {"0:0": True, "0:1": False, "1:0": True, "1:1": False, "2:2": True, "3:0": True}


def test_each_experiment_has_its_telling_moment(story: History) -> None:
    second = [an_experiment("f", start_s=700, end_s=900), *a_fault(US, injected_s=(720, 722), rolled_back_s=(800, 802))]

    moments = [(one.experiment, one.at_s) for one in map_of(History([*story, *second])).moments]

    assert moments == [("e", 300.0), ("f", 800.0)]


def test_of_several_experiments_the_scene_names_the_one_that_runs(story: History) -> None:
    drawn = map_of(History([*story, an_experiment("f", start_s=700, end_s=900)]))

    assert drawn.changes.scenes[0] == (0.0, "e: nothing is broken")
    assert (700.0, "f: nothing is broken") in drawn.changes.scenes
    assert (600.0, "nothing is broken") in drawn.changes.scenes


def test_a_vantage_without_a_place_is_named_instead(story: History) -> None:
    drawn = map_of(History([*story, reply("nowhere", US, 10)]))

    assert drawn.unplaced == ["nowhere"]
    assert len(drawn.spots) == 4


def test_a_region_that_the_catalogue_lacks_has_no_mark_but_its_vantages_have() -> None:
    history = a_history(reply(DUBLIN, "eu-mars-1", 10), header=a_header(stack=a_stack("eu-mars-1", "eu-mars-2")))
    drawn = map_of(history)

    assert (drawn.marks, drawn.routes) == ([], [])
    assert tallied(drawn) == {"eu-mars-1": 1}


def test_nobody_looked_so_there_is_no_map() -> None:
    history = a_history(an_experiment())

    assert build_map(history, Palette(history.header.stack.region_names)) is None


def test_dns_alone_is_said_to_be_that() -> None:
    assert map_of(a_history(dns(DUBLIN, EU, 10), reply(SYDNEY, AP, 10))).by_dns_alone
    assert not map_of(Story().history(without=DnsAnswer)).by_dns_alone
    assert map_of(Story().history(without=HttpReply)).by_dns_alone


def test_the_still_is_when_most_users_failed() -> None:
    """A gray fault from 62 to 300 s: some requests fail; only at 150 s those of both vantages."""
    failing = {DUBLIN: (100, 150), FRANKFURT: (150, 200)}
    kept = [
        msgspec.structs.replace(event, outcome=Outcome.FAIL)
        if isinstance(event, HttpReply) and event.start_s in failing.get(event.vantage, ())
        else event
        for event in Story(detect_s=1000, dns_s=1000).events()
    ]

    drawn = map_of(a_history(kept))

    assert drawn.still_s == 150.0
    assert tallied(drawn) == {US: 1, AP: 1, "failing": 2}
