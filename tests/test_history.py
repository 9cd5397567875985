from __future__ import annotations

import pytest
from builders import DUBLIN, EU, SYDNEY, US, Story, a_fault, a_header, a_history, an_experiment, dns, reply
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InvalidHistory
from harness.events import DnsAnswer, HttpReply
from harness.history import History, encode_line, load_history


def test_events_are_sorted_by_start_behind_the_header():
    history = a_history(dns(DUBLIN, EU, 5), dns(DUBLIN, US, -1), dns(DUBLIN, EU, 1))

    assert [event.start_s for event in history] == [0, -1, 1, 5]
    assert history[0] is history.header


@given(st.lists(st.floats(-10, 10), max_size=30))
def test_indexes_lead_to_their_events(times_s):
    history = a_history([dns(DUBLIN, EU, at_s) for at_s in times_s])

    assert [history[index] for index, _ in history.indexed(DnsAnswer)] == history.of(DnsAnswer)
    assert len(history.of(DnsAnswer)) == len(times_s)


def test_a_kind_that_never_occurred_is_empty():
    assert a_history().of(HttpReply) == []


def test_a_history_without_a_header_is_refused():
    with pytest.raises(InvalidHistory, match="no header line"):
        History([dns(DUBLIN, EU, 1)])


def test_nothing_at_all_is_no_history():
    with pytest.raises(InvalidHistory, match="no header line"):
        History([])


def test_two_headers_are_two_runs():
    with pytest.raises(InvalidHistory, match="two runs"):
        History([a_header(), a_header()])


def test_replies_are_told_apart_by_vantage():
    history = a_history(reply(DUBLIN, EU, 1), reply(SYDNEY, EU, 2))

    assert [found.start_s for found in history.replies_of(SYDNEY)] == [2]


def test_an_experiment_is_found_by_name():
    assert a_history(an_experiment("one"), an_experiment("two")).experiment("two").experiment == "two"


@pytest.mark.parametrize("events", [[], [an_experiment("e"), an_experiment("e")]])
def test_an_experiment_that_is_not_there_once_is_refused(events):
    with pytest.raises(InvalidHistory, match=f"has {len(events)} experiments named 'e'"):
        a_history(events).experiment("e")


def test_the_end_is_the_last_end_and_not_the_last_event():
    assert a_history(dns(DUBLIN, EU, 1, took_s=9), dns(DUBLIN, EU, 2)).end_s() == 10


@pytest.mark.parametrize(("at_s", "index"), [(-5, 1), (1, 1), (1.5, 2), (9, 3)])
def test_a_time_has_an_index(at_s, index):
    assert a_history(dns(DUBLIN, EU, 1), dns(DUBLIN, EU, 2)).index_at_s(at_s) == index


def test_faults_are_listed():
    assert [event.phase.value for event in a_history(a_fault(EU)).faults][:2] == ["injecting", "injected"]


def written(path, events):
    path.write_bytes(b"".join(encode_line(event) for event in events))
    return path


def test_what_was_written_is_read_back(tmp_path):
    history = Story().history()

    loaded = load_history(written(tmp_path / "history.jsonl", history))

    assert list(loaded.history) == list(history)
    assert loaded.dropped_lines == 0


def test_a_line_cut_short_by_a_crash_is_dropped_and_counted(tmp_path):
    path = written(tmp_path / "history.jsonl", a_history(dns(DUBLIN, EU, 1), dns(DUBLIN, EU, 2)))
    path.write_bytes(path.read_bytes()[:-10])

    loaded = load_history(path)

    assert (len(loaded.history), loaded.dropped_lines) == (2, 1)


@given(st.data())
def test_a_file_cut_anywhere_behind_its_header_keeps_all_whole_lines(tmp_path_factory, data):
    lines = [encode_line(event) for event in a_history(dns(DUBLIN, EU, 1), reply(DUBLIN, US, 2), dns(DUBLIN, EU, 3))]
    whole = b"".join(lines)
    cut = data.draw(st.integers(len(lines[0]), len(whole)))
    path = tmp_path_factory.mktemp("cut") / "history.jsonl"
    path.write_bytes(whole[:cut])

    assert len(load_history(path).history) == whole[:cut].count(b"\n")


def test_a_bad_line_in_the_middle_is_an_error_with_file_and_line(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_bytes(encode_line(a_header()) + b'{"kind":"dns"}\n' + encode_line(dns(DUBLIN, EU, 1)))

    with pytest.raises(InvalidHistory, match=r"history\.jsonl, line 2: .*required field"):
        load_history(path)


def test_an_event_that_breaks_its_own_rules_is_an_error_with_its_line(tmp_path):
    line = encode_line(dns(DUBLIN, EU, 5)).replace(b'"end_s":5.0', b'"end_s":1.0')
    path = tmp_path / "history.jsonl"
    path.write_bytes(encode_line(a_header()) + line)

    with pytest.raises(InvalidHistory, match=r"line 2"):
        load_history(path)


def test_an_empty_file_is_no_history(tmp_path):
    (tmp_path / "history.jsonl").touch()

    with pytest.raises(InvalidHistory, match="no header line"):
        load_history(tmp_path / "history.jsonl")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidHistory, match=r"nothing\.jsonl cannot be read: No such file"):
        load_history(tmp_path / "nothing.jsonl")
