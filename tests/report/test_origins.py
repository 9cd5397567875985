from __future__ import annotations

import msgspec
from builders import AP, DUBLIN, EU, FRANKFURT, SYDNEY, US, VANTAGES, a_header, a_history, reply

from harness.events import HttpReply
from harness.history import History
from harness.report.origins import OriginCell, Origins, build_origins, legend
from harness.resolving import Resolver


def origins(history: History) -> Origins:
    found = build_origins(history)
    assert found
    return found


def cells(history: History, vantage: str) -> dict[str, OriginCell]:
    rows = {row.vantage: row for group in origins(history).groups for row in group.rows}
    return dict(zip((US, EU, AP), rows[vantage].cells, strict=True))


def replies(vantage: str, region: str, amount: int, *, took_s: float = 0.08, address: str = "") -> list[HttpReply]:
    made = [reply(vantage, region, 10 * number, took_s=took_s) for number in range(amount)]
    return [msgspec.structs.replace(one, address=address or None) for one in made]


def test_a_cell_tells_the_quantiles_and_how_many_requests() -> None:
    cell = cells(a_history(replies(DUBLIN, EU, 20)), DUBLIN)[EU]

    assert (cell.p50, cell.p95, cell.samples, cell.looks) == ("80", "80", "20", "late1")


def test_few_requests_tell_no_p95() -> None:
    cell = cells(a_history(replies(DUBLIN, EU, 19)), DUBLIN)[EU]

    assert (cell.p50, cell.p95) == ("80", "–")


def test_the_catalogues_round_trip_stands_beside_also_where_nobody_was_served() -> None:
    row = cells(a_history(replies(DUBLIN, EU, 1)), DUBLIN)

    assert {region: cell.known for region, cell in row.items()} == {US: "70", EU: "3", AP: "256"}
    assert row[US].p50 == ""


def test_places_stand_by_nearest_region_and_the_nearest_first() -> None:
    history = a_history(replies(FRANKFURT, EU, 1), replies(SYDNEY, AP, 1), replies(DUBLIN, EU, 1))

    groups = {group.title: [row.vantage for row in group.rows] for group in origins(history).groups}

    assert groups == {
        "nearest to eu-west-1: 2 places": [DUBLIN, FRANKFURT],
        "nearest to ap-southeast-2: 1 place": [SYDNEY],
    }


def test_a_group_tells_from_the_fastest_to_the_slowest_place() -> None:
    history = a_history(replies(DUBLIN, EU, 1), replies(FRANKFURT, EU, 1, took_s=0.2), replies(FRANKFURT, US, 1))

    assert origins(history).groups[0].spans == ("1 place, p50 80", "2 places, p50 80 to 200", "")


def test_loopback_times_are_called_that_with_the_clocks_rate() -> None:
    near = replies(DUBLIN, EU, 1, address="127.2.0.1")

    at_rate_20 = origins(a_history(near, header=a_header(rate=20))).remark
    assert "these are this machine's times, 20 times as long by the stack's clock" in at_rate_20
    assert "this machine's times, and no distance" in origins(a_history(near)).remark


def test_times_from_the_network_are_not_called_loopback() -> None:
    far = [*replies(DUBLIN, EU, 1, address="127.2.0.1"), *replies(DUBLIN, EU, 1, address="192.0.2.1")]

    assert "loopback" not in origins(a_history(far)).remark


def test_a_vantage_that_the_header_does_not_name_has_a_row() -> None:
    history = a_history(replies("nowhere", US, 1))

    assert [group.title for group in origins(history).groups] == ["nearest region not known: 1 place"]


def test_how_a_place_asks_is_told_where_it_is_not_the_plain_way() -> None:
    own = msgspec.structs.replace(VANTAGES[0], resolver=Resolver(ttl_min_s=300), city="Dublin")
    plain, clamped = a_history(replies(DUBLIN, EU, 1)), a_header(vantages=(own,))

    (row,) = origins(a_history(replies(DUBLIN, EU, 1), header=clamped)).groups[0].rows

    assert (row.place, row.asks_by) == ("Dublin", "keeps answers for at least 300 s")
    assert not origins(plain).any_own_way


def test_many_places_are_folded() -> None:
    few = [one for number in range(20) for one in replies(f"v{number}", US, 1)]

    assert not origins(a_history(few)).folded
    assert origins(a_history(few, replies("one-more", US, 1))).folded


def test_nobody_was_served_so_there_is_no_table() -> None:
    assert build_origins(a_history(reply(DUBLIN, EU, 1, ok=False))) is None


def test_every_colour_has_its_meaning() -> None:
    assert [told for _, told in legend()] == ["up to 50 ms", "to 100 ms", "to 200 ms", "to 500 ms", "above 500 ms"]
