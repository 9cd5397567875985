"""The progress of an experiment: one line written over on a terminal, a line for each stage in a file."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from builders import DUBLIN, EU, FRANKFURT, US, health, reply

from harness.cli.progress import CLEAR_LINE, ProgressLine
from harness.experiment import Stage
from harness.probes.live import LiveView


@pytest.fixture
def stage() -> Callable[..., Stage]:
    view = LiveView((DUBLIN, FRANKFURT))
    for event in (reply(DUBLIN, EU, 40.0), reply(FRANKFURT, US, 41.0, ok=False), health(EU, False, 40.0)):
        view.see(event)

    def make(doing: str = "holding", now_s: float = 41.0) -> Stage:
        return Stage(
            experiment="failover", doing=doing, since_s=0.0, now_s=now_s, at_most_s=200.0, regions=(US, EU), live=view
        )

    return make


def test_a_terminal_shows_what_is_done_since_when_and_who_serves(stage: Callable[..., Stage]) -> None:
    written: list[str] = []
    ProgressLine(written.append, live=True).tell(stage())

    (line,) = written
    assert line.startswith(f"{CLEAR_LINE}  failover: holding, 41 of at most 200 s | served by eu-west-1 1, failing 1")


def test_a_line_never_wraps(stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    written: list[str] = []
    ProgressLine(written.append, live=True).tell(stage())

    assert len(written[0].removeprefix(CLEAR_LINE)) == 39


def test_a_file_gets_one_line_a_stage_without_control_characters(stage: Callable[..., Stage]) -> None:
    written: list[str] = []
    progress = ProgressLine(written.append, live=False)
    for at_s, doing in ((1.0, "watching"), (2.0, "watching"), (3.0, "rolling back")):
        progress.tell(stage(doing, at_s))
    progress.clear()

    assert written == ["       1.0 s  failover: watching\n", "       3.0 s  failover: rolling back\n"]
