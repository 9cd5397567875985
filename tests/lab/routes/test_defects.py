"""The defect API through its WSGI application, and its client through a real server."""

from __future__ import annotations

import msgspec
import pytest

from harness.clock import VirtualClock
from harness.errors import LabError
from harness.lab.client import LabClient
from harness.lab.replication.defects import DEFECTS, Defect, DropReplications, FirstWriterWins, ReplicaStopped
from harness.lab.routes.defects import PREFIX, DefectsPage, defect_routes


class Tables:
    defects: tuple[Defect, ...] = ()


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture
def app(tables, truth):
    return defect_routes(tables, ("us-east-1", "eu-west-1"), VirtualClock(7.0), truth.append)[PREFIX]


@pytest.fixture
def ask(app, asking):
    return asking(app, PREFIX)


def test_all_defects_are_listed_and_off_at_first(ask):
    status, reply = ask("GET")
    page = msgspec.convert(reply, DefectsPage)

    assert (status, page.on) == (200, ())
    assert [info.name for info in page.defects] == list(DEFECTS)
    assert not any(info.on for info in page.defects)


def test_the_list_says_in_a_sentence_what_goes_wrong_and_with_which_numbers(ask):
    _, reply = ask("GET", "drop-replications")

    assert reply == {
        "name": "drop-replications",
        "what": "Some writes never reach some region.",
        "on": False,
        "numbers": {"share": 0.01},
    }


@pytest.mark.parametrize("name", DEFECTS)
def test_each_defect_is_put_on_by_its_name_alone_and_taken_off(ask, tables, name):
    status, reply = ask("PUT", name)
    assert (status, reply["on"]) == (200, [name])
    assert tables.defects == (DEFECTS[name](),)

    status, reply = ask("DELETE", name)
    assert (status, reply["on"], tables.defects) == (200, [], ())


def test_its_numbers_can_be_given_and_changed(ask, tables):
    ask("PUT", "drop-replications", {"share": 0.5})
    ask("PUT", "replica-stopped", {"region": "eu-west-1"})
    ask("PUT", "drop-replications", {"share": 0.25})

    assert set(tables.defects) == {DropReplications(share=0.25), ReplicaStopped(region="eu-west-1")}
    assert ask("GET", "drop-replications")[1]["numbers"] == {"share": 0.25}


def test_taking_one_off_leaves_the_others(ask, tables):
    ask("PUT", "drop-replications")
    ask("PUT", "first-writer-wins")
    ask("DELETE", "drop-replications")

    assert tables.defects == (FirstWriterWins(),)


def test_all_are_taken_off_at_once(ask, tables):
    ask("PUT", "drop-replications")
    ask("PUT", "first-writer-wins")
    status, reply = ask("DELETE")

    assert (status, reply["on"], tables.defects) == (200, [], ())


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("PUT", "drop-replications", {"share": 2}, 400, "share"),
        ("PUT", "drop-replications", {"region": "eu-west-1"}, 400, "region"),
        ("PUT", "replica-stopped", {"region": "eu-atlantis-1"}, 400, "region"),
        ("PUT", "replica-stopped", b"nonsense", 400, "body"),
        ("PUT", "gremlins", {}, 404, "path"),
        ("PUT", "", {}, 405, "method"),
        ("POST", "drop-replications", {}, 405, "method"),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_plants_nothing(*, ask, tables, method, path, body, status, field):
    answered, reply = ask(method, path, body)

    assert (answered, reply["error"]["field"]) == (status, field)
    assert tables.defects == ()


def test_the_truth_says_what_was_planted_and_when(ask, truth):
    ask("PUT", "drop-replications")
    ask("DELETE", "drop-replications")

    assert [(line.at_s, line.what, line.detail) for line in truth] == [
        (7.0, "defect-on", {"defect": "drop-replications", "on": ["drop-replications"]}),
        (7.0, "defect-off", {"defect": "drop-replications", "on": []}),
    ]


@pytest.fixture
def client(app, served) -> LabClient:
    served["app"] = app
    return LabClient(served["url"])


def test_the_client_plants_and_takes_off(client, tables):
    assert client.plant(DropReplications(share=0.5)).on == ("drop-replications",)
    assert client.plant_by_name("first-writer-wins") == client.defects()
    assert tables.defects == (DropReplications(share=0.5), FirstWriterWins())

    assert client.take_off("drop-replications").on == ("first-writer-wins",)
    assert client.take_off_all().on == ()


def test_an_unknown_defect_reaches_the_client_as_a_refusal(client):
    with pytest.raises(LabError, match="path: no defect 'gremlins'; there are first-writer-wins"):
        client.plant_by_name("gremlins")
