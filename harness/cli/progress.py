"""What an experiment is doing now, on one line that is written over again; on no terminal, a line for each stage."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable

from harness.events import Outcome
from harness.experiment import Stage

REFRESH_EVERY_WALL_S = 0.25
CLEAR_LINE = "\r\x1b[2K"


class ProgressLine:
    """Give `tell` to run_experiment(). `write` takes text as it is; `live` says whether it is a terminal."""

    def __init__(self, write: Callable[[str], None], *, live: bool) -> None:
        self._write = write
        self._live = live
        self._doing: tuple[str, str] = ("", "")
        self._shown_at = 0.0

    def tell(self, stage: Stage) -> None:
        new = (stage.experiment, stage.doing) != self._doing
        if not new and (not self._live or time.monotonic() - self._shown_at < REFRESH_EVERY_WALL_S):
            return
        self._doing = (stage.experiment, stage.doing)
        self._shown_at = time.monotonic()
        if self._live:
            # A line that wraps could not be written over.
            room = shutil.get_terminal_size().columns - 1
            self._write(CLEAR_LINE + f"  {stage.experiment}: {describe(stage)}"[:room])
        else:
            self._write(f"  {stage.now_s:8.1f} s  {stage.experiment}: {stage.doing}\n")

    def clear(self) -> None:
        if self._live:
            self._write(CLEAR_LINE)


def describe(stage: Stage) -> str:
    """ "holding health-broken in eu-west-1, 41 of at most 200 s | us-east-1 17, eu-west-1 9, failing 0 | ..." """
    elapsed_s = stage.now_s - stage.since_s
    timing = f", {elapsed_s:.0f} of at most {stage.at_most_s:.0f} s" if stage.at_most_s else ""
    return f"{stage.doing}{timing} | served by {_served(stage)} | {_health(stage)}"


def _served(stage: Stage) -> str:
    replies = [stage.live.reply(vantage) for vantage in stage.live.vantages]
    counts = Counter(
        (reply.region or "?") if reply.outcome is Outcome.OK else "failing" for reply in replies if reply is not None
    )
    return ", ".join(f"{region} {count}" for region, count in sorted(counts.items())) or "nobody yet"


def _health(stage: Stage) -> str:
    polls = [poll for region in stage.regions if (poll := stage.live.health(region))]
    return "checkers healthy " + (
        ", ".join(f"{poll.checkers_healthy}/{poll.checkers_total}" for poll in polls) or "not seen yet"
    )
