from __future__ import annotations

import msgspec
from builders import AP, DUBLIN, EU, SYDNEY, US, Story, a_fault, a_history, an_experiment, dns, gap, health, reply

from harness.events import Note
from harness.history import History
from harness.report.drawing import Bar, Hover, Timeline
from harness.report.lanes import vantage_looks
from harness.report.palette import Palette
from harness.report.timeline import build_timeline


def drawn(history: History, name: str = "e") -> Timeline:
    palette = Palette(history.header.stack.region_names)
    return build_timeline(history, history.experiment(name), palette, vantage_looks(history))


def row(timeline: Timeline, title: str) -> Hover:
    (found,) = [hover for hover in timeline.hovers if hover.title.startswith(title)]
    return found


def bars_of(timeline: Timeline, title: str) -> list[Bar]:
    hover = row(timeline, title)
    return [bar for bar in timeline.bars if hover.y <= bar.y < hover.y + hover.height]


def test_a_lane_changes_colour_when_another_region_serves(story: History) -> None:
    """0 to 600 s; dublin leaves eu-west-1 (r1) for us-east-1 (r0) at 180 s = 30 %, comes home at 420 s = 70 %."""
    served = [(bar.looks, bar.x) for bar in bars_of(drawn(story), DUBLIN) if bar.height == 9]

    assert served == [("r1", 0), ("r0", 30), ("r1", 70)]


def test_dns_answers_lie_on_the_same_axis(story: History) -> None:
    """DNS changes at 147 s and 367 s, first asked at 150 s and 370 s."""
    led = [(bar.looks, round(bar.x)) for bar in bars_of(drawn(story), DUBLIN) if bar.height == 4]

    assert led == [("r1", 0), ("r0", 25), ("r1", 62)]


def test_only_lanes_away_from_home_bear_a_name(story: History) -> None:
    timeline = drawn(story)

    assert [bar.text for bar in bars_of(timeline, DUBLIN) if bar.text] == [US]
    assert not [bar.text for bar in bars_of(timeline, SYDNEY) if bar.text]


def test_lanes_stand_under_their_home_region_nearest_first(story: History) -> None:
    labels = [label.text for label in drawn(story).labels]

    assert labels[-7:] == [
        "nearest to us-east-1",
        "virginia",
        "nearest to eu-west-1",
        "dublin",
        "frankfurt",
        "nearest to ap-southeast-2",
        "sydney",
    ]


def test_a_failed_request_looks_like_nothing_else() -> None:
    history = Story(failing=(DUBLIN,)).history()

    assert "failed" in {bar.looks for bar in bars_of(drawn(history), DUBLIN)}
    assert "FAILED" in " ".join(part[2] for part in row(drawn(history), DUBLIN).parts)


def test_the_fault_is_shaded_from_injection_to_rollback(story: History) -> None:
    """62 to 302 s of 600 s."""
    (shade,) = drawn(story).shades

    assert (round(shade.x, 1), round(shade.width, 1)) == (10.3, 40.0)


def test_faults_that_overlap_are_shaded_once() -> None:
    faults = [*a_fault(EU), *a_fault(US, injected_s=(70, 72), rolled_back_s=(310, 312))]

    assert len(drawn(a_history(an_experiment(), *faults)).shades) == 1


def test_injected_proven_and_rolled_back_are_marked(story: History) -> None:
    assert [mark.looks for mark in drawn(story).marks] == ["injected", "proven", "rolled-back"]


def test_a_fault_that_never_bit_says_so() -> None:
    history = Story(proven=False).history()

    assert "NOT PROVEN" in row(drawn(history), "health-broken").parts[0][2]


def test_a_fault_that_was_not_undone_says_so() -> None:
    history = Story(rolled_back=False).history()

    assert "NOT rolled back" in row(drawn(history), "health-broken").parts[0][2]


def test_the_quorum_is_hatched_while_the_region_is_called_sick(story: History) -> None:
    """Called sick by the polls of 145 to 360 s; the next one is at 365 s."""
    (sick,) = [bar for bar in bars_of(drawn(story), "health check of eu-west-1") if bar.looks == "sick"]

    assert (round(sick.x * 6), round(sick.width * 6)) == (145, 220)


def test_what_another_experiment_saw_is_not_drawn() -> None:
    """Two experiments in one run: the second begins at 1,000 s, and its first look is at 1,001 s."""
    history = a_history(
        an_experiment("first", end_s=100),
        an_experiment("second", start_s=1000, steady_until_s=1010, end_s=1100),
        [reply(DUBLIN, EU, at_s) for at_s in (1.0, 50.0, 1001.0, 1050.0)],
        [dns(DUBLIN, EU, at_s) for at_s in (2.0, 1002.0)],
        health(EU, True, 3.0),
    )

    assert [part[:2] for part in row(drawn(history, "second"), DUBLIN).parts] == [(1001.0, 1050.0), (1002.0, 1002.0)]
    assert not [hover for hover in drawn(history, "second").hovers if hover.title.startswith("health check")]
    assert row(drawn(history, "first"), DUBLIN).parts[0][:2] == (1.0, 100)


def test_looks_left_out_are_no_silent_gap() -> None:
    history = a_history(
        an_experiment(),
        [reply(DUBLIN, EU, 10), reply(DUBLIN, EU, 30)],
        gap("*", 40, 41, source="dns", missed=3),
        gap(DUBLIN, 20, 21),
        Note(start_s=50, end_s=50, source="me", text="coffee"),
    )
    timeline = drawn(history)

    assert [part[2] for part in row(timeline, "notes and looks left out").parts] == [
        "coffee",
        "3 dns looks left out: late",
    ]
    assert "1 https look left out: late" in [part[2] for part in row(timeline, DUBLIN).parts]


def test_a_vantage_that_the_header_does_not_name_has_a_lane() -> None:
    history = a_history(an_experiment(), reply("moon", AP, 10))

    assert "nearest region not known" in [label.text for label in drawn(history).labels]
    assert bars_of(drawn(history), "moon")[0].looks == "r2"


def test_a_timeline_without_a_fault_counts_from_its_start() -> None:
    timeline = drawn(a_history(an_experiment(start_s=10, steady_until_s=20), reply(DUBLIN, EU, 15)))

    assert (timeline.origin_s, timeline.counts_from) == (10, "the start")


def test_equal_looks_are_one_bar_however_many(story: History) -> None:
    """Four vantages, 120 DNS answers and 60 replies each: three bars of each for two of them, one for the others."""
    lanes = [bar for bar in drawn(story).bars if bar.height in {9, 4}]

    assert len(lanes) == 2 * (3 + 3) + 2 * (1 + 1)
    assert len(msgspec.json.encode(drawn(story).hovers)) < 8000


def flapping(times: int) -> History:
    """Every 30 s eu-west-1 breaks for 15 s."""
    faults = [
        a_fault(
            EU,
            injected_s=(60 + 30 * n, 61 + 30 * n),
            rolled_back_s=(75 + 30 * n, 76 + 30 * n),
            proven=n != 1,
            fault_id=f"flap-{n}",
        )
        for n in range(times)
    ]
    return a_history(an_experiment(), *faults)


def test_a_fault_that_comes_and_goes_is_one_row() -> None:
    timeline = drawn(flapping(14))

    assert [(label.text, label.note) for label in timeline.labels] == [("health-broken", "14 × eu-west-1")]
    assert len([bar for bar in bars_of(timeline, "health-broken") if bar.looks == "fault"]) == 14
    assert len(timeline.shades) == 14
    assert timeline.marks == ()


def test_what_is_told_of_many_times_stands_beside_them_where_there_is_room() -> None:
    """Four times end at 166 s of 600 s; fourteen at 466 s, which leaves 22 %."""
    (told,) = [bar.text for bar in bars_of(drawn(flapping(4)), "health-broken") if bar.text]

    assert told == "4 times in eu-west-1, 3 of them proven to bite"
    assert not [bar.text for bar in bars_of(drawn(flapping(14)), "health-broken") if bar.text]


def test_faults_of_different_kinds_or_at_one_time_have_rows_of_their_own() -> None:
    other = [msgspec.structs.replace(event, fault="partition", fault_id="p", regions=(US, AP)) for event in a_fault(EU)]
    again = [msgspec.structs.replace(event, fault_id="again") for event in a_fault(EU)]

    labels = drawn(a_history(an_experiment(), a_fault(EU), other, again)).labels

    assert sorted((label.text, label.note) for label in labels) == [
        ("health-broken", EU),
        ("health-broken", EU),
        ("partition", "2 regions"),
    ]


def test_a_short_fault_is_told_beside_its_bar() -> None:
    short = a_history(an_experiment(), a_fault(EU, rolled_back_s=(80, 82)))
    late = a_history(an_experiment(), a_fault(EU, injected_s=(560, 562), rolled_back_s=(590, 592)))

    (after,) = [bar for bar in bars_of(drawn(short), "health-broken") if bar.text]
    (before,) = [bar for bar in bars_of(drawn(late), "health-broken") if bar.text]

    assert (after.looks, round(after.x + after.width)) == ("clear", 100)
    assert (before.looks, before.x) == ("clear", 0)


def test_vantages_that_did_not_look_share_one_row() -> None:
    timeline = drawn(a_history(an_experiment(), reply(DUBLIN, EU, 5), reply("load-0", US, 6)))

    assert [label.text for label in timeline.labels][-1] == "did not look at all"
    assert row(timeline, "did not look at all").parts == [(0, 600, "frankfurt, sydney, virginia")]
