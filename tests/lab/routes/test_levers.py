"""The lever API through its WSGI application, and its client through a real server."""

from __future__ import annotations

import msgspec
import pytest

from harness.clock import VirtualClock
from harness.errors import LabError
from harness.lab.client import LabClient
from harness.lab.replication.levers import Coalescing, Levers, Outage, PairDelay, Skew, SlowTable, Throttle
from harness.lab.routes.levers import PREFIX, lever_routes
from harness.models.wan import ReplicationDelay

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"
AT_FIRST = Levers(delay=ReplicationDelay(median_s=0.5))


class Tables:
    levers = AT_FIRST


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture
def app(tables, truth):
    return lever_routes(tables, (US, EU, AP), VirtualClock(7.0), truth.append)[PREFIX]


@pytest.fixture
def ask(app, asking):
    return asking(app, PREFIX)


TURNED = [
    ("delay", {"median_s": 2.0}, Levers(delay=ReplicationDelay(median_s=2.0))),
    (
        f"delay/{US}/{EU}",
        {"median_s": 2.0},
        msgspec.structs.replace(
            AT_FIRST, delays=(PairDelay(origin=US, destination=EU, delay=ReplicationDelay(median_s=2.0)),)
        ),
    ),
    (f"partition/{US}/{EU}", None, msgspec.structs.replace(AT_FIRST, partitions=((EU, US),))),
    (f"stopped/{AP}", {}, msgspec.structs.replace(AT_FIRST, stopped=(AP,))),
    (
        f"throttled/{AP}",
        {"writes_per_s": 5},
        msgspec.structs.replace(AT_FIRST, throttled={AP: Throttle(writes_per_s=5)}),
    ),
    (f"skew/{AP}", {"ahead_s": -3}, msgspec.structs.replace(AT_FIRST, skews={AP: Skew(ahead_s=-3)})),
    (
        f"slow-table/{AP}",
        {"delay_s": 3.0, "share": 0.5},
        msgspec.structs.replace(AT_FIRST, slow_tables={AP: SlowTable(delay_s=3.0, share=0.5)}),
    ),
    (f"outage/{AP}", {"mode": "hang"}, msgspec.structs.replace(AT_FIRST, outages={AP: Outage(mode="hang")})),
    ("coalescing", {"within_s": 0.5}, msgspec.structs.replace(AT_FIRST, coalescing=Coalescing(within_s=0.5))),
]


@pytest.mark.parametrize(("path", "body", "after"), TURNED)
def test_a_lever_is_turned_and_all_levers_are_answered(ask, tables, path, body, after):
    status, reply = ask("PUT", path, body)

    assert (status, msgspec.convert(reply, Levers)) == (200, after)
    assert tables.levers == after


@pytest.mark.parametrize(("path", "body", "_after"), TURNED)
def test_a_turned_lever_is_undone(ask, tables, path, body, _after):
    ask("PUT", path, body)
    ask("PUT", path, body)
    status, _ = ask("DELETE", path)

    assert (status, tables.levers) == (200, AT_FIRST)


@pytest.mark.parametrize(("path", "body", "_after"), TURNED[1:])
def test_a_lever_is_seen_only_while_it_is_turned(ask, path, body, _after):
    assert ask("GET", path)[0] == 404
    ask("PUT", path, body)

    status, reply = ask("GET", path)
    assert status == 200
    assert (body or {}).items() <= reply.items()


def test_a_partition_has_no_direction(ask, tables):
    ask("PUT", f"partition/{US}/{EU}")
    ask("DELETE", f"partition/{EU}/{US}")

    assert tables.levers == AT_FIRST


def test_undoing_one_partition_leaves_the_other(ask, tables):
    ask("PUT", f"partition/{US}/{EU}")
    ask("PUT", f"partition/{US}/{AP}")
    ask("DELETE", f"partition/{US}/{EU}")

    assert tables.levers.partitions == ((AP, US),)


def test_everything_is_undone_at_once(ask, tables):
    for path, body, _ in TURNED:
        ask("PUT", path, body)
    status, reply = ask("DELETE")

    assert (status, msgspec.convert(reply, Levers)) == (200, AT_FIRST)
    assert tables.levers == AT_FIRST


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("PUT", "delay", {"sigma": -1}, 400, "sigma"),
        ("PUT", "delay", {"sigma": "a lot"}, 400, "sigma"),
        ("PUT", "delay", {"speed": 1}, 400, "speed"),
        ("PUT", "delay", b"{", 400, "body"),
        ("PUT", "delay", [], 400, "body"),
        ("PUT", f"throttled/{AP}", None, 400, "writes_per_s"),
        ("PUT", f"throttled/{AP}", {"writes_per_s": 0}, 400, "writes_per_s"),
        ("PUT", f"skew/{AP}", {"ahead_s": None}, 400, "ahead_s"),
        ("PUT", "coalescing", {"within_s": -1}, 400, "within_s"),
        ("PUT", f"outage/{AP}", {"mode": "explode"}, 400, "mode"),
        ("PUT", f"slow-table/{AP}", {"delay_s": -1}, 400, "delay_s"),
        ("PUT", f"slow-table/{AP}", {"delay_s": 1, "share": 2}, 400, "share"),
        ("PUT", f"stopped/{AP}", {"for_s": 5}, 400, "for_s"),
        ("PUT", "stopped/eu-atlantis-1", None, 400, "path"),
        ("PUT", f"partition/{US}/{US}", None, 400, "path"),
        ("PUT", f"partition/{US}", None, 404, "path"),
        ("PUT", "gravity", None, 404, "path"),
        ("PUT", "", {}, 405, "method"),
        ("POST", "delay", {}, 405, "method"),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_changes_nothing(*, ask, tables, method, path, body, status, field):
    answered, reply = ask(method, path, body)

    assert (answered, reply["error"]["field"]) == (status, field)
    assert reply["error"]["message"]
    assert tables.levers is AT_FIRST


def test_the_truth_says_what_was_turned_and_when(ask, truth):
    ask("PUT", f"skew/{AP}", {"ahead_s": 3})
    ask("DELETE")

    assert [(line.at_s, line.what, line.detail) for line in truth] == [
        (7.0, "lever", {"lever": f"skew/{AP}", "to": {"ahead_s": 3.0}}),
        (7.0, "lever", {"lever": "all", "to": None}),
    ]


@pytest.fixture
def client(app, served) -> LabClient:
    served["app"] = app
    return LabClient(served["url"])


def test_the_client_turns_and_undoes_every_lever(client, tables):
    slow = ReplicationDelay.constant(3)
    turned = [
        client.set_delay(slow),
        client.set_delay(slow, US, EU),
        client.partition(US, EU),
        client.stop_replica(AP),
        client.throttle(AP, 5),
        client.skew_clock(AP, -3),
        client.coalesce(0.5),
    ]
    assert turned[-1] == tables.levers == client.levers()
    assert len(set(map(msgspec.json.encode, turned))) == len(turned)

    client.undo_delay()
    client.undo_delay(US, EU)
    client.heal_partition(US, EU)
    client.resume_replica(AP)
    client.unthrottle(AP)
    client.unskew_clock(AP)
    assert client.stop_coalescing() == tables.levers == AT_FIRST


def test_the_client_resets_all(client, tables):
    client.stop_replica(AP)

    assert client.reset() == tables.levers == AT_FIRST


def test_a_refusal_reaches_the_client_with_its_field(client):
    with pytest.raises(LabError, match="path: region 'eu-atlantis-1' is not in this lab"):
        client.stop_replica("eu-atlantis-1")


def test_a_lab_that_is_gone_is_named():
    with pytest.raises(LabError, match=r"127\.0\.0\.1:9 does not answer"):
        LabClient("http://127.0.0.1:9").levers()
