from __future__ import annotations

import pytest
from builders import EU, a_fault, a_header, dns
from item_builders import saw, wrote

from harness.columns import columns_of_file, columns_of_history
from harness.errors import InvalidHistory
from harness.history import History, encode_line, load_history

EVENTS = [a_header(), wrote("v", (3, 4)), saw("v", (1, 9)), dns("dublin", EU, 2), *a_fault(EU)]


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "history.jsonl"
    file.write_bytes(b"".join(encode_line(event) for event in EVENTS))
    return file


def test_there_is_a_row_for_each_line(path):
    with columns_of_file(path) as columns:
        assert columns.rows("SELECT line, writes, reads, start_s FROM operations ORDER BY line LIMIT 4") == [
            (0, False, False, 0),
            (1, True, False, 3),
            (2, False, True, 1),
            (3, False, False, 2),
        ]


def test_header_and_faults_are_at_hand(path):
    with columns_of_file(path) as columns:
        assert columns.header == EVENTS[0]
        assert columns.faults == a_fault(EU)


def test_lines_come_back_as_events_in_order_of_start(path):
    with columns_of_file(path) as columns:
        assert list(columns.events([3, 1, 2]).items()) == [(2, EVENTS[2]), (3, EVENTS[3]), (1, EVENTS[1])]


def test_indexes_are_those_of_the_history(path):
    history = load_history(path).history
    with columns_of_file(path) as columns:
        indexes = columns.indexes(range(len(EVENTS)))

    assert {line: history[index] for line, index in indexes.items()} == dict(enumerate(EVENTS))


def test_an_event_before_the_header_does_not_displace_it(tmp_path):
    file = tmp_path / "history.jsonl"
    file.write_bytes(encode_line(wrote("v", (-2, -1))) + encode_line(EVENTS[0]))

    with columns_of_file(file) as columns:
        assert columns.indexes([0, 1]) == {1: 0, 0: 1}


def test_a_history_in_memory_has_the_same_columns(path):
    query = "SELECT start_s, key, value, item_a, item_b, ok FROM operations ORDER BY start_s"
    with columns_of_file(path) as of_file, columns_of_history(History(EVENTS)) as of_history:
        assert of_file.rows(query) == of_history.rows(query)


def test_no_item_is_told_from_an_item_without_attributes(tmp_path):
    file = tmp_path / "history.jsonl"
    events = [a_header(), saw(None, (1, 2)), saw({}, (3, 4))]
    file.write_bytes(b"".join(encode_line(event) for event in events))

    with columns_of_file(file) as columns:
        assert columns.rows("SELECT has_item FROM operations WHERE reads ORDER BY line") == [(False,), (True,)]


def test_a_last_line_that_was_cut_short_is_left_out(path):
    path.write_bytes(path.read_bytes()[:-10])

    with columns_of_file(path) as columns:
        assert columns.rows("SELECT count(*) FROM operations") == [(len(EVENTS) - 1,)]


def test_a_missing_file_is_named(tmp_path):
    with (
        pytest.raises(InvalidHistory, match=r"none.jsonl cannot be read: No such file"),
        columns_of_file(tmp_path / "none.jsonl"),
    ):
        pass


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"kind":"write","start_s":1.0,"end_s":2.0,"source":"items"}', "line 2: .*missing required field"),
        (b'{"kind":"dns","start_s":3.0,"end_s":2.0,"source":"dns"}', "line 2: "),
        (b'{"kind":"surprise","start_s":1.0,"end_s":2.0,"source":"x"}', "line 2: .*surprise"),
        (b'{"kind":"write",', "cannot be read into columns"),
    ],
    ids=["field", "times", "kind", "json"],
)
def test_a_bad_line_is_an_error_that_names_it(path, line, says):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], line + b"\n", *lines[1:]]))

    with pytest.raises(InvalidHistory, match=says), columns_of_file(path):
        pass


def test_impossible_times_are_refused_with_their_line(path):
    bad = encode_line(wrote("v", (3, 4))).replace(b'"end_s":4', b'"end_s":2')
    path.write_bytes(path.read_bytes() + bad)

    says = rf"line {len(EVENTS) + 1}: .*times 3.0 to 2.0 are not an interval"
    with pytest.raises(InvalidHistory, match=says), columns_of_file(path):
        pass


@pytest.mark.parametrize("headers", [0, 2])
def test_a_history_needs_one_header(tmp_path, headers):
    file = tmp_path / "history.jsonl"
    file.write_bytes(encode_line(wrote("v", (3, 4))) + encode_line(EVENTS[0]) * headers)

    with pytest.raises(InvalidHistory, match=f"has {headers} header lines"), columns_of_file(file):
        pass
