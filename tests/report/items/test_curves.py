from __future__ import annotations

import re
from itertools import pairwise

import pytest
from builders import AP, EU, US, a_history, an_experiment
from data_builders import a_read, a_write, polled_writes
from hypothesis import given
from hypothesis import strategies as st

from harness.checkers.replication import replication_latencies
from harness.events import AnyEvent, ItemRead, ItemWrite
from harness.report.items.curves import HEIGHT, WIDTH, Curve, LogAxis, Plot, latency_plots
from harness.report.palette import Palette


def plots_of(*events: AnyEvent) -> list[Plot]:
    experiment = an_experiment()
    pairs = replication_latencies(a_history(experiment, events), experiment)
    return latency_plots(pairs, Palette((US, EU, AP)))


def points(path: str) -> list[tuple[float, float]]:
    numbers = [float(number) for number in re.findall(r"[\d.]+", path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def only_curve(*events: AnyEvent) -> Curve:
    ((curve,),) = [plot.curves for plot in plots_of(*events)]
    return curve


def test_each_region_written_in_has_a_plot_with_a_curve_for_each_other() -> None:
    plots = plots_of(*polled_writes(20), *polled_writes(20, receiving=AP), *polled_writes(20, source=EU, receiving=US))

    assert [(plot.source, [curve.receiving for curve in plot.curves]) for plot in plots] == [
        (US, [EU, AP]),
        (EU, [US]),
    ]


def test_all_plots_have_one_axis() -> None:
    slow, quick = plots_of(*polled_writes(5, latency_s=5.0), *polled_writes(5, source=EU, receiving=US))

    assert slow.ticks == quick.ticks


def test_the_estimate_rises_from_nothing_to_everything() -> None:
    line = points(only_curve(*polled_writes(50, spread_s=0.3)).line)

    assert (line[0][1], line[-1][1]) == (HEIGHT, 0)
    assert all(before[0] <= after[0] and before[1] >= after[1] for before, after in pairwise(line))


def test_the_estimate_lies_in_its_band() -> None:
    """At each x the band's lower edge, the first half of its path, is not above the line, nor its upper one below."""
    curve = only_curve(*polled_writes(50, spread_s=0.3))
    band = points(curve.band)
    surely, possibly = band[: len(band) // 2], band[len(band) // 2 :]

    for x, y in points(curve.line):
        assert min(below for at, below in surely if at <= x) >= y - 0.1
        assert min((above for at, above in possibly if at <= x), default=HEIGHT) <= y + 0.1


def test_no_write_is_earlier_than_its_band() -> None:
    """More writes than the curve has points: between two points the band must have room for those left out."""
    events = list(polled_writes(300, spread_s=0.3, every_s=0.3))
    written_s = {event.key: event.start_s for event in events if isinstance(event, ItemWrite)}
    last_miss_s = dict(written_s) | {
        event.key: event.start_s for event in events if isinstance(event, ItemRead) and event.item is None
    }
    lows_s = sorted(last_miss_s[key] - at_s for key, at_s in written_s.items())

    (plot,) = plots_of(*events)
    band, axis = points(plot.curves[0].band), LogAxis(float(plot.ticks[0].text), float(plot.ticks[-1].text))
    possibly = band[len(band) // 2 :]

    for rank, low_s in enumerate(lows_s, 1):
        x = WIDTH * axis.x(low_s)
        assert min(y for at, y in possibly if at <= x + 0.1) <= HEIGHT * (1 - rank / len(lows_s)) + 0.2


def test_a_curve_with_writes_that_nobody_saw_ends_below_the_top() -> None:
    lost = [a_write("lost", 50.0, key="lost"), a_read(None, 70.0, key="lost"), a_read(None, 400.0, key="lost")]
    curve = only_curve(*polled_writes(9), *lost)

    assert points(curve.line)[-1][1] == pytest.approx(HEIGHT / 10)
    assert curve.told.endswith("90.0% of 10 writes were seen")


def test_curves_have_the_colour_of_the_region_that_shows() -> None:
    assert only_curve(*polled_writes(5)).looks == "r1"


def test_without_writes_there_are_no_plots() -> None:
    assert plots_of() == []


def test_a_factor_is_a_distance() -> None:
    axis = LogAxis(0.1, 10)

    assert [axis.x(at_s) for at_s in (0.0, 0.1, 1.0, 10.0, 99.0)] == pytest.approx([0, 0, 0.5, 1, 1])
    assert [tick.text for tick in axis.ticks()] == ["0.1", "0.2", "0.5", "1", "2", "5", "10"]


@given(st.lists(st.floats(0.001, 500), min_size=1, max_size=5))
def test_no_plot_is_without_ticks_or_beyond_its_edges(latencies_s: list[float]) -> None:
    events: list[AnyEvent] = []
    for number, latency_s in enumerate(latencies_s):
        key = f"k{number}"
        events += [a_write(key, 1.0, key=key), a_read(None, 1.0 + latency_s / 2, key=key)]
        events += [a_read(key, 1.0 + latency_s, key=key), a_read(key, 599.0, key=key)]

    (plot,) = plots_of(*events)

    assert 3 <= len(plot.ticks) <= 12
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points(plot.curves[0].band))
