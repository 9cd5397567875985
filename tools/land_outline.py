"""The world's land as a few thousand points, from Natural Earth's 1:110m land (public domain).

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz package/land-110m.json
    python tools/land_outline.py package/land-110m.json harness/data/land_outline.json

The package carries Natural Earth 4.1.0 as TopoJSON. Kept are tenths of a degree, without Antarctica and specks, and
without the points that move a coast by less than TOLERANCE_DEG. What lies west of the Bering Strait is moved by 360
degrees, so that a map cut there shows Asia in one piece.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

TOLERANCE_DEG = 0.25
SPECK_DEG2 = 0.6
"""Rings of less area are not worth their bytes."""
ANTARCTICA_DEG = -60.0
BERING_STRAIT_DEG = -169.0

Point = tuple[float, float]
"""Longitude and latitude."""


class _Transform(msgspec.Struct):
    scale: tuple[float, float]
    translate: tuple[float, float]


class _Geometry(msgspec.Struct):
    arcs: list[list[list[int]]]


class _Collection(msgspec.Struct):
    geometries: list[_Geometry]


class _Objects(msgspec.Struct):
    land: _Collection


class _Topology(msgspec.Struct):
    transform: _Transform
    objects: _Objects
    arcs: list[list[tuple[int, int]]]


class Outline(msgspec.Struct):
    """Each ring: longitude and latitude in turn, in tenths of a degree; the last point joins the first."""

    source: str
    rings: list[list[int]]


def main() -> None:
    source, outline = Path(sys.argv[1]), Path(sys.argv[2])
    topology = msgspec.json.decode(source.read_bytes(), type=_Topology)
    rings = [_encoded(simplified(ring)) for ring in _rings(topology) if _kept(ring)]
    told = "Natural Earth 4.1.0, 1:110m land, public domain, by way of world-atlas 2.0.2; see tools/land_outline.py"
    outline.write_bytes(msgspec.json.encode(Outline(source=told, rings=rings)) + b"\n")
    print(f"{len(rings)} rings, {sum(map(len, rings)) // 2} points, {outline.stat().st_size:,} bytes")


def _rings(topology: _Topology) -> list[list[Point]]:
    arcs = [_degrees(arc, topology.transform) for arc in topology.arcs]
    polygons = [polygon for geometry in topology.objects.land.geometries for polygon in geometry.arcs]
    # All rings alike: whoever fills them by the even-odd rule leaves out the one hole, the Caspian Sea.
    return [_shifted(_joined(ring, arcs)) for polygon in polygons for ring in polygon]


def _degrees(arc: Sequence[tuple[int, int]], transform: _Transform) -> list[Point]:
    """Quantized and delta-coded, as the TopoJSON specification says."""
    x = y = 0
    points = []
    for right, up in arc:
        x, y = x + right, y + up
        points.append(
            (
                x * transform.scale[0] + transform.translate[0],
                y * transform.scale[1] + transform.translate[1],
            )
        )
    return points


def _joined(ring: Sequence[int], arcs: Sequence[list[Point]]) -> list[Point]:
    """Arcs end to end; a negative index is an arc backwards (its one's complement)."""
    points: list[Point] = []
    for index in ring:
        arc = arcs[index] if index >= 0 else arcs[~index][::-1]
        points += arc[1:] if points else arc
    return points


def _shifted(ring: list[Point]) -> list[Point]:
    """Over the date line without a jump, then to the side of the cut on which most of it lies."""
    whole = ring[:1]
    for longitude, latitude in ring[1:]:
        turns = round((whole[-1][0] - longitude) / 360)
        whole.append((longitude + 360 * turns, latitude))
    middle = (min(whole)[0] + max(whole)[0]) / 2
    turns = math.floor((middle - BERING_STRAIT_DEG) / 360)
    return [(longitude - 360 * turns, latitude) for longitude, latitude in whole]


def _kept(ring: Sequence[Point]) -> bool:
    return min(latitude for _, latitude in ring) > ANTARCTICA_DEG and abs(_area_deg2(ring)) >= SPECK_DEG2


def _area_deg2(ring: Sequence[Point]) -> float:
    pairs = zip(ring, [*ring[1:], ring[0]], strict=True)
    return sum(x * after_y - after_x * y for (x, y), (after_x, after_y) in pairs) / 2


def simplified(points: Sequence[Point], tolerance: float = TOLERANCE_DEG) -> list[Point]:
    """Ramer, Douglas and Peucker: the fewest points of the line from which no other is farther than `tolerance`."""
    if len(points) < 3:
        return list(points)
    apart = [_distance(point, points[0], points[-1]) for point in points[1:-1]]
    farthest = max(range(len(apart)), key=apart.__getitem__)
    if apart[farthest] <= tolerance:
        return [points[0], points[-1]]
    split = farthest + 1
    return [*simplified(points[: split + 1], tolerance)[:-1], *simplified(points[split:], tolerance)]


def _distance(point: Point, start: Point, end: Point) -> float:
    """From a point to the stretch between two others; a ring starts where it ends."""
    (x, y), (x1, y1), (x2, y2) = point, start, end
    length2 = (x2 - x1) ** 2 + (y2 - y1) ** 2
    along = min(max(((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length2, 0.0), 1.0) if length2 else 0.0
    return math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1))


def _encoded(ring: Sequence[Point]) -> list[int]:
    return [round(10 * degrees) for point in ring[:-1] for degrees in point]


if __name__ == "__main__":
    main()
