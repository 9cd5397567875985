"""After the traffic: every key is read in every region, and all that was written is removed."""

from __future__ import annotations

import http.server
import json
import threading

import msgspec
import pytest

from harness.clock import VirtualClock
from harness.errors import NotOptedIn
from harness.events import ItemRead, ItemWrite, Operation, Outcome, Way
from harness.probes.items import PlannedWrite, read, write
from harness.stack import OPT_IN_TAG
from harness.target import Target
from harness.workload import ending
from harness.workload.ending import clean_up, keys_written, read_everything


@pytest.fixture
def recorder(lab_target, make_recorder):
    return make_recorder(lab_target.new_clock(), lab_target.stack)


def written(make_recorder, *writes):
    recorder = make_recorder(VirtualClock())
    for one in writes:
        recorder.record(one)
    return recorder.history()


def test_keys_are_those_that_may_have_been_written(make_recorder, a_write):
    history = written(
        make_recorder,
        a_write("1", key="k1"),
        a_write("2", key="k2", outcome=Outcome.UNKNOWN),
        a_write("3", key="k3", outcome=Outcome.FAIL),
        a_write("4", key="k1"),
        a_write("5", key="", way=Way.HTTPS, outcome=Outcome.UNKNOWN),
    )

    assert keys_written(history) == ("k1", "k2")


def put(target, recorder, *keys, way=Way.DYNAMODB):
    for key in keys:
        planned = PlannedWrite(operation=Operation.PUT, key=key, value=f"v-{key}", way=way)
        recorder.record(write(target, recorder.clock, planned, client="c", region=target.stack.main_region))


@pytest.mark.lab
def test_every_key_is_read_once_in_every_region(lab_target, recorder):
    keys = ("harness#ending#a", "harness#ending#b")

    seen = read_everything(lab_target, recorder, keys)

    wanted = [(region, key) for region in lab_target.stack.region_names for key in keys]
    assert [(one.region, one.key) for one in seen] == wanted
    assert all(one.consistent and one.outcome is Outcome.OK for one in seen)
    assert len(recorder.history().of(ItemRead)) == len(wanted)


@pytest.mark.lab
def test_a_read_that_failed_is_made_again_and_each_is_recorded(lab_target, make_recorder):
    regions = tuple(msgspec.structs.replace(one, table_name="none") for one in lab_target.stack.regions[:1])
    stack = msgspec.structs.replace(lab_target.stack, regions=regions)
    target = Target(stack, lab_target.endpoints, name="test")
    recorder = make_recorder(target.new_clock(), stack)

    (seen,) = read_everything(target, recorder, ["k"])

    assert seen.outcome is Outcome.FAIL
    assert len(recorder.history().of(ItemRead)) == 3


@pytest.mark.lab
def test_all_items_are_removed_whichever_way_they_were_made(lab_target, recorder):
    """27 items take two batches."""
    put(lab_target, recorder, *(f"harness#ending#{number}" for number in range(26)))
    put(lab_target, recorder, "", way=Way.HTTPS)
    history = recorder.history()

    removal = clean_up(lab_target, history)

    assert (removal.deleted, removal.left, removal.unnamed, removal.reason) == (27, (), 0, None)
    region = lab_target.stack.main_region
    for key in keys_written(history):
        found = read(lab_target, recorder.clock, key, client="c", region=region, consistent=True)
        assert (found.outcome, found.item) == (Outcome.OK, None)


@pytest.mark.lab
def test_what_could_not_be_removed_in_time_is_named(lab_target, recorder):
    put(lab_target, recorder, "harness#ending#late")

    removal = clean_up(lab_target, recorder.history(), within_wall_s=-1)

    assert (removal.deleted, removal.left) == (0, ("harness#ending#late",))
    assert "not done within" in removal.reason


@pytest.fixture
def make_other_target(lab_target):
    """(name, key, tags) -> the lab's stack with another table, which is made."""

    def make(name, key="pk", tags=()):
        lab_target.dynamodb(lab_target.stack.main_region).create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            Tags=[{"Key": tag, "Value": "true"} for tag in tags],
        )
        regions = tuple(msgspec.structs.replace(one, table_name=name) for one in lab_target.stack.regions)
        return Target(msgspec.structs.replace(lab_target.stack, regions=regions), lab_target.endpoints, name="test")

    return make


@pytest.mark.lab
def test_what_aws_refuses_to_remove_is_left_and_told(make_other_target, make_recorder, a_write):
    target = make_other_target("other-key", key="id", tags=[OPT_IN_TAG])
    recorder = make_recorder(target.new_clock(), target.stack)
    recorder.record(a_write("v", outcome=Outcome.UNKNOWN))
    recorder.record(a_write("w", key="", way=Way.HTTPS, outcome=Outcome.UNKNOWN))

    removal = clean_up(target, recorder.history())

    assert (removal.deleted, removal.left, removal.unnamed) == (0, ("k",), 1)
    assert "ValidationException" in removal.reason


@pytest.fixture
def throttled_dynamodb():
    """(URL, keys deleted) of a DynamoDB that deletes the first item of each batch and puts the others back."""
    deleted = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            batches = request.get("RequestItems", {})
            deleted.extend(batch[0]["DeleteRequest"]["Key"]["pk"]["S"] for batch in batches.values())
            replies = {
                "DescribeTable": {"Table": {"TableArn": "arn:aws:dynamodb:eu-west-1:123456789012:table/demo"}},
                "ListTagsOfResource": {"Tags": [{"Key": OPT_IN_TAG, "Value": "true"}]},
                "BatchWriteItem": {"UnprocessedItems": {name: batch[1:] for name, batch in batches.items()}},
            }
            body = json.dumps(replies[self.headers["X-Amz-Target"].rpartition(".")[2]]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", deleted
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_items_that_dynamodb_puts_back_are_deleted_again(
    throttled_dynamodb, make_target, make_recorder, a_write, monkeypatch
):
    """Each batch deletes one: three items take three."""
    monkeypatch.setattr(ending, "PAUSE_WALL_S", 0.0)
    history = written(make_recorder, *(a_write(key, key=key) for key in ("k1", "k2", "k3")))

    url, deleted = throttled_dynamodb

    removal = clean_up(make_target(aws_url=url), history)

    assert deleted == ["k1", "k2", "k3"]
    assert (removal.deleted, removal.left) == (3, ())


def test_items_that_dynamodb_keeps_putting_back_are_left_when_time_is_up(
    throttled_dynamodb, make_target, make_recorder, a_write
):
    """One batch, and the pause after it is longer than there was time for."""
    history = written(make_recorder, *(a_write(key, key=key) for key in ("k1", "k2", "k3")))

    removal = clean_up(make_target(aws_url=throttled_dynamodb[0]), history, within_wall_s=0.1)

    assert removal.left[-1:] == ("k3",)
    assert removal.deleted < 3
    assert "not done within" in removal.reason


@pytest.mark.lab
def test_items_of_a_table_that_is_not_opted_in_are_left_alone(make_other_target, recorder):
    target = make_other_target("not-ours")
    put(target, recorder, "k")
    assert recorder.history().of(ItemWrite)[0].outcome is Outcome.OK

    with pytest.raises(NotOptedIn):
        clean_up(target, recorder.history())

    client = target.dynamodb(target.stack.main_region)
    assert "Item" in client.get_item(TableName="not-ours", Key={"pk": {"S": "k"}})
