"""A map of the world: Miller's projection, cut at the Bering Strait and where nobody lives. Pure geometry.

Miller's, because most vantages lie north of 35 degrees and it gives them room; nobody measures areas here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from importlib import resources
from itertools import pairwise

import msgspec

WIDTH = 1440
NORTH_DEG, SOUTH_DEG, WEST_DEG = 76.0, -57.0, -169.0
BEND_SHARE = 0.12
"""How far a line between two places bows northward, of its length: lines over one stretch are told apart."""
ROUNDS_AT_MOST = 60


class Point(msgspec.Struct, frozen=True):
    """`WIDTH` units from west to east, as long ones from north to south."""

    x: float
    y: float


class _Outline(msgspec.Struct):
    rings: list[list[int]]


def project(latitude: float, longitude: float) -> Point:
    """Places beyond the northern and southern edge stand on it."""
    x = (longitude - WEST_DEG) % 360 * WIDTH / 360
    return Point(round(x, 1), round(_miller(NORTH_DEG) - _miller(min(max(latitude, SOUTH_DEG), NORTH_DEG)), 1))


def _miller(latitude: float) -> float:
    """Units north of the equator."""
    radians = 1.25 * math.log(math.tan(math.pi / 4 + 0.4 * math.radians(latitude)))
    return radians * WIDTH / (2 * math.pi)


HEIGHT = math.ceil(_miller(NORTH_DEG) - _miller(SOUTH_DEG))


@functools.cache
def land_path() -> str:
    """The land as an SVG path in whole units, to be filled by the even-odd rule."""
    data = (resources.files("harness") / "data" / "land_outline.json").read_bytes()
    return "".join(map(_ring_path, msgspec.json.decode(data, type=_Outline).rings))


def _ring_path(ring: Sequence[int]) -> str:
    # The same place as `project` puts it, but a ring that ends at the map's edge must not jump to the other one.
    points = [
        (round((ring[at] / 10 - WEST_DEG) * WIDTH / 360), round(project(ring[at + 1] / 10, 0.0).y))
        for at in range(0, len(ring), 2)
    ]
    steps = [f"{x - before_x} {y - before_y}" for (before_x, before_y), (x, y) in pairwise(points)]
    return f"M{points[0][0]} {points[0][1]}l{' '.join(steps)}z".replace(" -", "-")


def line_path(start: Point, end: Point) -> str:
    """A bowed line, over the map's edge where that way is the shorter one: then it is drawn from both sides."""
    across = end.x - start.x
    if abs(across) <= WIDTH / 2:
        return _bow(start, end)
    shift = -math.copysign(WIDTH, across)
    return _bow(start, Point(end.x + shift, end.y)) + _bow(Point(start.x - shift, start.y), end)


def _bow(start: Point, end: Point) -> str:
    length = math.hypot(end.x - start.x, end.y - start.y)
    middle_x, middle_y = (start.x + end.x) / 2, (start.y + end.y) / 2 - BEND_SHARE * length
    return f"M{start.x:g} {start.y:g}Q{middle_x:.0f} {middle_y:.0f} {end.x:g} {end.y:g}"


def spread(points: Sequence[Point], apart: float, fixed: Sequence[Point] = (), clear: float = 0.0) -> list[Point]:
    """The points, moved as little as it takes to stand `apart` from each other and `clear` of the fixed ones.

    The same points give the same places. With more points than there is room for, it gives up with some overlapping.
    """
    xs, ys = [point.x for point in points], [point.y for point in points]
    for _ in range(ROUNDS_AT_MOST):
        moved = _push_from_fixed(xs, ys, fixed, clear)
        if not _push_apart(xs, ys, apart) and not moved:
            break
    return [Point(round(x, 1), round(y, 1)) for x, y in zip(xs, ys, strict=True)]


def _push_apart(xs: list[float], ys: list[float], apart: float) -> bool:
    moved = False
    order = sorted(range(len(xs)), key=xs.__getitem__)
    for position, one in enumerate(order):
        for other in order[position + 1 :]:
            if xs[other] - xs[one] >= apart:
                break
            right, down = _push(xs[other] - xs[one], ys[other] - ys[one], apart, other)
            if right or down:
                xs[one], ys[one] = xs[one] - right / 2, ys[one] - down / 2
                xs[other], ys[other] = xs[other] + right / 2, ys[other] + down / 2
                moved = True
    return moved


def _push_from_fixed(xs: list[float], ys: list[float], fixed: Sequence[Point], clear: float) -> bool:
    moved = False
    for point in fixed:
        for index in range(len(xs)):
            if abs(xs[index] - point.x) < clear and abs(ys[index] - point.y) < clear:
                right, down = _push(xs[index] - point.x, ys[index] - point.y, clear, index)
                xs[index], ys[index] = xs[index] + right, ys[index] + down
                moved = moved or bool(right or down)
    return moved


def _push(right: float, down: float, apart: float, number: int) -> tuple[float, float]:
    """By how much to move what is (right, down) away, so that it is `apart` away; a little more, to come to rest."""
    away = math.hypot(right, down)
    if away >= apart - 0.05:
        return 0.0, 0.0
    if away < 1e-6:
        # In one place: each goes its own way, by the golden angle.
        right, down, away = math.cos(2.4 * number), math.sin(2.4 * number), 1.0
        return right * apart, down * apart
    return right / away * (apart - away), down / away * (apart - away)
