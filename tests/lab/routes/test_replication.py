from __future__ import annotations

import pytest

from harness.lab.client import LabClient
from harness.lab.replication.record import Replicated, ReplicationRecord
from harness.lab.routes.replication import PREFIX, replication_routes

LINE = Replicated("us-east-1", "eu-west-1", "a", 1.0, 1.5, True, "orders")


@pytest.fixture
def record() -> ReplicationRecord:
    record = ReplicationRecord()
    for _ in range(3):
        record.add(LINE)
    return record


@pytest.fixture
def app(record):
    return replication_routes(record.since)[PREFIX]


def test_each_arrival_is_a_compact_array(app, asking):
    status, reply = asking(app, PREFIX)("GET", query="since=2")

    assert status == 200
    assert reply == {"first": 2, "next": 3, "lines": [["us-east-1", "eu-west-1", "a", 1.0, 1.5, True, "orders"]]}


def test_a_record_longer_than_a_page_is_read_page_by_page(record):
    pages = [record.since(0, at_most=2), record.since(2, at_most=2)]

    assert [(page.first, len(page.lines), page.next) for page in pages] == [(0, 2, 2), (2, 1, 3)]


@pytest.mark.parametrize("since", ["-1", "x", "1.5"])
def test_a_since_that_is_no_number_is_refused(app, asking, since):
    status, reply = asking(app, PREFIX)("GET", query=f"since={since}")

    assert (status, reply["error"]["field"]) == (400, "since")


def test_the_record_cannot_be_written(app, asking):
    assert asking(app, PREFIX)("PUT", body={})[0] == 405


def test_the_client_reads_it(app, served):
    served["app"] = app

    assert LabClient(served["url"]).replicated(since=1).lines == (LINE, LINE)
