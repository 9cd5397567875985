"""harness check and report: a saved run judged and drawn again, also one that was killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import EU, Story, an_experiment
from simulated_table import Defect, simulate

from harness.checkers.checks import Check, Consistent, DetectedInTime, FaultProven
from harness.events import AnyEvent, RunHeader
from harness.findings import Finding, Verdict
from harness.history import encode_line
from harness.run import FINDINGS_FILE, HISTORY_FILE, RUN_FILE, ExperimentRecord, RunRecord, save_json

CHECKS: tuple[Check, ...] = (FaultProven(), DetectedInTime(region=EU))


def save_run(
    folder: Path, events: list[AnyEvent], *, interrupted: bool = False, checks: tuple[Check, ...] = CHECKS
) -> None:
    """As run.py leaves it."""
    folder.mkdir(parents=True)
    record = RunRecord(
        name="scenarios",
        target="lab",
        started_at="2026-01-01T00:00:00+00:00",
        ended_at="2026-01-01T00:00:30+00:00",
        wall_s=30.0,
        stack_s=600.0,
        clock_rate=20.0,
        seed=1,
        harness_version="0",
        verdict=Verdict.PASS,
        exit_code=0,
        experiments=(ExperimentRecord(name="e", question="?", checks=checks),),
        interrupted=interrupted,
    )
    save_json(folder / RUN_FILE, record)
    save_json(folder / FINDINGS_FILE, [])
    (folder / HISTORY_FILE).write_bytes(b"".join(encode_line(event) for event in events))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "reports" / "latest"


def story(**changes: float) -> list[AnyEvent]:
    return list(Story(**changes).history())


def test_the_latest_run_is_judged_again(folder: Path, harness: Callable[..., Any]) -> None:
    save_run(folder, story())

    ended = harness("check")

    assert ended.exit_code == 0
    assert "verdict now: PASS; when it ran: PASS" in ended.out


def test_a_history_that_deviates_ends_with_1(folder: Path, harness: Callable[..., Any]) -> None:
    """Detected 150 s after it broke; the limit is 104 s."""
    save_run(folder, story(detect_s=150.0, dns_s=155.0))

    assert harness("check").exit_code == 1


def test_a_history_that_says_too_little_ends_with_3(folder: Path, harness: Callable[..., Any]) -> None:
    save_run(folder, story(proven=False))

    assert harness("check").exit_code == 3


def test_json_is_all_that_stdout_has(folder: Path, harness: Callable[..., Any]) -> None:
    save_run(folder, story())

    told = json.loads(harness("check", "--json").out)

    assert (told["verdict"], told["interrupted"], told["dropped_lines"]) == ("pass", False, 0)
    assert {finding["verdict"] for finding in told["findings"]} == {"pass"}


def test_every_whole_line_of_a_history_cut_short_is_judged(folder: Path, harness: Callable[..., Any]) -> None:
    save_run(folder, story())
    history = folder / HISTORY_FILE
    history.write_bytes(history.read_bytes() + b'{"kind":"dns","start_s":')

    ended = harness("check")

    assert ended.exit_code == 0
    assert "The last line of the history was cut short by a crash; all others were read." in ended.out


def test_what_a_killed_run_finished_is_judged_and_the_rest_is_not_known(
    folder: Path, harness: Callable[..., Any]
) -> None:
    save_run(folder, story(), interrupted=True)

    ended = harness("check")

    assert ended.exit_code == 3
    assert "The run was interrupted: its verdict is unknown at best." in ended.out


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (HISTORY_FILE, "{}\n", f"{HISTORY_FILE}, line 1: "),
        (HISTORY_FILE, "", "has no header line"),
        (HISTORY_FILE, None, f"{HISTORY_FILE} cannot be read: No such file or directory"),
        (RUN_FILE, "{", f"{RUN_FILE}: Input data was truncated"),
        (RUN_FILE, "{}", f"{RUN_FILE}: Object missing required field `name`"),
    ],
)
def test_a_damaged_run_is_an_error_that_names_the_file(
    folder: Path, refusal: Callable[..., str], name: str, content: str | None, told: str
) -> None:
    save_run(folder, story())
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)

    assert told in refusal("check")


def test_a_page_is_written_again_from_what_was_saved(folder: Path, harness: Callable[..., Any]) -> None:
    save_run(folder, story())
    finding = Finding(checker="c", claim="A claim of then", verdict=Verdict.PASS, explanation="", experiment="e")
    save_json(folder / FINDINGS_FILE, [finding])

    page = Path(harness("report").out.strip())

    assert "A claim of then" in page.read_text()


def test_consistency_alone_is_judged_straight_from_the_file(folder: Path, harness: Callable[..., Any]) -> None:
    """The same eight findings as when all is loaded, those of other checks left out."""
    events = [an_experiment(), *simulate(seed=2, operations=1000, defect=Defect.FIRST_WRITER_WINS)]
    save_run(folder, sorted(events, key=lambda event: not isinstance(event, RunHeader)), checks=(Consistent(), *CHECKS))

    whole, alone = harness("check", "--json"), harness("check", "--json", "--consistency-only")

    found = [one for one in json.loads(whole.out)["findings"] if one["checker"].startswith("consistency-")]
    assert len(found) == 8
    assert json.loads(alone.out)["findings"] == found
    assert alone.exit_code == 1


def test_a_run_that_never_checked_consistency_says_so(folder: Path, harness: Callable[..., Any]) -> None:
    save_run(folder, story())

    ended = harness("check", "--consistency-only")

    assert ended.exit_code == 2
    assert "none of its 1 experiments checks consistency" in ended.err
