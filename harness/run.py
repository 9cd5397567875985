"""A run: one folder, one history, one journal; experiments add to it, and its report is written when it ends."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from harness import __version__
from harness.audit import AuditLog
from harness.checkers.checks import Check
from harness.checkers.routing import nearest
from harness.errors import UsageError
from harness.events import Note, RunHeader, VantageName
from harness.faults.journal import Journal
from harness.findings import Finding, Verdict, overall
from harness.guards import AnyGuard
from harness.recorder import Recorder
from harness.stack import RegionName
from harness.target import Target
from harness.vantages import Vantage, summary

T = TypeVar("T")

HISTORY_FILE = "history.jsonl"
RUN_FILE = "run.json"
FINDINGS_FILE = "findings.json"
AUDIT_FILE = "audit.jsonl"

CLOSE_MARGIN_SHARE = 0.10
"""Two regions whose round trips differ by less are about equally near: Route 53 may choose either."""

EXIT_CODES = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.UNKNOWN: 3}
STOPPED_BY_GUARD = 4
INTERRUPTED = 130


class ExperimentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment and the checks that judge it, so that a saved history can be judged again."""

    name: str
    question: str
    checks: tuple[Check, ...]
    stopped_by: str | None = None
    """The guard that stopped it, and why."""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """run.json: what ran, and how it ended."""

    format_version: int = 1
    name: str
    target: str
    started_at: str
    ended_at: str
    wall_s: float
    stack_s: float
    clock_rate: float
    seed: int
    harness_version: str
    verdict: Verdict
    exit_code: int
    experiments: tuple[ExperimentRecord, ...]
    interrupted: bool = False


class Run:
    """Everything an experiment needs, and the folder that keeps what it finds.

    Raises:
        UsageError: the folder cannot be written.
        JournalOpen: another run holds the target, or an earlier fault was not undone.
    """

    def __init__(
        self,
        name: str,
        target: Target,
        *,
        reports: Path,
        journal: Path | str | None,
        vantages: Sequence[Vantage],
        seed: int,
        guards: Sequence[AnyGuard] = (),
        every_region_confirmed: str = "",
    ) -> None:
        """`journal` None: nothing will be broken, and other runs may break the target meanwhile."""
        self.name = name
        self.target = target
        self.vantages = tuple(vantages)
        self.seed = seed
        self.guards = tuple(guards)
        """What must stay true in each of its experiments."""
        self.every_region_confirmed = every_region_confirmed
        """The stack of which a person said, by its name, that every region may be broken at once."""
        self.clock = target.new_clock()
        self.started = self.clock.started
        self.folder = _new_folder(reports, name, self.started)
        with ExitStack() as refused:  # A run that may not start leaves no folder and no lock.
            refused.callback(self.folder.rmdir)
            self._journal = Journal(journal, run=self.folder.name) if journal else None
            if self._journal:
                refused.callback(self._journal.release)
                self._journal.refuse_if_open()
            _point_latest(reports, self.folder)
            refused.pop_all()
        self.audit = AuditLog(self.folder / AUDIT_FILE)
        self._stop_auditing = target.aws.calls.listen(self.audit.write)
        self.recorder = Recorder(self.clock, self._header(), self.folder / HISTORY_FILE)
        self.findings: list[Finding] = []
        self.experiments: list[ExperimentRecord] = []
        self.interrupted = False
        self._save(ended=False)

    @property
    def journal(self) -> Journal:
        """Raises UsageError when the run was begun without one."""
        if self._journal is None:
            raise UsageError(f"run {self.folder.name} has no undo journal: it may break nothing")
        return self._journal

    def add(self, experiment: ExperimentRecord, findings: Iterable[Finding]) -> None:
        self.experiments.append(experiment)
        self.findings.extend(findings)
        self._save(ended=False)

    def add_checks(self, experiment: str, checks: Sequence[Check], findings: Iterable[Finding]) -> None:
        """An experiment of this run was judged by more checks: they join those that it had."""
        self.experiments = [
            msgspec.structs.replace(record, checks=(*record.checks, *checks)) if record.name == experiment else record
            for record in self.experiments
        ]
        self.findings.extend(findings)
        self._save(ended=False)

    @property
    def home(self) -> dict[VantageName, RegionName]:
        """The region that should serve each vantage; those with two about equally near are left out."""
        found = {vantage.name: nearest(vantage, CLOSE_MARGIN_SHARE) for vantage in self.recorder.header.vantages}
        return {name: at.region for name, at in found.items() if at.region and not at.close}

    def close(self) -> RunRecord:
        """Writes run.json and findings.json and lets go of history and journal. The caller writes the report."""
        self._stop_auditing()
        self.audit.close()
        if self.audit.lost:
            now_s = self.clock.now_s()
            text = f"{self.audit.lost} lines of {AUDIT_FILE} could not be written: {self.audit.reason}"
            self.recorder.record(Note(start_s=now_s, end_s=now_s, source="runner", text=text))
        record = self._save(ended=True)
        self.recorder.close()
        if self._journal:
            self._journal.release()
        return record

    def _save(self, *, ended: bool) -> RunRecord:
        """What is on disk says "interrupted" until the run has ended: a run that is killed can still be judged."""
        record = self._record(interrupted=self.interrupted or not ended)
        save_json(self.folder / RUN_FILE, record)
        save_json(self.folder / FINDINGS_FILE, self.findings)
        return record

    def _record(self, *, interrupted: bool) -> RunRecord:
        ended = datetime.now(UTC)
        verdict = overall(self.findings)
        if interrupted:
            verdict = Verdict.worst((verdict, Verdict.UNKNOWN))
        return RunRecord(
            name=self.name,
            target=self.target.name,
            started_at=self.started.isoformat(timespec="milliseconds"),
            ended_at=ended.isoformat(timespec="milliseconds"),
            wall_s=(ended - self.started).total_seconds(),
            stack_s=self.clock.now_s(),
            clock_rate=self.clock.rate,
            seed=self.seed,
            harness_version=__version__,
            verdict=verdict,
            exit_code=self._exit_code(verdict, interrupted=interrupted),
            experiments=tuple(self.experiments),
            interrupted=interrupted,
        )

    def _exit_code(self, verdict: Verdict, *, interrupted: bool) -> int:
        if interrupted:
            return INTERRUPTED
        if any(experiment.stopped_by for experiment in self.experiments):
            return STOPPED_BY_GUARD
        return EXIT_CODES[verdict]

    def _header(self) -> RunHeader:
        stack = self.target.stack
        return RunHeader(
            start_s=0.0,
            end_s=0.0,
            source="runner",
            name=self.name,
            started_at=self.started.isoformat(),
            target=self.target.name,
            clock_rate=self.clock.rate,
            seed=self.seed,
            stack=stack,
            harness_version=__version__,
            vantages=tuple(summary(vantage, stack.region_names) for vantage in self.vantages),
        )


def load_run(folder: Path) -> RunRecord:
    """Raises UsageError when the folder is not a run's."""
    return _load(folder, RUN_FILE, RunRecord)


def load_findings(folder: Path) -> list[Finding]:
    """Raises UsageError when the folder is not a run's."""
    return _load(folder, FINDINGS_FILE, list[Finding])


def _load(folder: Path, name: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode((folder / name).read_bytes(), type=kind)
    except OSError as error:
        raise UsageError(f"{folder} is not a run's folder: {name}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"{folder / name}: {error}") from error


def save_json(path: Path, value: object) -> None:
    """A reader never sees half a file."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    partial.replace(path)


def _new_folder(reports: Path, name: str, started: datetime) -> Path:
    stamp = started.strftime("%Y-%m-%dT%H-%M-%SZ")
    for attempt in range(100):
        folder = reports / (f"{stamp}-{name}" if not attempt else f"{stamp}-{name}-{attempt + 1}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(
                f"run folder {folder} cannot be made: {error.strerror}; choose another with --report-dir"
            ) from error
        return folder
    raise UsageError(f"{reports} has a hundred runs named {stamp}-{name}")


def _point_latest(reports: Path, folder: Path) -> None:
    """reports/latest -> the newest run; replaced in one step so that it never dangles."""
    partial, latest = reports / f".latest.{os.getpid()}", reports / "latest"
    partial.unlink(missing_ok=True)
    partial.symlink_to(folder.name, target_is_directory=True)
    try:
        partial.replace(latest)
    except OSError as error:
        partial.unlink()
        raise UsageError(f"{latest} cannot be made a link to the newest run: {error.strerror}; move it away") from error
