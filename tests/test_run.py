"""A run's folder: made whole or not at all, readable after a kill, and never half written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from builders import EU, a_stack

from harness.errors import JournalOpen, UsageError
from harness.faults.health_broken import HealthBroken
from harness.faults.journal import Journal
from harness.findings import Finding, Verdict
from harness.history import load_history
from harness.run import HISTORY_FILE, ExperimentRecord, Run, load_findings, load_run, save_json
from harness.stack import Endpoints
from harness.target import Target
from harness.vantages import choose

EXPERIMENT = ExperimentRecord(name="e", question="?", checks=())


@pytest.fixture
def make_run(make_target: Callable[..., Target], tmp_path: Path) -> Iterator[Callable[..., Run]]:
    with ExitStack() as ending:

        def make(**changes: Any) -> Run:
            run = Run(
                "test",
                make_target(),
                **{
                    "reports": tmp_path / "reports",
                    "journal": tmp_path / "journal.jsonl",
                    "vantages": choose(["eu-west-1", "us-east-1"]),
                    "seed": 1,
                    **changes,
                },
            )
            ending.callback(run.recorder.close)
            ending.callback(run.journal.release)
            return run

        yield make


def a_finding(verdict: Verdict) -> Finding:
    return Finding(checker="c", claim="a claim", verdict=verdict, explanation="")


def test_a_run_has_a_folder_of_its_own_and_latest_leads_to_it(make_run: Callable[..., Run], tmp_path: Path) -> None:
    first = make_run()
    second = make_run(journal=tmp_path / "other.jsonl")

    assert first.folder != second.folder
    assert (tmp_path / "reports" / "latest").resolve() == second.folder


def test_its_history_begins_with_what_is_looked_at_and_from_where(make_run: Callable[..., Run]) -> None:
    run = make_run()

    header = load_history(run.folder / HISTORY_FILE).history.header
    assert (header.stack, [vantage.name for vantage in header.vantages]) == (
        run.target.stack,
        ["aws:eu-west-1", "aws:us-east-1"],
    )


def test_a_vantage_is_at_home_in_its_nearest_region(make_run: Callable[..., Run]) -> None:
    assert make_run().home == {"aws:eu-west-1": "eu-west-1", "aws:us-east-1": "us-east-1"}


def test_a_run_that_was_killed_can_be_judged(make_run: Callable[..., Run]) -> None:
    """Nothing of it was closed: what it had finished is on disk, and it says that there was to be more."""
    run = make_run()
    run.add(EXPERIMENT, [a_finding(Verdict.PASS)])

    record = load_run(run.folder)
    assert (record.interrupted, record.verdict, record.exit_code) == (True, Verdict.UNKNOWN, 130)
    assert (record.experiments, load_findings(run.folder)) == ((EXPERIMENT,), [a_finding(Verdict.PASS)])


@pytest.mark.parametrize(
    ("verdicts", "verdict", "code"),
    [
        ((Verdict.PASS,), Verdict.PASS, 0),
        ((Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN), Verdict.FAIL, 1),
        ((Verdict.PASS, Verdict.UNKNOWN), Verdict.UNKNOWN, 3),
        ((), Verdict.UNKNOWN, 3),
    ],
)
def test_a_run_ends_as_its_worst_finding_says(
    make_run: Callable[..., Run], verdicts: tuple[Verdict, ...], verdict: Verdict, code: int
) -> None:
    run = make_run()
    run.add(EXPERIMENT, [a_finding(one) for one in verdicts])

    record = run.close()

    assert (record.verdict, record.exit_code, record.interrupted) == (verdict, code, False)
    assert load_run(run.folder) == record


@pytest.mark.parametrize(("seen", "verdict"), [(Verdict.PASS, Verdict.UNKNOWN), (Verdict.FAIL, Verdict.FAIL)])
def test_an_interrupted_run_is_unknown_at_best(make_run: Callable[..., Run], seen: Verdict, verdict: Verdict) -> None:
    run = make_run()
    run.add(EXPERIMENT, [a_finding(seen)])
    run.interrupted = True

    record = run.close()

    assert (record.verdict, record.exit_code) == (verdict, 130)


def test_a_closed_run_lets_the_next_one_have_the_target(make_run: Callable[..., Run]) -> None:
    make_run().close()

    make_run()


def test_two_runs_of_one_target_at_once_are_refused_and_the_second_leaves_nothing(
    make_run: Callable[..., Run], tmp_path: Path
) -> None:
    first = make_run()

    with pytest.raises(JournalOpen, match=f"run {first.folder.name}"):
        make_run()

    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == [first.folder.name, "latest"]


def test_an_open_fault_refuses_the_run_and_its_journal_is_free_for_recovery(
    make_run: Callable[..., Run], tmp_path: Path
) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, run="killed") as journal:
        journal.open(HealthBroken(region=EU), {"HEALTH": "200"}, target="test", stack=a_stack(), endpoints=Endpoints())

    with pytest.raises(JournalOpen, match="harness recover"):
        make_run()

    assert list((tmp_path / "reports").iterdir()) == []
    Journal(path, run="recover").release()


@pytest.mark.parametrize("reports", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_named(make_run: Callable[..., Run], tmp_path: Path, reports: str) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match=r"run folder .*file.* cannot be made: Not a directory; .*--report-dir"):
        make_run(reports=tmp_path / reports)


def test_latest_that_is_a_folder_of_somebodys_is_left_alone(make_run: Callable[..., Run], tmp_path: Path) -> None:
    kept = tmp_path / "reports" / "latest" / "kept"
    kept.mkdir(parents=True)

    with pytest.raises(UsageError, match=r"latest cannot be made a link to the newest run: .*; move it away"):
        make_run()

    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["latest"]
    assert kept.exists()


def test_a_file_that_cannot_be_encoded_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    save_json(path, {"version": 1})

    with pytest.raises(TypeError):
        save_json(path, object())

    assert json.loads(path.read_text()) == {"version": 1}
    assert list(tmp_path.iterdir()) == [path]
