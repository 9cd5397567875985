from __future__ import annotations

import csv
import re
import typing
from pathlib import Path

import duckdb
import msgspec
import pytest
from builders import DUBLIN, EU, US, a_header, a_history, an_experiment, dns
from click.testing import CliRunner
from data_builders import a_delete, a_metric, a_read, a_write
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.history import history as history_command
from harness.errors import InvalidHistory, UsageError
from harness.events import AnyEvent, Operation, Outcome
from harness.export import Format, columns, export
from harness.history import encode_line

FORMAT_PAGE = (Path(__file__).parents[1] / "docs" / "history-format.md").read_text()

PUT = a_write("v", 1.5, took_s=0.25)
READ = a_read("v", 2, took_s=0.5)


def elle(tmp_path, *events):
    """The lines of the export."""
    export(a_history(*events), Format.ELLE, tmp_path / "h.edn")
    return (tmp_path / "h.edn").read_text().splitlines()


def told(lines, key):
    """One key of each line, as text."""
    return [re.search(rf":{key} (\[\[.*?\]\]|\S+?)[,}}]", line).group(1) for line in lines]


def completions(tmp_path, *events):
    """(type, value) of the reads' completions."""
    lines = [line for line in elle(tmp_path, *events) if ":operation :read" in line and ":invoke" not in line]
    return list(zip(told(lines, "type"), told(lines, "value"), strict=True))


# Elle.


def test_an_operation_is_its_invocation_and_its_completion(tmp_path):
    """1.5 s and 1.75 s in nanoseconds."""
    assert elle(tmp_path, PUT) == [
        '{:index 0, :type :invoke, :f :txn, :value [[:w "k" "v"]], :time 1500000000, :process 0, :client "writer",'
        ' :region "us-east-1", :way :dynamodb, :operation :put}',
        '{:index 1, :type :ok, :f :txn, :value [[:w "k" "v"]], :time 1750000000, :process 0, :client "writer",'
        ' :region "us-east-1", :way :dynamodb, :operation :put}',
    ]


def test_operations_are_in_order_of_time_and_each_client_is_a_process(tmp_path):
    """The write at 1.5-3.5 s spans the read at 2-2.5 s."""
    lines = elle(tmp_path, a_write("v", 1.5, took_s=2), READ)

    assert told(lines, "process") == ["1", "0", "0", "1"]
    assert told(lines, "value") == ['[[:w "k" "v"]]', '[[:r "k" nil]]', '[[:r "k" "v"]]', '[[:w "k" "v"]]']
    assert told(lines, "index") == ["0", "1", "2", "3"]


def test_an_operation_that_took_no_time_is_still_invoked_first(tmp_path):
    assert told(elle(tmp_path, a_write("v", 1), a_write("w", 1)), "type") == [":invoke", ":ok", ":invoke", ":ok"]


@pytest.mark.parametrize(("outcome", "type_"), [(Outcome.FAIL, ":fail"), (Outcome.UNKNOWN, ":info")])
def test_a_refused_write_failed_and_an_unanswered_one_is_open(tmp_path, outcome, type_):
    assert told(elle(tmp_path, a_write("v", 1, outcome=outcome)), "type") == [":invoke", type_]


def test_after_an_open_operation_the_client_is_another_process(tmp_path):
    """Two clients, 0 (reader) and 1 (writer): the writer goes on as 1 + 2."""
    lines = elle(tmp_path, a_write("v", 1, outcome=Outcome.UNKNOWN), a_write("w", 2), a_read("w", 3))

    assert told(lines, "process") == ["1", "1", "3", "3", "0", "0"]


def test_a_swap_reads_what_it_was_based_on(tmp_path):
    swap = a_write("w", 2, operation=Operation.SWAP, based_on="v")

    assert told(elle(tmp_path, PUT, swap), "value")[2:] == [
        '[[:r "k" nil] [:w "k" "w"]]',
        '[[:r "k" "v"] [:w "k" "w"]]',
    ]


UPDATE_A = a_write("x", 2, operation=Operation.UPDATE, item={"a": "x", "b": "v"})
UPDATE_B_UNKNOWN = a_write("y", 2, took_s=1, operation=Operation.UPDATE, outcome=Outcome.UNKNOWN, client="other")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([a_read(None, 4)], (":ok", '[[:r "k" nil]]'), id="never there"),
        pytest.param([PUT, a_read("v", 4)], (":ok", '[[:r "k" "v"]]'), id="a put"),
        pytest.param([PUT, UPDATE_A, a_read(("x", "v"), 4)], (":ok", '[[:r "k" "x"]]'), id="an update"),
        pytest.param(
            [PUT, UPDATE_B_UNKNOWN, a_read(("v", "y"), 4)], (":ok", '[[:r "k" "y"]]'), id="an unanswered update"
        ),
        pytest.param(
            [PUT, a_delete("d", 3), a_read("v", 2.5), a_read(None, 4)], (":ok", '[[:r "k" "d"]]'), id="deleted"
        ),
        pytest.param(
            [PUT, a_delete("d", 3), a_read(None, 4)], (":info", '[[:r "k" nil]]'), id="deleted or never there"
        ),
        pytest.param([PUT, a_read(None, 4, outcome=Outcome.FAIL)], (":fail", '[[:r "k" nil]]'), id="no answer"),
        pytest.param([PUT, a_read(("v", "?"), 4)], (":ok", '[[:r "k" "v+?"]]'), id="not explained"),
        pytest.param(
            [a_write("r", 1, outcome=Outcome.FAIL), a_read("r", 4)], (":ok", '[[:r "k" "r"]]'), id="a refused write's"
        ),
    ],
)
def test_a_read_shows_the_value_of_the_write_behind_it(tmp_path, events, expected):
    assert completions(tmp_path, *events)[-1] == expected


def test_two_unanswered_updates_leave_open_which_was_the_later(tmp_path):
    one, other = (
        a_write(value, 2, operation=Operation.UPDATE, outcome=Outcome.UNKNOWN, client=value) for value in ("x", "y")
    )

    assert completions(tmp_path, one, other, a_read(("x", "y"), 4)) == [(":info", '[[:r "k" nil]]')]


def test_errors_and_odd_keys_are_written_as_strings(tmp_path):
    lines = elle(tmp_path, a_write("v", 1, key='say "ä"\n', outcome=Outcome.FAIL, error="throttled"))

    assert ':value [[:w "say \\"ä\\"\\n" "v"]]' in lines[0]
    assert ':error "throttled"' in lines[0]


def test_a_client_that_does_two_things_at_once_is_refused_by_name(tmp_path):
    with pytest.raises(InvalidHistory, match=r"'writer' began an operation on 'l' at 1\.600000 s.*'k', ended at 1\.75"):
        elle(tmp_path, PUT, a_write("w", 1.6, key="l"))


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3), st.sampled_from(Outcome)), min_size=1, max_size=20))
def test_processes_do_one_thing_at_a_time_and_end_with_an_open_one(tmp_path_factory, drawn):
    """Clients with random pauses, operations and outcomes; each line of the export is a step of a process."""
    at_s, events = 0, []
    for number, (pause_s, took_s, outcome) in enumerate(drawn):
        at_s += pause_s + 1
        client = f"c{number % 3}"
        events.append(a_write(f"v{number}", at_s, took_s=0.2 * took_s, client=client, outcome=outcome))
    lines = elle(tmp_path_factory.mktemp("elle"), events)
    running, dead = set(), set()
    for process, type_ in zip(told(lines, "process"), told(lines, "type"), strict=True):
        assert process not in dead
        assert (process in running) == (type_ != ":invoke")
        (running.add if type_ == ":invoke" else running.discard)(process)
        if type_ == ":info":
            dead.add(process)

    assert len(lines) == 2 * len(drawn)


# Tables.


def rows_of(tmp_path, *events):
    export(a_history(*events), Format.CSV, tmp_path / "h.csv")
    with (tmp_path / "h.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_has_its_events_fields_and_leaves_the_others_empty(tmp_path):
    row, _ = rows_of(tmp_path, PUT, READ)

    assert {name: cell for name, cell in row.items() if cell} == {
        "index": "1",
        "kind": "write",
        "start_s": "1.5",
        "end_s": "1.75",
        "source": "items",
        "client": "writer",
        "region": US,
        "way": "dynamodb",
        "operation": "put",
        "key": "k",
        "value": "v",
        "item": '{"a":"v","b":"v"}',
        "outcome": "ok",
    }


def test_every_item_event_is_a_row_and_no_other_is(tmp_path):
    rows = rows_of(tmp_path, PUT, READ, a_metric(100, 60), an_experiment(), dns(DUBLIN, EU, 1))

    assert [(row["kind"], row["index"]) for row in rows] == [("write", "3"), ("read", "4"), ("replication-metric", "5")]
    assert (rows[1]["consistent"], rows[2]["average_ms"]) == ("false", "100")


def test_columns_have_the_types_of_the_fields():
    assert {columns()[name] for name in ("start_s", "average_ms")} == {float}
    assert (columns()["index"], columns()["consistent"], columns()["item"]) == (int, bool, str)


def test_parquet_holds_the_same_rows(tmp_path):
    export(a_history(PUT, READ, a_metric(100, 60)), Format.PARQUET, tmp_path / "h.parquet")
    with duckdb.connect() as connection:
        frame = connection.read_parquet(str(tmp_path / "h.parquet"))
        rows = [dict(zip(frame.columns, row, strict=True)) for row in frame.fetchall()]

    assert list(rows[0]) == list(columns())
    assert [row["start_s"] for row in rows] == [1.5, 2.0, 60.0]
    assert [row["consistent"] for row in rows] == [None, False, None]
    assert rows[0]["item"] == '{"a":"v","b":"v"}'


# Any format.


@pytest.mark.parametrize("to", [Format.ELLE, Format.CSV])
def test_a_history_without_item_operations_is_refused(tmp_path, to):
    with pytest.raises(InvalidHistory, match="'test' has no item writes or reads"):
        export(a_history(dns(DUBLIN, EU, 1)), to, tmp_path / "h")


def test_a_failed_export_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "h.edn"
    path.write_text("old")

    with pytest.raises(InvalidHistory):
        export(a_history(PUT, a_write("w", 1.6, key="l")), Format.ELLE, path)
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [("h.edn", "old")]


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere/h\.csv cannot be written: No such file or directory"):
        export(a_history(PUT), Format.CSV, tmp_path / "nowhere" / "h.csv")


def test_a_file_that_cannot_be_put_in_place_leaves_nothing(tmp_path):
    (tmp_path / "folder").mkdir()

    with pytest.raises(UsageError, match="folder cannot be written"):
        export(a_history(PUT), Format.CSV, tmp_path / "folder")
    assert [found.name for found in tmp_path.iterdir()] == ["folder"]


def run_folder(tmp_path, *, tail=b""):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "history.jsonl").write_bytes(b"".join(map(encode_line, [a_header(), PUT, READ])) + tail)
    return folder


def test_the_command_exports_a_run_and_says_how_much(tmp_path):
    out = tmp_path / "h.csv"
    result = CliRunner().invoke(
        history_command, ["export", str(run_folder(tmp_path)), "--format", "csv", "--out", str(out)]
    )

    assert (result.exit_code, result.output) == (0, f"2 events written to {out}\n")
    assert len(out.read_text().splitlines()) == 3


def test_the_command_tells_of_a_line_that_a_crash_cut_short(tmp_path):
    folder = run_folder(tmp_path, tail=b'{"kind":"wri')
    result = CliRunner().invoke(
        history_command, ["export", str(folder), "--format", "elle", "--out", str(tmp_path / "h.edn")]
    )

    assert (result.exit_code, "cut short" in result.stderr) == (0, True)


# The format page.


@pytest.mark.parametrize("kind", typing.get_args(AnyEvent), ids=lambda kind: kind.__struct_config__.tag)
def test_the_format_page_has_every_kind_and_field(kind):
    heading = f"\n## {kind.__struct_config__.tag}\n"
    section = FORMAT_PAGE.split(heading)[1].split("\n## ")[0].split("\n# ")[0]
    common = FORMAT_PAGE.split("\n## ")[0]

    assert FORMAT_PAGE.count(heading) == 1
    for field in msgspec.structs.fields(kind):
        assert f"| `{field.name}` |" in section + common


def test_the_format_page_has_no_kind_that_there_is_not():
    kinds = {kind.__struct_config__.tag for kind in typing.get_args(AnyEvent)}
    headings = set(re.findall(r"^## (.*)$", FORMAT_PAGE.split("\n# Exports")[0], re.MULTILINE))

    assert headings == kinds
