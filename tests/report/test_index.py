"""The index of all runs, and trends over them, from folders on disk."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from builders import Story, a_header

from harness.errors import UsageError
from harness.findings import Finding, Verdict
from harness.history import encode_line
from harness.report.compare import Change
from harness.report.comparison import comparison_of, comparison_table
from harness.report.folders import runs_in
from harness.report.index import DayRow, write_index
from harness.report.palette import Palette
from harness.report.summary import SUMMARY_FILE, load_summary
from harness.report.trends import settings_of
from harness.run import FINDINGS_FILE, HISTORY_FILE, RUN_FILE, ExperimentRecord, RunRecord, save_json

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
DETECT_S = (80.0, 82.0, 78.0, 81.0, 79.0, 83.0)


def a_run(reports: Path, number: int, *, detect_s: float, rate: float = 1.0, nested: bool = False) -> Path:
    """A run's folder as `harness run` leaves it, one a day; nested as in a game day."""
    name = f"2026-01-{number:02d}T10-00-00Z"
    folder = reports / (f"{name}-gameday-x/experiments/01-failover/r" if nested else f"{name}-scenarios")
    folder.mkdir(parents=True)
    story = Story(detect_s=detect_s, dns_s=detect_s + 5, header=a_header(rate=rate))
    lines = [encode_line(story.header), *map(encode_line, story.events())]
    (folder / HISTORY_FILE).write_bytes(b"".join(lines))
    at = f"2026-01-{number:02d}T10:00:00.000+00:00"
    record = RunRecord(
        name="scenarios",
        target="lab",
        started_at=at,
        ended_at=at,
        wall_s=1.0,
        stack_s=600.0,
        clock_rate=rate,
        seed=number,
        harness_version="0",
        verdict=Verdict.PASS,
        exit_code=0,
        experiments=(ExperimentRecord(name="e", question="?", checks=()),),
    )
    save_json(folder / RUN_FILE, record)
    save_json(
        folder / FINDINGS_FILE, [Finding(checker="c", claim="c", verdict=Verdict.PASS, explanation="", experiment="e")]
    )
    return folder


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six runs that differ by little, and a seventh that takes a minute longer to notice."""
    folder = tmp_path_factory.mktemp("reports")
    for number, detect_s in enumerate(DETECT_S, 1):
        a_run(folder, number, detect_s=detect_s, nested=number == 3)
    a_run(folder, 7, detect_s=140.0)
    (folder / "latest").symlink_to("2026-01-07T10-00-00Z-scenarios")
    (folder / "2026-02-01T00-00-00Z-broken").mkdir()
    (folder / "2026-02-01T00-00-00Z-broken" / RUN_FILE).write_text("{")
    return folder


def test_every_run_is_found_once_also_those_of_game_days(reports: Path) -> None:
    runs, unread = runs_in(reports)

    assert len(runs) == 7
    assert unread == 1
    assert runs[2].label == "2026-01-03T10-00-00Z-gameday-x › 01-failover"


def test_a_summary_is_kept_and_read_instead_of_the_history(tmp_path: Path) -> None:
    folder = a_run(tmp_path, 1, detect_s=80.0)
    first = load_summary(folder)
    (folder / HISTORY_FILE).unlink()

    assert load_summary(folder) == first
    assert first.regions == REGIONS
    assert [one.verdict for one in first.experiments] == [Verdict.PASS]


def test_a_summary_of_another_version_is_made_again(tmp_path: Path) -> None:
    folder = a_run(tmp_path, 1, detect_s=80.0)
    first = load_summary(folder)
    save_json(folder / SUMMARY_FILE, {"format_version": 0, "measures": []})

    assert load_summary(folder) == first


def test_a_regression_is_flagged_and_chance_is_not(reports: Path) -> None:
    (setting,) = settings_of(runs_in(reports)[0], Palette(REGIONS))

    worse = {one.measure.what.value for one in setting.compared if one.change is Change.WORSE}
    assert {"time to detect", "time to recover"} <= worse
    panel = next(one for one in setting.panels if one.what.value == "time to detect")
    (series,) = panel.series
    changes = [point.change for point in series.points]
    assert changes[0] is None
    assert changes[-1] is Change.WORSE
    assert set(changes[1:-1]) <= {Change.UNTOLD, Change.NOT_SHOWN}


def test_runs_of_another_rate_are_not_held_against_these(reports: Path, tmp_path: Path) -> None:
    a_run(tmp_path, 1, detect_s=80.0)
    a_run(tmp_path, 2, detect_s=140.0, rate=20.0)

    found = settings_of(runs_in(tmp_path)[0], Palette(REGIONS))

    assert [(one.clock_rate, one.runs, one.compared) for one in found] == [(20.0, 1, ()), (1.0, 1, ())]


def test_the_page_has_every_run_every_day_and_what_got_worse(reports: Path) -> None:
    day = DayRow(
        path="d",
        title="<b>A day</b>",
        target="lab",
        began_at=datetime(2026, 1, 3, tzinfo=UTC),
        verdict=Verdict.FAIL,
        state="finished",
        objectives=(("RTO", 100.0, Verdict.FAIL, "at worst 120 s"),),
        noticed="none of 1",
    )

    page = write_index(reports, [day]).read_text()

    assert page.count('href="2026-01-07T10-00-00Z-scenarios/index.html"') >= 2
    assert "▲ worse" in page
    assert "&lt;b&gt;A day" in page
    assert "RTO 100 s: at worst 120 s" in page
    assert "1 folder could not be read, and is left out" in page
    assert "<script" not in page


def test_a_baseline_is_remembered_until_it_is_cleaned_away(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        a_run(tmp_path, number, detect_s=80.0)
    chosen = "2026-01-02T10-00-00Z-scenarios"

    write_index(tmp_path, [], baseline=chosen)
    again = write_index(tmp_path, []).read_text()

    assert re.search(rf'chosen: <a href="{chosen}/index.html">', again)
    with pytest.raises(UsageError, match=r"baseline 'x': no run of that name in .*, which holds 3"):
        write_index(tmp_path, [], baseline="x")


def test_an_empty_folder_says_how_to_begin(tmp_path: Path) -> None:
    assert "There is no run yet" in write_index(tmp_path, []).read_text()


def test_two_runs_are_compared_with_the_scatter_of_those_before(reports: Path) -> None:
    first, last = reports / "2026-01-01T10-00-00Z-scenarios", reports / "2026-01-07T10-00-00Z-scenarios"

    found = comparison_of(first, last, reports)

    assert found.doubts == ()
    assert {one.change for one in found.compared if one.measure.what.value == "time to detect"} == {Change.WORSE}
    assert comparison_table(found).row_count == len(found.compared)
    assert msgspec.json.decode(msgspec.json.encode(found), type=type(found)) == found


def test_runs_that_cannot_be_compared_say_so(reports: Path, tmp_path: Path) -> None:
    other = a_run(tmp_path, 9, detect_s=80.0, rate=20.0)

    found = comparison_of(reports / "2026-01-01T10-00-00Z-scenarios", other, reports)

    assert found.doubts == ("the clocks ran at 1 and 20 times real time",)
