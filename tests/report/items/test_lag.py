from __future__ import annotations

import re

from builders import EU, US, a_header, a_history, a_stack, an_experiment, health, reply
from data_builders import THROTTLED, a_cut, a_delete, a_read, a_write, polled_writes

from harness.events import AnyEvent, Outcome
from harness.history import History
from harness.report.drawing import Hover, Timeline
from harness.report.items.lag import BINS, LAG
from harness.report.lanes import vantage_looks
from harness.report.palette import Palette
from harness.report.timeline import build_timeline

TWO_REGIONS = a_header(stack=a_stack(US, EU))


def drawn(*events: AnyEvent, end_s: float = 400.0) -> Timeline:
    history = a_history(an_experiment(end_s=end_s), events, header=TWO_REGIONS)
    return build_timeline(history, history.experiment("e"), palette_of(history), vantage_looks(history))


def palette_of(history: History) -> Palette:
    return Palette(history.header.stack.region_names)


def row(timeline: Timeline, title: str) -> Hover:
    (found,) = [hover for hover in timeline.hovers if hover.title == title]
    return found


def told_at(hover: Hover, at_s: float) -> list[str]:
    return [told for from_s, until_s, told in hover.parts if from_s <= at_s < until_s]


def test_a_lag_is_the_age_of_the_oldest_write_that_was_not_there() -> None:
    """Written at 100 s, missing at 179 s: 44 s behind by the end of the bins from 140 to 144 s; 79 s in the end."""
    events = (a_write("v", 100), *(a_read(None, at_s) for at_s in range(101, 180)), a_read("v", 180), a_read("v", 399))

    behind = row(drawn(*events), f"{EU} behind {US}")

    assert told_at(behind, 50) == ["no write was surely late"]
    assert told_at(behind, 141) == ["up to 44.0 s behind"]
    assert told_at(behind, 179) == ["up to 79.0 s behind"]
    assert told_at(behind, 185) == ["no write was surely late"]


def test_the_curve_stands_as_high_as_the_lag() -> None:
    """Missing from 100 to 180 s of 400, in 400 bins; 20 pixels for 80 s, so half a one for 2 s, in the second."""
    timeline = drawn(a_write("v", 100), a_read(None, 180), a_read("v", 181), a_read("v", 399))

    (area,) = timeline.areas
    heights = [(int(x), float(y)) for x, y in re.findall(r"H(\d+)V([\d.]+)", area.path)]

    assert (area.steps, area.looks, area.height) == (BINS, "r1", LAG.height)
    assert heights[0] == (101, 19.5)
    assert heights[-3:] == [(178, 0), (181, 20), (400, 20)]


def test_a_write_that_never_came_counts_until_the_last_look() -> None:
    """Nobody looked after 150 s, so nobody knows how late it was later."""
    behind = row(drawn(a_write("v", 100), a_read(None, 150)), f"{EU} behind {US}")

    assert told_at(behind, 149) == ["up to 50.0 s behind"]
    assert told_at(behind, 200) == ["no write was surely late"]


def test_keys_of_several_regions_tell_nothing_of_a_lag() -> None:
    """The EU lacks it until 150 s, but it may have had another one in its place."""
    events = (a_write("v", 100), a_read(None, 150), a_read("v", 160))

    assert drawn(*events).areas
    assert drawn(*events, a_write("w", 300, region=EU)).areas == ()


def test_calls_that_failed_are_drawn_and_told() -> None:
    refused = a_write("x", 50, outcome=Outcome.FAIL, error=THROTTLED)
    timeline = drawn(a_write("v", 10, key="v"), refused, a_read("v", 20, region=US, key="v"))

    clients = row(timeline, f"clients in {US}")

    assert "failed" in {bar.looks for bar in timeline.bars if clients.y <= bar.y < clients.y + clients.height}
    assert (50, 50, f"1 write: 1 fail ({THROTTLED})") in clients.parts
    assert (10, 50, f"2 writes: 1 ok, 1 fail ({THROTTLED})") in clients.parts


def test_many_failures_close_together_are_one_bar() -> None:
    refused = [a_write(f"x{number}", 50 + number / 10, outcome=Outcome.FAIL) for number in range(20)]
    timeline = drawn(a_write("v", 10, key="v"), *refused)

    assert len([bar for bar in timeline.bars if bar.looks == "failed"]) == 1


def test_an_experiment_without_looks_from_vantages_has_no_empty_lanes() -> None:
    timeline = drawn(*a_cut(EU), *polled_writes(10, latency_s=5))
    labels = [label.text for label in timeline.labels]

    assert labels[0] == "replication-paused"
    assert labels[1:] == ["clients in", US, EU, f"behind {US}", EU]


def test_the_legend_tells_of_the_rows_that_are_there() -> None:
    items, lanes = drawn(a_write("v", 10)), drawn(reply("dublin", EU, 5), health(EU, True, 5))

    assert [told.partition(":")[0] for told in (*items.legend, *lanes.legend)] == ["clients", "thick"]


def test_without_items_there_are_no_rows_of_them() -> None:
    timeline = drawn(reply("dublin", EU, 5))

    assert not [label for label in timeline.labels if "clients" in label.text or "behind" in label.text]


def test_what_clients_did_in_another_experiment_is_not_drawn() -> None:
    first = an_experiment("first", end_s=100)
    second = an_experiment("second", start_s=200, steady_until_s=210, end_s=300)
    looks = [a_read(None, 50), a_read("v", 60), a_write("w", 250, key="w"), a_read("w", 251, key="w")]
    history = a_history(first, second, a_write("v", 10), looks, header=TWO_REGIONS)

    timeline = build_timeline(history, second, palette_of(history), vantage_looks(history))

    assert [label.note for label in timeline.labels] == ["writes · reads", "1 · 0", "0 · 1"]


def test_two_writes_of_one_value_leave_the_lags_out() -> None:
    """No read could tell which of them it shows."""
    assert drawn(a_write("v", 10), a_write("v", 20), a_read("v", 30)).areas == ()


def test_a_delete_of_nothing_makes_nobody_late() -> None:
    """Its arrival cannot be seen: only the next write's can."""
    looks = [a_read(None, at_s) for at_s in range(101, 180)]

    timeline = drawn(a_delete("d", 100), *looks, a_write("v", 179.5), a_read("v", 180))

    assert timeline.areas == ()
