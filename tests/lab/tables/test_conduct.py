"""Each planted defect does what its name says, and without one the regions converge; through the in-process port."""

from __future__ import annotations

import random

import pytest

from harness.lab.replication.defects import (
    DEFECTS,
    AttributeMerge,
    ClockSkewedWinner,
    DropReplications,
    DuplicateAndReorder,
    FirstWriterWins,
    ForgetAcknowledged,
    ReadsGoBack,
    ReplicaStopped,
    ResurrectDeleted,
    TieBrokenDifferently,
)
from harness.lab.replication.levers import Levers
from harness.models.wan import ReplicationDelay

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"
REGIONS = (US, EU, AP)
ROOT = "arn:aws:iam::123456789012:root"


class Application:
    """Writes and reads items of attributes a and b, as the workload does."""

    def __init__(self, tables, clock, table: str) -> None:
        self.tables = tables
        self.clock = clock
        self.table = table

    def put(self, region: str, key: str, value: str) -> None:
        self.call(region, "PutItem", Item={"pk": {"S": key}, "a": {"S": value}, "b": {"S": value}})

    def update(self, region: str, key: str, attribute: str, value: str) -> None:
        self.call(
            region,
            "UpdateItem",
            Key={"pk": {"S": key}},
            UpdateExpression=f"SET {attribute} = :v",
            ExpressionAttributeValues={":v": {"S": value}},
        )

    def delete(self, region: str, key: str) -> None:
        self.call(region, "DeleteItem", Key={"pk": {"S": key}})

    def get(self, region: str, key: str, projection: str | None = None) -> tuple[str, ...] | None:
        """(a, b); None when there is no such item."""
        more = {"ProjectionExpression": projection} if projection else {}
        item = self.call(region, "GetItem", Key={"pk": {"S": key}}, ConsistentRead=True, **more).get("Item")
        return tuple(item[name]["S"] for name in ("a", "b") if name in item) if item else None

    def everywhere(self, key: str) -> list[tuple[str, ...] | None]:
        return [self.get(region, key) for region in REGIONS]

    def pass_s(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance_s(0.1)
            self.tables.deliver_due()

    def call(self, region: str, action: str, **request: object) -> dict:
        status, body = self.tables.call(region, action, {"TableName": self.table, **request}, ROOT)
        assert status == 200, body
        return body


@pytest.fixture
def app(tables, clock, orders) -> Application:
    """Every write takes exactly 1 s to every region."""
    tables.levers = Levers(delay=ReplicationDelay.constant(1))
    return Application(tables, clock, orders)


def write_at_random(app: Application, seed: int, writes: int) -> None:
    """Puts, updates and deletes on three keys in all regions, 0 to 0.4 s apart."""
    source = random.Random(seed)
    for number in range(writes):
        region, key, value = source.choice(REGIONS), source.choice("xyz"), str(number)
        kind = source.random()
        if kind < 0.6:
            app.put(region, key, value)
        elif kind < 0.85:
            app.update(region, key, source.choice("ab"), value)
        else:
            app.delete(region, key)
        app.pass_s(source.choice((0, 0.1, 0.2, 0.4)))


@pytest.mark.parametrize("seed", range(5))
def test_without_a_defect_the_regions_converge(app, tables, seed, arrive):
    tables.levers = Levers()
    write_at_random(app, seed, 60)
    arrive()

    assert [app.get(EU, key) for key in "xyz"] == [app.get(US, key) for key in "xyz"]
    assert [app.get(AP, key) for key in "xyz"] == [app.get(US, key) for key in "xyz"]


def test_a_defect_that_was_taken_off_does_nothing_more(app, tables):
    tables.defects = (DropReplications(share=1),)
    tables.defects = ()
    app.put(US, "x", "1")
    app.pass_s(2)

    assert app.everywhere("x") == [("1", "1")] * 3


def test_all_defects_have_defaults_and_are_called_as_the_issue_calls_them():
    assert sorted(DEFECTS) == [
        "attribute-merge",
        "clock-skewed-winner",
        "drop-replications",
        "duplicate-and-reorder",
        "first-writer-wins",
        "forget-acknowledged",
        "reads-go-back",
        "replica-stopped",
        "resurrect-deleted",
        "tie-broken-differently",
    ]
    assert {kind().name for kind in DEFECTS.values()} == set(DEFECTS)


@pytest.mark.parametrize(("defects", "winner"), [((), "later"), ((FirstWriterWins(),), "earlier")])
def test_first_writer_wins_makes_the_earlier_of_two_concurrent_writes_win(app, tables, defects, winner):
    tables.defects = defects
    app.put(EU, "x", "earlier")
    app.pass_s(0.5)
    app.put(US, "x", "later")
    app.pass_s(3)

    assert app.everywhere("x") == [(winner, winner)] * 3


def test_first_writer_wins_leaves_writes_alone_that_knew_each_other(app, tables):
    tables.defects = (FirstWriterWins(),)
    for number, region in enumerate((EU, US, AP, EU)):
        app.put(region, "x", str(number))
        app.pass_s(2)

    assert app.everywhere("x") == [("3", "3")] * 3


@pytest.mark.parametrize(
    ("defects", "winner"),
    [
        ((), "later"),
        ((ClockSkewedWinner(),), "earlier"),
        ((ClockSkewedWinner(region=EU),), "later"),
        ((ClockSkewedWinner(ahead_s=0.1),), "later"),
    ],
)
def test_the_clock_skewed_winner_beats_later_writes_of_others(app, tables, defects, winner):
    """Virginia, the last by name, writes half a second before Sydney."""
    tables.defects = defects
    app.put(US, "x", "earlier")
    app.pass_s(0.5)
    app.put(AP, "x", "later")
    app.pass_s(3)

    assert app.everywhere("x") == [(winner, winner)] * 3


def test_dropped_replications_never_arrive_and_their_share_is_as_told(app, tables):
    """400 writes to 2 regions at 10 %: 80 expected, standard deviation 8.5."""
    tables.defects = (DropReplications(share=0.1),)
    for number in range(400):
        app.put(EU, str(number), "v")
    app.pass_s(2)

    missing = sum(app.get(region, str(number)) is None for region in (US, AP) for number in range(400))
    assert 50 <= missing <= 110
    assert tables.pending_replications == 0


def test_the_same_seed_drops_the_same_writes(app, tables):
    def missing(prefix: str) -> list[int]:
        tables.defects = (DropReplications(share=0.3),)
        for number in range(30):
            app.put(EU, f"{prefix}{number}", "v")
        app.pass_s(2)
        return [number for number in range(30) if app.get(US, f"{prefix}{number}") is None]

    assert missing("first") == missing("second") != []


def went_back(app: Application, region: str, writes: int) -> bool:
    """Whether a reader in `region` sees an older value of Ireland's after a newer one."""
    seen = -1
    for number in range(writes):
        app.put(EU, "x", str(number))
        for _ in range(4):
            app.pass_s(0.1)
            shown = app.get(region, "x")
            if shown is not None and int(shown[0]) < seen:
                return True
            seen = max(seen, int(shown[0]) if shown else -1)
    return False


@pytest.mark.parametrize(("defects", "goes_back"), [((), False), ((DuplicateAndReorder(),), True)])
def test_duplicates_and_reordering_show_older_writes_of_one_item_after_newer_ones(app, tables, defects, goes_back):
    tables.levers = Levers()
    tables.defects = defects

    assert went_back(app, US, 40) is goes_back


def test_duplicated_writes_arrive_twice(app, tables):
    tables.defects = (DuplicateAndReorder(),)
    app.put(EU, "x", "1")

    assert tables.pending_replications == 4


@pytest.mark.parametrize(
    ("defects", "shown"), [((), ("old", "us")), ((AttributeMerge(),), ("eu", "us"))], ids=["clean", "merge"]
)
def test_attribute_merge_shows_an_item_that_nobody_wrote(app, tables, defects, shown):
    """Ireland changes a, half a second later Virginia, not knowing it, changes b: whole, the later item wins."""
    tables.defects = defects
    app.put(EU, "x", "old")
    app.pass_s(2)
    app.update(EU, "x", "a", "eu")
    app.pass_s(0.5)
    app.update(US, "x", "b", "us")
    app.pass_s(3)

    assert app.everywhere("x") == [shown] * 3


def test_attribute_merge_takes_of_each_attribute_the_last_write(app, tables):
    tables.defects = (AttributeMerge(),)
    app.put(EU, "x", "old")
    app.pass_s(2)
    app.put(EU, "x", "eu")
    app.pass_s(0.5)
    app.update(US, "x", "b", "us")
    app.pass_s(3)

    assert app.everywhere("x") == [("eu", "us")] * 3


@pytest.mark.parametrize(
    ("defects", "shown"), [((), None), ((ResurrectDeleted(),), ("late", "late"))], ids=["clean", "resurrected"]
)
def test_without_tombstones_an_older_put_that_arrives_after_the_delete_brings_the_item_back(
    app, tables, defects, shown
):
    tables.defects = defects
    app.put(EU, "x", "first")
    app.pass_s(2)
    app.put(US, "x", "late")
    app.pass_s(0.5)
    app.delete(EU, "x")
    app.pass_s(0.7)  # Virginia's put is in Ireland, 1 s after it was made; the delete is not yet elsewhere

    assert app.get(EU, "x") == shown


def test_resurrected_items_come_back_also_when_nobody_else_wrote(app, tables):
    tables.defects = (ResurrectDeleted(share=1),)
    app.put(EU, "x", "1")
    app.pass_s(2)
    app.delete(EU, "x")
    assert app.get(EU, "x") is None

    app.pass_s(3)
    assert app.get(EU, "x") == ("1", "1")


def test_a_stopped_replica_throws_away_what_arrives_and_still_sends(app, tables):
    tables.defects = (ReplicaStopped(region=AP),)
    app.put(EU, "x", "eu")
    app.put(AP, "y", "ap")
    app.pass_s(3)
    tables.defects = ()
    app.pass_s(3)

    assert app.everywhere("x") == [("eu", "eu"), ("eu", "eu"), None]
    assert app.everywhere("y") == [("ap", "ap")] * 3


def test_a_forgotten_write_is_seen_at_first_and_then_never_was(app, tables):
    app.put(EU, "x", "kept")
    app.pass_s(2)
    tables.defects = (ForgetAcknowledged(share=1, after_s=5),)
    app.put(EU, "x", "forgotten")
    app.pass_s(4.8)
    assert app.everywhere("x") == [("kept", "kept"), ("forgotten", "forgotten"), ("kept", "kept")]

    app.pass_s(0.4)
    assert app.everywhere("x") == [("kept", "kept")] * 3


def test_a_forgotten_first_write_leaves_no_item(app, tables):
    tables.defects = (ForgetAcknowledged(share=1),)
    app.put(EU, "x", "forgotten")
    app.pass_s(6)

    assert app.everywhere("x") == [None] * 3


def test_a_forgotten_write_that_was_overwritten_takes_nothing_else_with_it(app, tables):
    tables.defects = (ForgetAcknowledged(share=1, after_s=5),)
    app.put(EU, "x", "forgotten")
    tables.defects = ()
    app.put(EU, "x", "kept")
    app.pass_s(7)

    assert app.everywhere("x") == [("kept", "kept")] * 3


def test_reads_go_back_to_the_item_before(app, tables):
    tables.defects = (ReadsGoBack(share=0.5),)
    app.put(EU, "x", "old")
    app.put(EU, "x", "new")
    read = [app.get(EU, "x") for _ in range(200)]

    assert set(read) == {("old", "old"), ("new", "new")}
    assert 70 <= read.count(("old", "old")) <= 130


def test_reads_go_back_by_what_replication_changed_too(app, tables):
    app.put(EU, "x", "old")
    app.pass_s(2)
    tables.defects = (ReadsGoBack(share=1),)
    app.put(EU, "x", "new")
    app.pass_s(2)

    assert app.everywhere("x") == [("old", "old")] * 3
    assert app.get(US, "x", projection="b") == ("old",)


def test_what_a_write_replaced_is_not_misread(app, tables):
    """Only what a client asks to read goes back."""
    tables.defects = (ReadsGoBack(share=1),)
    app.put(EU, "x", "old")
    app.put(EU, "x", "new")
    replaced = app.call(EU, "PutItem", Item={"pk": {"S": "x"}}, ReturnValues="ALL_OLD")["Attributes"]

    assert replaced["a"] == {"S": "new"}


def test_an_update_starts_from_the_item_that_is_there(app, tables):
    tables.defects = (ReadsGoBack(share=1),)
    app.put(EU, "x", "old")
    app.put(EU, "x", "new")
    app.update(EU, "x", "a", "newest")
    tables.defects = ()

    assert app.get(EU, "x") == ("newest", "new")


@pytest.mark.parametrize(("defects", "differ"), [((), False), ((TieBrokenDifferently(),), True)])
def test_in_a_coarse_tie_each_region_keeps_its_own(app, tables, defects, differ):
    """Both in the second that begins at 0 s."""
    tables.defects = defects
    app.put(EU, "x", "eu")
    app.pass_s(0.4)
    app.put(US, "x", "us")
    app.pass_s(4)

    assert (app.get(EU, "x") != app.get(US, "x")) is differ
    assert app.get(US, "x") == ("us", "us")


def test_without_a_tie_coarse_stamps_do_no_harm(app, tables):
    tables.defects = (TieBrokenDifferently(),)
    app.put(EU, "x", "eu")
    app.pass_s(3)
    app.put(US, "x", "us")
    app.pass_s(3)

    assert app.everywhere("x") == [("us", "us")] * 3


@pytest.mark.parametrize(
    ("kind", "numbers", "complaint"),
    [
        (DropReplications, {"share": 0}, "share"),
        (ReadsGoBack, {"share": 1.1}, "share"),
        (ForgetAcknowledged, {"after_s": 0}, "after_s"),
        (ClockSkewedWinner, {"ahead_s": float("inf")}, "ahead_s"),
        (TieBrokenDifferently, {"resolution_s": -1}, "resolution_s"),
        (DuplicateAndReorder, {"late_s": 0}, "late_s"),
        (ResurrectDeleted, {"share": -1}, "share"),
    ],
)
def test_numbers_that_cannot_be_are_refused_by_name(kind, numbers, complaint):
    with pytest.raises(ValueError, match=complaint):
        kind(**numbers)


def test_what_is_on_is_named_in_the_log(tables, caplog):
    tables.defects = (DropReplications(),)

    assert "planted defects that are on: DropReplications(share=0.01)" in caplog.text
