from __future__ import annotations

import itertools
import math
import re
from importlib import resources

import msgspec
import pytest

from harness.report.world import HEIGHT, WIDTH, Point, land_path, line_path, project, spread

SYDNEY, TOKYO, OREGON = project(-33.9, 151.2), project(35.7, 139.7), project(45.8, -119.7)


def test_the_map_is_cut_at_the_bering_strait() -> None:
    """One degree east of the cut is 4 units from the left edge, one degree west of it 4 units from the right."""
    assert project(0.0, -168.0).x == 4.0
    assert project(0.0, -170.0).x == WIDTH - 4.0


@pytest.mark.parametrize("latitude", [-90.0, -57.0, 0.0, 76.0, 90.0])
def test_every_place_is_on_the_map(latitude: float) -> None:
    assert 0 <= project(latitude, 0.0).y <= HEIGHT


def test_north_is_up_and_the_equator_stands_where_miller_puts_it() -> None:
    """Miller's northern half reaches 1.25 × ln tan(π/4 + 0.4 × 76°) = 1.68 radians, of which the map's width has 2π."""
    assert project(0.0, 0.0).y == pytest.approx(1.6816 * WIDTH / (2 * math.pi), abs=0.1)
    assert project(50.0, 0.0).y < project(0.0, 0.0).y < project(-50.0, 0.0).y


def test_the_land_is_compact_and_has_no_line_across_the_map() -> None:
    """A ring that jumps over the cut would draw a step of more than half the map."""
    steps = [int(number) for number in re.findall(r"-?\d+", re.sub(r"M\d+[ -]\d+", "", land_path()))]

    assert len(land_path()) < 15_000
    assert (resources.files("harness") / "data" / "land_outline.json").read_bytes().__sizeof__() < 40_000
    assert max(map(abs, steps)) < 100


@pytest.mark.parametrize(
    ("place", "is_land"),
    [((48.0, 10.0), True), ((0.0, 20.0), True), ((-25.0, 135.0), True), ((66.0, -175.0), True), ((0.0, -30.0), False)],
)
def test_the_land_is_where_land_is(place: tuple[float, float], is_land: bool) -> None:
    """By the even-odd rule, in Bavaria, the Congo, Australia and Chukotka, and not amid the Atlantic."""
    rings = msgspec.json.decode((resources.files("harness") / "data" / "land_outline.json").read_bytes())["rings"]
    latitude, longitude = place[0] * 10, ((place[1] + 169) % 360 - 169) * 10

    def crosses(x: int, y: int, next_x: int, next_y: int) -> bool:
        return (y > latitude) != (next_y > latitude) and longitude < x + (latitude - y) * (next_x - x) / (next_y - y)

    points = ([*zip(ring[::2], ring[1::2], strict=True), (ring[0], ring[1])] for ring in rings)
    crossed = sum(crosses(*one, *other) for ring in points for one, other in itertools.pairwise(ring))

    assert (crossed % 2 == 1) is is_land


def test_a_line_takes_the_shorter_way_around_the_world() -> None:
    """Oregon and Tokyo are 101 degrees apart over the Pacific: two strokes, one from each edge."""
    assert line_path(OREGON, TOKYO).count("M") == 2
    assert line_path(SYDNEY, TOKYO).count("M") == 1


def test_places_that_would_overlap_are_moved_apart() -> None:
    """Twenty vantages in one city, and a region there too."""
    city = Point(700.0, 150.0)

    placed = spread([city] * 20, apart=11.0, fixed=[city], clear=17.0)

    apart = min(math.dist((a.x, a.y), (b.x, b.y)) for a, b in itertools.combinations(placed, 2))
    assert apart > 10.0
    assert min(math.dist((a.x, a.y), (city.x, city.y)) for a in placed) > 16.0
    assert max(math.dist((a.x, a.y), (city.x, city.y)) for a in placed) < 60.0


def test_places_with_room_stay_where_they_are() -> None:
    assert spread([SYDNEY, TOKYO, OREGON], apart=11.0) == [SYDNEY, TOKYO, OREGON]
