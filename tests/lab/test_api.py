"""The lab's own small HTTP API: what it is, and the record of what truly happened."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from harness.clock import VirtualClock
from harness.lab import api
from harness.lab.api import Status, TruthPage, TruthRecord, lab_routes
from harness.lab.ports import Truth
from harness.lab.state import LabInfo
from harness.stack import Endpoints

INFO = LabInfo(
    name="a",
    pid=1,
    started_at="2026-01-01T00:00:00+00:00",
    regions=("us-east-1",),
    seed=1,
    endpoints=Endpoints(),
    domain_name="api.example.test",
    hosted_zone_id="Z1",
    addresses={"us-east-1": "127.2.0.1"},
)


def truth(number: int) -> Truth:
    return Truth(at_s=float(number), what="check-flipped", detail={"check": f"check-{number}"})


def get(path: str, record: TruthRecord, query: str = "") -> bytes:
    started: list[Any] = []
    app = lab_routes(lambda: INFO, VirtualClock(12.5), record)[path]
    body = b"".join(app({"QUERY_STRING": query}, lambda *begun: started.append(begun)))
    ((status, headers),) = started
    assert (status, dict(headers)["Content-Length"]) == ("200 OK", str(len(body)))
    return body


def test_status_tells_where_the_lab_is_and_what_its_clock_shows() -> None:
    status = msgspec.json.decode(get("/lab/status", TruthRecord()), type=Status)

    assert (status.info, status.now_s) == (INFO, 12.5)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [("", [0, 1, 2]), ("since=2", [2]), ("since=3", []), ("since=99", []), ("since=yesterday", [0, 1, 2])],
)
def test_the_truth_is_read_on_from_where_one_was(query: str, numbers: list[int]) -> None:
    record = TruthRecord()
    for number in range(3):
        record.add(truth(number))

    page = msgspec.json.decode(get("/lab/truth", record, query), type=TruthPage)

    assert page.lines == tuple(truth(number) for number in numbers)


def test_old_truth_is_dropped_and_the_numbers_of_the_rest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 21 lines with 20 kept, the two oldest go."""
    monkeypatch.setattr(api, "TRUTH_KEPT", 20)
    record = TruthRecord()
    for number in range(21):
        record.add(truth(number))

    page = record.since(0)

    assert (page.first, page.lines[0], len(page.lines)) == (2, truth(2), 19)
