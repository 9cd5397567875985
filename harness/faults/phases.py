"""The phases of one fault, written to the history as they pass."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

from harness.errors import HistoryUnwritable
from harness.events import FaultEvent, FaultPhase
from harness.faults.catalogue import AnyFault
from harness.recorder import Recorder


class Phases:
    def __init__(self, fault: AnyFault, recorder: Recorder) -> None:
        self.fault_id = uuid.uuid4().hex[:8]
        self.clock = recorder.clock
        self.unwritten: HistoryUnwritable | None = None
        """Why a phase is missing from the history; the fault is undone all the same."""
        self._fault = fault
        self._recorder = recorder

    @contextlib.contextmanager
    def record(self, done: FaultPhase) -> Iterator[None]:
        """Writes `done`, spanning the block, when the block ends well."""
        start_s = self.clock.now_s()
        yield
        self._write(done, start_s, self.clock.now_s(), None)

    def span(self, phase: FaultPhase, start_s: float) -> None:
        """Writes `phase`, from `start_s` until now."""
        self._write(phase, start_s, self.clock.now_s(), None)

    def mark(self, phase: FaultPhase, detail: str | None = None) -> None:
        now_s = self.clock.now_s()
        self._write(phase, now_s, now_s, detail)

    @contextlib.contextmanager
    def whatever_the_disk_says(self) -> Iterator[None]:
        """Inside, a history that cannot be written is remembered and not raised."""
        try:
            yield
        except HistoryUnwritable as error:
            self.unwritten = error

    def _write(self, phase: FaultPhase, start_s: float, end_s: float, detail: str | None) -> None:
        self._recorder.record(
            FaultEvent(
                start_s=start_s,
                end_s=end_s,
                source="runner",
                fault=self._fault.name,
                fault_id=self.fault_id,
                phase=phase,
                regions=self._fault.regions,
                parameters=self._fault.parameters,
                detail=detail,
            )
        )
