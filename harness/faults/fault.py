"""inject(): the only door to a fault. What it lets in, it takes out again, whatever happens in between.

    check the blast radius -> snapshot -> journal, through to the disk -> apply -> prove that it bites -> hold (the
    caller's block) -> roll back, with signals held back and bounded retries -> read back -> close the journal entry
    -> prove, once no fault of this process is left, that it bites no more

There is no option to skip the rollback.
"""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from harness.aws import aws_errors
from harness.clock import Clock
from harness.errors import BlastRadiusExceeded, HarnessError, JournalUnwritable, NotOptedIn, NotProven, RollbackFailed
from harness.events import FaultPhase
from harness.faults.blast_radius import BlastRadius
from harness.faults.calls import carry_out
from harness.faults.catalogue import AnyFault
from harness.faults.journal import Journal, Opened
from harness.faults.phases import Phases
from harness.faults.signals import FaultScope
from harness.faults.undo import undo, undo_what_may_be_on_its_way
from harness.recorder import Recorder
from harness.stack import OPT_IN_TAG, RegionName, Stack
from harness.target import Target

LOOK_EVERY_S = 1.0
LOOK_FLOOR_WALL_S = 5.0
"""A proof has at least this long, since neither a network nor a busy machine scales with a lab's clock."""


class Injection(msgspec.Struct):
    """A fault that is in force, and how it was seen to bite."""

    fault: AnyFault
    fault_id: str
    injected_at_s: float
    proof: str


def go_on() -> None:
    """For callers who have nothing that could stop them."""


@contextmanager
def inject(
    fault: AnyFault,
    target: Target,
    recorder: Recorder,
    journal: Journal,
    *,
    blast_radius: BlastRadius | None = None,
    prove_within_s: float | None = None,
    may_go_on: Callable[[], None] = go_on,
) -> Iterator[Injection]:
    """The fault is in force inside the block and undone after it, also on an error, Ctrl-C or SIGTERM.

    `prove_within_s`: absent, as long as this kind of fault may take to bite. `may_go_on` is called while it waits and
    raises when a guard tripped. Inside the block signals raise KeyboardInterrupt at most once.

    Raises:
        BlastRadiusExceeded, NotOptedIn, NotDeployed, JournalUnwritable: before anything was changed.
        NotProven: it was not seen to bite in time, and was rolled back: what rests on it is unknown.
        HeldTooLong: the block took longer than the blast radius allows; it was rolled back.
        RollbackFailed: the stack may still be broken; the message has the commands for a person.
    """
    blast_radius = blast_radius or BlastRadius()
    blast_radius.check(fault, target.stack, _broken_regions(journal))
    _refuse_shared_resource(fault, target.stack, journal)
    for region in fault.regions:
        require_opt_in(target, region)
    snapshot = fault.snapshot(target)
    phases = Phases(fault, recorder)
    scope = FaultScope(fault.describe(), blast_radius.held_at_most_s / recorder.clock.rate)
    with ends_proven(), scope:
        entry = journal.open(fault, snapshot, target=target.name, stack=target.stack, endpoints=target.endpoints)
        open_fault = _OpenFault(entry, target, journal, phases)
        # Two levels: one exception at most comes from a signal, and wherever it strikes inside, the outer one is next.
        try:
            try:
                scope.arm()
                phases.mark(FaultPhase.INJECTING)
                with phases.record(FaultPhase.INJECTED):
                    carry_out(fault.changes(target.stack, snapshot), target)
                open_fault.is_whole = True
                injected_at_s = recorder.clock.now_s()
                proof = _prove(fault, target, recorder.clock, prove_within_s, may_go_on)
                phases.mark(FaultPhase.PROVEN, proof)
                yield Injection(fault=fault, fault_id=phases.fault_id, injected_at_s=injected_at_s, proof=proof)
            finally:
                scope.disarm()
        finally:
            open_fault.roll_back()


def require_opt_in(target: Target, region: RegionName) -> None:
    """Raises NotOptedIn unless the region's REST API carries the opt-in tag."""
    regional = target.stack.in_region(region)
    with aws_errors(f"reading the tags of REST API {regional.rest_api_id} in {region}"):
        tags = target.apigateway(region).get_rest_api(restApiId=regional.rest_api_id).get("tags", {})
    if tags.get(OPT_IN_TAG) != "true":
        raise NotOptedIn(
            f"REST API {regional.rest_api_id} in {region} has tag {OPT_IN_TAG}={tags.get(OPT_IN_TAG)!r}: faults touch "
            f"only stacks whose owner set it to 'true' (deploy with parameter AllowFaults=true)"
        )


class _OpenFault:
    """What this process has broken and not yet mended."""

    def __init__(self, entry: Opened, target: Target, journal: Journal, phases: Phases) -> None:
        self.entry = entry
        self.target = target
        self.phases = phases
        self._journal = journal
        self.is_whole = False
        """All its calls came back: none of them may still be on its way."""
        _OPEN[entry.id] = self

    def roll_back(self) -> None:
        """Raises RollbackFailed, or what the journal or the history could not take; by then the fault is undone."""
        if _OPEN.pop(self.entry.id, None) is None:
            return
        phases = self.phases
        with phases.whatever_the_disk_says():
            phases.mark(FaultPhase.ROLLING_BACK)
        start_s = phases.clock.now_s()
        try:
            undo_it = undo if self.is_whole else undo_what_may_be_on_its_way
            how = undo_it(self.entry, self.target, phases.clock)
        except RollbackFailed as error:
            with phases.whatever_the_disk_says():
                phases.mark(FaultPhase.ROLLBACK_FAILED, str(error))
            raise
        with phases.whatever_the_disk_says():
            phases.span(FaultPhase.ROLLED_BACK, start_s)
        self._close(how)
        if phases.unwritten:
            raise phases.unwritten
        if how != "gone":
            _REMOVED.append(self)

    def _close(self, how: str) -> None:
        try:
            self._journal.close(self.entry.id, how)
        except JournalUnwritable as error:
            raise JournalUnwritable(
                f"{self.entry.fault.describe()} was rolled back, but its entry stays open: {error}; "
                "`harness recover` closes it once it can be written"
            ) from error


_OPEN: dict[str, _OpenFault] = {}
_REMOVED: list[_OpenFault] = []
"""Rolled back, and not yet seen to bite no more."""


@atexit.register
def _roll_back_what_is_left() -> None:
    """A signal can strike between a block's end and inject()'s: all that ends a process but SIGKILL comes by here."""
    for open_fault in reversed(list(_OPEN.values())):
        open_fault.roll_back()


def _prove(fault: AnyFault, target: Target, clock: Clock, within_s: float | None, may_go_on: Callable[[], None]) -> str:
    # A step of a schedule that is over soon has that long and no longer.
    deadline_s = clock.now_s() + (_patience_s(fault, clock) if within_s is None else within_s)

    def look() -> str | None:
        may_go_on()
        return fault.prove(target)

    start_s = clock.now_s()
    proof = _look_until(look, clock, deadline_s)
    if not proof:
        raise NotProven(
            f"{fault.describe()} was not seen to bite within {clock.now_s() - start_s:.0f} s and was rolled back: what "
            "rests on it is unknown"
        )
    return proof


def _patience_s(fault: AnyFault, clock: Clock) -> float:
    return max(fault.about.bites_within_s, LOOK_FLOOR_WALL_S * clock.rate)


def _look_until(look: Callable[[], str | None], clock: Clock, deadline_s: float) -> str | None:
    while True:
        seen = look()
        if seen or clock.now_s() >= deadline_s:
            return seen
        clock.sleep_until_s(clock.now_s() + LOOK_EVERY_S)


class _Ends:
    depth = 0


@contextmanager
def ends_proven() -> Iterator[None]:
    """When the outermost block ends, looks from outside whether what was rolled back inside has ended.

    Not before: faults that lie over each other hide each other's end, and a schedule must not wait for a look.
    """
    patient = True
    _Ends.depth += 1
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        patient = False  # One look: who pressed Ctrl-C has waited for the rollback already.
        raise
    finally:
        _Ends.depth -= 1
        while _REMOVED and not _Ends.depth:
            _prove_removed(_REMOVED.pop(), patient=patient)


def _prove_removed(removed: _OpenFault, *, patient: bool) -> None:
    fault, phases = removed.entry.fault, removed.phases
    start_s = phases.clock.now_s()
    deadline_s = start_s + (_patience_s(fault, phases.clock) if patient else 0.0)

    def look() -> str | None:
        # A look that fails has seen nothing, neither the fault nor its end.
        with contextlib.suppress(HarnessError, OSError):
            return "seen from outside" if fault.prove_removed(removed.target) else None
        return None

    seen = _look_until(look, phases.clock, deadline_s)
    with phases.whatever_the_disk_says():
        if seen:
            phases.mark(FaultPhase.REMOVED, seen)
        else:
            phases.mark(
                FaultPhase.REMOVAL_UNPROVEN,
                f"it was not seen within {phases.clock.now_s() - start_s:.0f} s that it bites no more",
            )


def _broken_regions(journal: Journal) -> tuple[RegionName, ...]:
    return tuple(region for entry in journal.open_entries() for region in entry.fault.regions)


def _refuse_shared_resource(fault: AnyFault, stack: Stack, journal: Journal) -> None:
    wanted = set(fault.resources(stack))
    for entry in journal.open_entries():
        shared = wanted & set(entry.fault.resources(entry.stack))
        if shared:
            raise BlastRadiusExceeded(
                f"fault {fault.describe()!r} and the open fault {entry.fault.describe()!r} both change "
                f"{shared.pop()}: one would undo the other; roll the first back before"
            )
