"""Two maps compared: each test plants one fate and must find it by its name, and a map without it must pass.

By the catalogue, in ms: Ireland's users have eu-west-1 at 4, us-east-1 at 70, ap-southeast-2 at 250 or so; Sydney's and
Virginia's likewise have their own; Mumbai's have eu-west-1 nearer than the other two.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from sweep_builders import TIMEOUT

from harness.errors import UsageError
from harness.findings import Verdict
from harness.sweep.comparing import MARGIN_MS, Comparison, Misplaced, compare
from harness.vantages import catalogue

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"


def irish(count: int) -> list[str]:
    """/24s in the EC2 prefix of Ireland, 3.248.0.0/13."""
    return [f"3.{248 + number // 256}.{number % 256}.0/24" for number in range(count)]


def virginian(count: int) -> list[str]:
    """In that of us-east-1, 44.192.0.0/11."""
    return [f"44.192.{number}.0/24" for number in range(count)]


def unknown(count: int, *, block: str = "9.9") -> list[str]:
    return [f"{block}.{number}.0/24" for number in range(count)]


def fates(comparison: Comparison) -> dict[tuple[str, str | None], int]:
    """(change, basis) -> subnets."""
    found: dict[tuple[str, str | None], int] = {}
    for flow in comparison.flows:
        found[flow.change, flow.basis] = found.get((flow.change, flow.basis), 0) + flow.subnets
    return found


@pytest.fixture
def diff(make_map):
    def run(before: dict, after: dict, **options) -> Comparison:
        return compare(make_map("before", before), make_map("after", after), catalogue(), **options)

    return run


STEADY = {**dict.fromkeys(irish(20), EU), **dict.fromkeys(virginian(20), US)}
IRELAND_OUT = {**dict.fromkeys(irish(20), US), **dict.fromkeys(virginian(20), US)}


def test_nobody_moved_and_nobody_should_have(diff):
    found = diff(STEADY, STEADY)

    assert fates(found) == {("stayed", "catalogue"): 40}
    assert (found.out, found.returned, found.misplaced, found.compared) == ((), (), (), 40)
    assert (found.verdict, found.explanation) == (Verdict.PASS, "nobody moved, and nobody should have")


def test_an_outage_moves_its_users_to_their_second_best(diff):
    found = diff(STEADY, IRELAND_OUT)

    assert found.out == (EU,)
    assert fates(found) == {("moved to second best", "catalogue"): 20, ("stayed", "catalogue"): 20}
    assert found.verdict is Verdict.PASS


def test_the_end_of_an_outage_brings_them_home(diff):
    found = diff(IRELAND_OUT, STEADY)

    assert (found.out, found.returned) == ((), (EU,))
    assert fates(found) == {("moved home", "catalogue"): 20, ("stayed", "catalogue"): 20}
    assert found.verdict is Verdict.PASS


def test_one_that_went_elsewhere_is_named(diff):
    """Ireland's users are 70 ms from Virginia and 250 ms from Sydney."""
    found = diff(STEADY, {**IRELAND_OUT, "3.248.5.0/24": AP})

    assert found.misplaced == (
        Misplaced(
            subnet="3.248.5.0/24",
            vantage="aws:eu-west-1",
            before=EU,
            after=AP,
            expected=US,
            change="moved elsewhere",
            basis="catalogue",
        ),
    )
    assert found.verdict is Verdict.FAIL


def test_one_that_stayed_in_a_region_out_of_service_is_named(diff):
    """One of 20 is left: below a tenth, so the region counts as out, and that one should have moved."""
    found = diff(STEADY, {**IRELAND_OUT, "3.248.5.0/24": EU})

    assert [(one.subnet, one.change, one.basis, one.expected) for one in found.misplaced] == [
        ("3.248.5.0/24", "should have moved", "region out", US)
    ]
    assert found.verdict is Verdict.FAIL


def test_a_region_of_which_more_than_a_tenth_is_left_counts_as_out_only_when_it_is_said_so(diff):
    """5 of 20 stayed: DNS may still be changing. The 15 moved without need, or the 5 should have moved."""
    after = {**IRELAND_OUT, **dict.fromkeys(irish(5), EU)}

    guessed, told = diff(STEADY, after), diff(STEADY, after, out=[EU])

    assert (guessed.out, fates(guessed)[("moved without need", "catalogue")]) == ((), 15)
    assert (told.out, told.out_given, fates(told)[("should have moved", "region out")]) == ((EU,), (EU,), 5)
    assert fates(told)[("moved to second best", "catalogue")] == 15


def test_one_that_did_not_come_home_is_named(diff):
    found = diff(IRELAND_OUT, {**STEADY, "3.248.5.0/24": US})

    assert [(one.subnet, one.change, one.basis, one.expected) for one in found.misplaced] == [
        ("3.248.5.0/24", "should have moved", "catalogue", EU)
    ]


def test_one_that_moved_while_its_region_serves_is_named(diff):
    """The planted routing fault: one subnet, served by the wrong region."""
    found = diff(STEADY, {**STEADY, "3.248.5.0/24": AP})

    assert [(one.subnet, one.change, one.after, one.expected) for one in found.misplaced] == [
        ("3.248.5.0/24", "moved without need", AP, EU)
    ]
    assert found.verdict is Verdict.FAIL


def test_one_of_unknown_place_that_moved_without_need_is_no_proof(diff):
    """Route 53 may have measured anew: the verdict is UNKNOWN, not FAIL."""
    before = {**STEADY, **dict.fromkeys(unknown(50), EU)}
    found = diff(before, {**before, "9.9.5.0/24": US})

    assert [(one.subnet, one.basis) for one in found.misplaced] == [("9.9.5.0/24", "region in service")]
    assert (found.verdict, found.explanation) == (
        Verdict.UNKNOWN,
        "1 subnets moved though their region is in service",
    )


def test_regions_equally_near_are_both_right(diff):
    """London is 13 ms from Ireland's users and Paris 19: within the margin, so nobody is blamed for either."""
    order = {vantage.name: vantage.rtt_ms for vantage in catalogue()}["aws:eu-west-1"]
    assert 0 < order["eu-west-3"] - order["eu-west-2"] < MARGIN_MS, "the catalogue changed: choose other regions"
    before = {**dict.fromkeys(irish(20), EU), **dict.fromkeys(unknown(9, block="9.8"), "eu-west-2")}
    after = {**dict.fromkeys(irish(20), "eu-west-2"), **dict.fromkeys(irish(5), "eu-west-3")}

    found = diff(before, {**after, **dict.fromkeys(unknown(9, block="9.8"), "eu-west-2")})

    assert fates(found)[("moved to second best", "catalogue")] == 20


def test_without_a_known_place_neighbours_are_evidence_and_no_proof(diff):
    """Of 60 in a /16, 59 went to Virginia and one to Sydney; the catalogue judges Ireland's own."""
    before = {**STEADY, **dict.fromkeys(unknown(60), EU)}
    after = {**IRELAND_OUT, **dict.fromkeys(unknown(60), US), "9.9.7.0/24": AP}

    found = diff(before, after)

    assert fates(found)[("moved to second best", "neighbours")] == 59
    assert [(one.subnet, one.basis, one.expected) for one in found.misplaced] == [("9.9.7.0/24", "neighbours", US)]
    assert found.verdict is Verdict.PASS


def test_few_or_divided_neighbours_say_nothing(diff):
    """Under 20 others, or fewer than 95 % of them agreeing: moved, and not judged."""
    before = dict.fromkeys([*irish(20), *unknown(40)], EU)
    after = {**dict.fromkeys(irish(20), US), **dict.fromkeys(unknown(40), US), **dict.fromkeys(unknown(30), AP)}

    found = diff({**before, **dict.fromkeys(virginian(9), US)}, {**after, **dict.fromkeys(virginian(9), US)})

    assert fates(found)[("moved, not judged", None)] == 40


def test_a_subnet_is_no_neighbour_of_its_own(diff):
    """Of 41 in a /16, 38 went to Virginia and 3 to Sydney. Each of the 3 has 38 of 40 others against it, 95 %; each of
    the 38 has 37 of 40 with it, too few, so nothing is said of them."""
    before = dict.fromkeys([*irish(5), *unknown(41)], EU)
    after = {**dict.fromkeys([*irish(5), *unknown(41)], US), **dict.fromkeys(unknown(3), AP)}

    others = {**dict.fromkeys(virginian(9), US), **dict.fromkeys(unknown(9, block="9.7"), AP)}
    found = diff({**before, **others}, {**after, **others})

    assert fates(found)[("moved elsewhere", "neighbours")] == 3
    assert fates(found)[("moved, not judged", None)] == 38


def test_when_the_catalogue_knows_none_that_moved_the_verdict_is_unknown(diff):
    before = {**dict.fromkeys(unknown(30), EU), **dict.fromkeys(virginian(9), US)}
    found = diff(before, {**before, **dict.fromkeys(unknown(30), US)})

    assert (found.verdict, found.explanation) == (
        Verdict.UNKNOWN,
        "of 30 subnets that moved, the catalogue knows the place of 0",
    )


def test_missing_answers_are_neither_moved_nor_forgotten(diff):
    before = {**STEADY, "9.9.1.0/24": TIMEOUT, "9.9.2.0/24": TIMEOUT, "9.9.3.0/24": EU}
    after = {**STEADY, "9.9.1.0/24": TIMEOUT, "9.9.2.0/24": EU, "9.9.3.0/24": TIMEOUT}

    found = diff(before, after)

    assert {change: count for (change, _), count in fates(found).items() if change != "stayed"} == {
        "never answered": 1,
        "found": 1,
        "lost": 1,
    }
    assert (found.compared, found.verdict) == (40, Verdict.UNKNOWN)


def test_subnets_in_one_map_alone_are_counted(diff):
    found = diff({**STEADY, "9.9.1.0/24": EU}, {**STEADY, "9.9.2.0/24": EU, "9.9.3.0/24": EU})

    assert (found.only_before, found.only_after, found.compared) == (1, 2, 40)


def test_maps_of_different_services_or_subnets_are_refused(make_map):
    first = make_map("first", {"9.9.9.0/24": EU})

    with pytest.raises(UsageError, match="compare two maps of one name"):
        compare(first, make_map("other", {"9.9.9.0/24": EU}, domain_name="www.example.com"), catalogue())
    with pytest.raises(UsageError, match="no subnet in common"):
        compare(first, make_map("elsewhere", {"9.9.1.0/24": EU}), catalogue())


def test_a_region_out_of_service_must_be_one_of_the_maps(diff):
    with pytest.raises(UsageError, match="region 'mars-1' is in neither map"):
        diff(STEADY, STEADY, out=["mars-1"])


def test_every_change_can_be_kept_as_a_file(diff, tmp_path: Path):
    diff(STEADY, {**IRELAND_OUT, "3.248.5.0/24": AP}, save=tmp_path / "changes.parquet")

    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT change, count(*) FROM read_parquet('{tmp_path}/changes.parquet') GROUP BY ALL"
        ).fetchall()
    assert dict(found) == {"moved to second best": 19, "moved elsewhere": 1, "stayed": 20}


def test_ipv6_subnets_are_judged_by_their_neighbours_too(diff):
    """40 of a /32: 39 went to Virginia."""
    v6 = [f"2001:db8:{number:x}::/48" for number in range(40)]
    before = {**STEADY, **dict.fromkeys(v6, EU)}

    found = diff(before, {**IRELAND_OUT, **dict.fromkeys(v6, US), v6[3]: AP})

    assert [one.subnet for one in found.misplaced] == [v6[3]]
