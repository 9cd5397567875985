"""Where a load test's events go: a run folder of its own, or the file that `harness load run` reads along."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from harness.checkers.checks import BelowCapacity, Check, FewRequestsFailed, GeneratorKeptUp, judge
from harness.clock import ScaledClock
from harness.errors import UsageError
from harness.events import AnyEvent, ExperimentEvent, Note
from harness.history import encode_line
from harness.load.capacity import capacity_of
from harness.load.options import Setup
from harness.report.write import write_report
from harness.run import ExperimentRecord, Run

EXPERIMENT = "load"
QUESTION = "Are users served well, from everywhere, under this load?"

_log = logging.getLogger(__name__)


class Record:
    """From the first user to the report. What is written is on disk at once."""

    def __init__(self, setup: Setup) -> None:
        """Raises UsageError when it cannot be written."""
        self._file = _EventsFile(setup.events_file) if setup.events_file else None
        self._run: Run | None = None
        if self._file:
            self.folder = self._file.path.parent
            self.name = self.folder.name
            self.clock = _clock_since(setup)
        else:
            self._run = Run(
                EXPERIMENT,
                setup.target,
                reports=setup.reports.absolute(),
                journal=None,
                vantages=setup.vantages,
                seed=setup.seed,
            )
            self.folder = self._run.folder
            self.name = self.folder.name
            self.clock = self._run.clock
        self.started_at = self.clock.started.isoformat()
        self._start_s = self.clock.now_s()
        self._checks: tuple[Check, ...] = (
            FewRequestsFailed(at_most_share=setup.failed_share_at_most),
            GeneratorKeptUp(),
            BelowCapacity(requests_per_s=capacity_of(setup.target)),
        )

    def append(self, lines: bytes) -> None:
        """Whole lines, encoded by somebody else."""
        if self._run:
            self._run.recorder.append(lines)
        elif self._file:
            self._file.write(lines)

    def record(self, event: AnyEvent) -> None:
        if self._run:
            self._run.recorder.record(event)
        elif self._file:
            self._file.write(encode_line(event))

    def note(self, text: str) -> None:
        now_s = self.clock.now_s()
        self.record(Note(start_s=now_s, end_s=now_s, source=EXPERIMENT, text=text))

    def close(self) -> int:
        """Judges and reports a run of our own; returns the exit code: 0 when somebody else judges."""
        if self._file:
            self._file.close()
        return self._judge(self._run) if self._run else 0

    def _judge(self, run: Run) -> int:
        end_s = run.clock.now_s()
        run.recorder.record(
            ExperimentEvent(
                start_s=self._start_s,
                end_s=end_s,
                source="runner",
                experiment=EXPERIMENT,
                question=QUESTION,
                steady_until_s=end_s,
            )
        )
        history = run.recorder.history()
        findings = judge(history, EXPERIMENT, self._checks)
        run.add(ExperimentRecord(name=EXPERIMENT, question=QUESTION, checks=self._checks), findings)
        record = run.close()
        page = write_report(run.folder, history, record, run.findings)
        _log.info("verdict: %s; report: %s", record.verdict.value.upper(), page)
        return record.exit_code


class _EventsFile:
    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise UsageError(f"events file {path} cannot be written: {error.strerror}") from error

    def write(self, lines: bytes) -> None:
        self._file.write(lines)

    def close(self) -> None:
        self._file.close()


def _clock_since(setup: Setup) -> ScaledClock:
    endpoints = setup.target.endpoints
    origin = endpoints.clock_origin_at
    return ScaledClock(
        endpoints.clock_rate,
        datetime.fromisoformat(origin) if origin else None,
        started=datetime.fromisoformat(setup.started_at or ""),
    )
