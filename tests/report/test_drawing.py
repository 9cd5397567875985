from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.drawing import TICKS_AT_MOST, Axis, Box
from harness.report.palette import COLOURS, Palette


def test_a_bar_lies_where_its_time_lies() -> None:
    """From 100 to 300 s: 150 s is a quarter, 250 s three quarters."""
    bar = Axis(from_s=100, until_s=300).bar(150, 250, Box(2, 9), "r0")

    assert (bar.x, bar.width, bar.y, bar.height) == (25, 50, 2, 9)


def test_what_began_before_the_axis_is_drawn_from_its_edge() -> None:
    bar = Axis(from_s=100, until_s=300).bar(0, 200, Box(), "r0")

    assert (bar.x, bar.width) == (0, 50)


def test_an_axis_of_no_length_is_no_error() -> None:
    assert Axis(from_s=5, until_s=5).x(5) == 0


def test_ticks_count_from_the_origin() -> None:
    """From 40 to 380 s around 62 s, at most 12 ticks: every 30 s, none before the axis begins."""
    ticks = [tick.text for tick in Axis(from_s=40, until_s=380).ticks(62) if tick.level == 0]

    assert ticks == ["0", "30", "60", "90", "120", "150", "180", "210", "240", "270", "300"]


def test_ticks_before_the_origin_are_negative() -> None:
    assert next(tick.text for tick in Axis(from_s=0, until_s=200).ticks(60) if tick.level == 0) == "−60"


@given(
    from_s=st.floats(0, 1e5),
    long_s=st.floats(0.5, 2e6),
    origin=st.floats(0, 1),
)
def test_no_axis_is_crowded_or_bare(from_s: float, long_s: float, origin: float) -> None:
    axis = Axis(from_s=from_s, until_s=from_s + long_s)

    ticks = axis.ticks(from_s + origin * long_s)

    for level, at_most in enumerate(TICKS_AT_MOST):
        assert 1 <= sum(tick.level <= level for tick in ticks) <= sum(TICKS_AT_MOST[: level + 1]) + 3
        assert len([tick for tick in ticks if tick.level == level]) <= at_most + 1


def test_every_region_has_a_colour_of_its_own() -> None:
    regions = [f"eu-west-{number}" for number in range(2 * len(COLOURS))]
    palette = Palette(regions)

    assert len({palette.looks(region) for region in regions}) == len(regions)


@pytest.mark.parametrize("region", ["mars-north-1", None])
def test_a_region_that_is_not_the_stacks_looks_like_none_of_them(region: str | None) -> None:
    assert Palette(["eu-west-1"]).looks(region) == "elsewhere"
