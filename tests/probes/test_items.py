"""Items through DynamoDB: what each operation does on a real table, and what each failure is recorded as."""

from __future__ import annotations

import http.server
import itertools
import json
import socket
import threading

import pytest

from harness.aws import Aws
from harness.events import Operation, Outcome, Way
from harness.probes.items import PlannedWrite, read, write

EU = "eu-west-1"
KEYS = (f"harness#items#{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def do(lab_target):
    """Does one operation on an item in Ireland: (operation, key, value, ...) -> event."""
    clock = lab_target.new_clock()

    def do_one(operation, key, value, region=EU, **fields):
        planned = PlannedWrite(operation=operation, key=key, value=value, **fields)
        return write(lab_target, clock, planned, client="c", region=region)

    return do_one


@pytest.fixture(scope="module")
def see(lab_target):
    """The item as a strongly consistent read in Ireland shows it."""
    clock = lab_target.new_clock()
    return lambda key: read(lab_target, clock, key, client="c", region=EU, consistent=True).item


@pytest.mark.lab
def test_a_put_sets_both_attributes(do, see):
    key = next(KEYS)

    written = do(Operation.PUT, key, "v1")

    assert (written.outcome, written.item) == (Outcome.OK, {"a": "v1", "b": "v1"})
    assert see(key) == written.item


@pytest.mark.lab
def test_an_update_sets_one_attribute_and_tells_the_item_it_left(do, see):
    key = next(KEYS)
    do(Operation.PUT, key, "v1")

    written = do(Operation.UPDATE, key, "v2", attribute="b")

    assert written.item == {"a": "v1", "b": "v2"}
    assert see(key) == written.item


@pytest.mark.lab
def test_a_create_is_refused_where_there_is_an_item(do, see):
    key = next(KEYS)

    first, second = do(Operation.CREATE, key, "v1"), do(Operation.CREATE, key, "v2")

    assert (first.outcome, second.outcome) == (Outcome.OK, Outcome.FAIL)
    assert (second.error, second.item) == ("condition failed", None)
    assert see(key) == first.item


@pytest.mark.lab
def test_a_swap_replaces_only_what_was_read(do, see):
    key = next(KEYS)
    do(Operation.PUT, key, "v1")

    swapped, late = do(Operation.SWAP, key, "v2", based_on="v1"), do(Operation.SWAP, key, "v3", based_on="v1")

    assert (swapped.outcome, swapped.based_on) == (Outcome.OK, "v1")
    assert (late.outcome, late.error) == (Outcome.FAIL, "condition failed")
    assert see(key) == {"a": "v2", "b": "v2"}


@pytest.mark.lab
@pytest.mark.parametrize("attribute", ["a", "b"])
def test_a_swap_is_refused_when_one_attribute_changed_since(do, attribute):
    key = next(KEYS)
    do(Operation.PUT, key, "v1")
    do(Operation.UPDATE, key, "v2", attribute=attribute)

    assert do(Operation.SWAP, key, "v3", based_on="v1").error == "condition failed"


@pytest.mark.lab
def test_a_deleted_item_is_none(do, see):
    key = next(KEYS)
    do(Operation.PUT, key, "v1")

    deleted = do(Operation.DELETE, key, "v2")

    assert (deleted.outcome, deleted.item, deleted.value) == (Outcome.OK, None, "v2")
    assert see(key) is None


@pytest.mark.lab
def test_a_delete_of_nothing_is_refused_so_that_it_counts_as_no_write(do, see):
    """Taken for a write, it would have to beat earlier puts that are on their way: seed 19 of the clean lab."""
    key = next(KEYS)

    deleted = do(Operation.DELETE, key, "v1")

    assert (deleted.outcome, deleted.error) == (Outcome.FAIL, "condition failed")
    assert see(key) is None


@pytest.mark.lab
def test_an_item_too_large_is_refused_by_name(do):
    written = do(Operation.PUT, next(KEYS), "v" * 205_000)

    assert written.outcome is Outcome.FAIL
    assert written.error.startswith("item too large")


@pytest.mark.lab
def test_a_key_of_no_length_is_refused_with_dynamodbs_words(do):
    written = do(Operation.PUT, "", "v1")

    assert written.outcome is Outcome.FAIL
    assert written.error.startswith("ValidationException: ")


@pytest.mark.lab
def test_an_item_made_through_the_application_is_the_same_by_both_ways(lab_target):
    clock = lab_target.new_clock()
    planned = PlannedWrite(operation=Operation.PUT, key="", value="v1", way=Way.HTTPS)

    written = write(lab_target, clock, planned, client="c", region=EU)

    assert (written.outcome, written.way, written.item) == (Outcome.OK, Way.HTTPS, {"name": "v1", "region": EU})
    for way in Way:
        assert read(lab_target, clock, written.key, client="c", region=EU, way=way).item == written.item


@pytest.mark.lab
def test_the_application_says_that_there_is_no_such_item(lab_target):
    seen = read(lab_target, lab_target.new_clock(), "none/such?", client="c", region=EU, way=Way.HTTPS, consistent=True)

    assert (seen.outcome, seen.item) == (Outcome.OK, None)
    assert not seen.consistent, "the application reads with eventual consistency"


class DynamoDb:
    """Answers each request with `status` and `body`; None closes the connection instead. Counts requests."""

    def __init__(self):
        self.requests = []
        self.status, self.body = 200, {}
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"]))
                fake.requests.append((self.headers["X-Amz-Target"], json.loads(content)))
                if fake.body is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                body = json.dumps(fake.body).encode()
                self.send_response(fake.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture(scope="module")
def _server():
    server = DynamoDb()
    yield server
    server.close()


@pytest.fixture(scope="module")
def _door(_server):
    """Shared, since making a client takes 0.3 s."""
    return Aws(_server.url)


@pytest.fixture
def dynamodb(_server):
    _server.requests.clear()
    _server.status, _server.body = 200, {}
    return _server


@pytest.fixture
def target(dynamodb, _door, make_target):
    target = make_target(aws_url=dynamodb.url)
    target.aws = _door
    return target


def a_put():
    return PlannedWrite(operation=Operation.PUT, key="k", value="v")


@pytest.mark.parametrize(("status", "body"), [(500, {"__type": "InternalServerError"}), (503, {}), (200, None)])
def test_a_write_that_may_have_happened_is_unknown_and_not_made_again(dynamodb, target, status, body):
    dynamodb.status, dynamodb.body = status, body

    written = write(target, target.new_clock(), a_put(), client="c", region=EU)

    assert (written.outcome, written.item) == (Outcome.UNKNOWN, None)
    assert written.error
    assert len(dynamodb.requests) == 1


def test_a_throttled_write_is_refused_and_not_made_again(dynamodb, target):
    dynamodb.status, dynamodb.body = 400, {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"}

    written = write(target, target.new_clock(), a_put(), client="c", region=EU)

    assert (written.outcome, written.error) == (Outcome.FAIL, "throttled")
    assert len(dynamodb.requests) == 1


def test_a_read_that_failed_is_never_unknown(dynamodb, target):
    dynamodb.status, dynamodb.body = 500, {"__type": "InternalServerError"}

    seen = read(target, target.new_clock(), "k", client="c", region=EU)

    assert (seen.outcome, seen.item) == (Outcome.FAIL, None)
    assert "InternalServerError" in seen.error


def test_a_write_to_nobody_was_not_sent(make_target):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        target = make_target(aws_url=f"http://127.0.0.1:{free.getsockname()[1]}")

        written = write(target, target.new_clock(), a_put(), client="c", region=EU)

    assert written.outcome is Outcome.FAIL
    assert written.error.startswith("not sent: ")


@pytest.mark.parametrize("consistent", [True, False])
def test_reads_are_as_consistent_as_asked(dynamodb, target, consistent):
    seen = read(target, target.new_clock(), "k", client="c", region=EU, consistent=consistent)

    assert dynamodb.requests[0][1]["ConsistentRead"] is consistent
    assert seen.consistent is consistent


def test_the_event_spans_the_call_and_names_who_and_where(target):
    clock = target.new_clock()
    before_s = clock.now_s()

    written = write(target, clock, a_put(), client="c", region=EU)

    assert before_s <= written.start_s <= written.end_s <= clock.now_s()
    assert (written.client, written.region, written.key, written.value) == ("c", EU, "k", "v")


def test_attributes_that_are_no_strings_are_told_as_json(dynamodb, target):
    dynamodb.body = {"Item": {"pk": {"S": "k"}, "a": {"N": "1"}}}

    assert read(target, target.new_clock(), "k", client="c", region=EU).item == {"a": '{"N":"1"}'}


@pytest.mark.parametrize(
    "fields",
    [
        {"operation": Operation.SWAP},
        {"operation": Operation.PUT, "based_on": "v0"},
        {"operation": Operation.DELETE, "way": Way.HTTPS},
    ],
)
def test_writes_that_make_no_sense_are_refused_before_they_are_sent(fields):
    with pytest.raises(ValueError, match="of k"):
        PlannedWrite(key="k", value="v", **fields)
