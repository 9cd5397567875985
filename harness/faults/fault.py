"""inject(): the only door to a fault. What it lets in, it takes out again, whatever happens in between.

    check the blast radius -> snapshot -> journal, flushed to disk -> apply -> prove that it bites -> hold (the caller's
    block) -> roll back, with signals held back and bounded retries -> read back -> close the journal entry

There is no option to skip the rollback.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from harness.aws import aws_errors
from harness.clock import Clock
from harness.errors import BlastRadiusExceeded, HarnessError, LabNotRunning, NotDeployed, NotOptedIn, RollbackFailed
from harness.events import FaultEvent, FaultPhase
from harness.faults.calls import carry_out
from harness.faults.catalogue import AnyFault
from harness.faults.journal import Journal, Opened
from harness.faults.signals import signals_held
from harness.recorder import Recorder
from harness.stack import OPT_IN_TAG, RegionName, Stack
from harness.target import Target

ROLLBACK_ATTEMPTS = 5
PROOF_EVERY_S = 1.0
PROVE_WITHIN_S = 60.0


class BlastRadius(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be broken at once. By default one region always stays whole."""

    regions_at_most: int | None = None
    """None: all but one. All of them only by saying their number."""

    def check(self, fault: AnyFault, stack: Stack, already_broken: tuple[RegionName, ...]) -> None:
        """Raises BlastRadiusExceeded, naming the fault, the count and the limit."""
        unknown = [region for region in fault.regions if region not in stack.region_names]
        if unknown:
            raise BlastRadiusExceeded(
                f"fault {fault.describe()!r} covers {', '.join(unknown)}, where stack {stack.name!r} has no part; "
                f"it is in {', '.join(stack.region_names)}"
            )
        limit = len(stack.regions) - 1 if self.regions_at_most is None else self.regions_at_most
        broken = set(already_broken) | set(fault.regions)
        if len(broken) > limit:
            raise BlastRadiusExceeded(
                f"fault {fault.describe()!r} would have {len(broken)} of {len(stack.regions)} regions of stack "
                f"{stack.name!r} broken at once; at most {limit} may be, narrow the fault's regions"
            )


class Injection(msgspec.Struct):
    """A fault that is in force. `proof` says how it was seen to bite; None while it was not."""

    fault: AnyFault
    fault_id: str
    injected_at_s: float
    proof: str | None = None


@contextmanager
def inject(
    fault: AnyFault,
    target: Target,
    recorder: Recorder,
    journal: Journal,
    *,
    blast_radius: BlastRadius | None = None,
    prove_within_s: float = PROVE_WITHIN_S,
) -> Iterator[Injection]:
    """The fault is in force inside the block and undone after it, also on an error, Ctrl-C or SIGTERM.

    A fault that was not seen to bite within `prove_within_s` is held all the same: the history then has no PROVEN
    phase, and every finding that rests on it is UNKNOWN.

    Raises:
        BlastRadiusExceeded, NotOptedIn, NotDeployed: before anything was changed.
        RollbackFailed: the stack may still be broken; the message has the command for a person.
    """
    (blast_radius or BlastRadius()).check(fault, target.stack, _broken_regions(journal))
    _refuse_shared_resource(fault, target.stack, journal)
    for region in fault.regions:
        require_opt_in(target, region)
    snapshot = fault.snapshot(target)
    entry = journal.open(fault, snapshot, target=target.name, stack=target.stack, endpoints=target.endpoints)
    phases = _Phases(fault, recorder)
    try:
        phases.mark(FaultPhase.INJECTING)
        with phases.record(FaultPhase.INJECTED):
            carry_out(fault.changes(target.stack, snapshot), target)
        injection = Injection(fault=fault, fault_id=phases.fault_id, injected_at_s=recorder.clock.now_s())
        injection.proof = _prove(injection, target, recorder.clock, prove_within_s)
        if injection.proof:
            phases.mark(FaultPhase.PROVEN, injection.proof)
        yield injection
    finally:
        with signals_held():
            _roll_back(entry, target, recorder.clock, journal, phases)


def undo(entry: Opened, target: Target, clock: Clock) -> str:
    """Rolls one journal entry back with bounded retries and reads it back. Returns how: "rolled back" or "gone".

    Raises:
        RollbackFailed: after the last retry, or when somebody else changed the resource meanwhile.
    """
    last: Exception | None = None
    for attempt in range(ROLLBACK_ATTEMPTS):
        if attempt:
            clock.sleep_until_s(clock.now_s() + 2.0**attempt)
        try:
            entry.fault.rollback(target, entry.snapshot)
            if entry.fault.is_rolled_back(target, entry.snapshot):
                return "rolled back"
            last = RollbackFailed(f"{entry.fault.describe()}: the read-back does not show the rollback yet")
        except RollbackFailed:
            raise
        except (HarnessError, OSError) as error:
            if isinstance(error, NotDeployed) and entry.fault.is_gone(target):
                return "gone"
            last = error
    if isinstance(last, LabNotRunning):
        return "gone"  # The stack lived in the memory of a server on this machine, which has ended.
    raise RollbackFailed(
        f"{entry.fault.describe()} could not be rolled back in {ROLLBACK_ATTEMPTS} attempts: {last}. "
        f"Run `harness recover`, or by hand: {entry.fault.by_hand(entry.stack, entry.snapshot)}"
    ) from last


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


class _Phases:
    """Writes the fault's phases to the history."""

    def __init__(self, fault: AnyFault, recorder: Recorder) -> None:
        self.fault_id = uuid.uuid4().hex[:8]
        self._fault = fault
        self._recorder = recorder

    @contextmanager
    def record(self, done: FaultPhase) -> Iterator[None]:
        """Writes `done`, spanning the block, when the block ends well."""
        start_s = self._recorder.clock.now_s()
        yield
        self._write(done, start_s, self._recorder.clock.now_s(), None)

    def mark(self, phase: FaultPhase, detail: str | None = None) -> None:
        now_s = self._recorder.clock.now_s()
        self._write(phase, now_s, now_s, detail)

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


def _prove(injection: Injection, target: Target, clock: Clock, within_s: float) -> str | None:
    deadline_s = clock.now_s() + within_s
    while True:
        proof = injection.fault.prove(target)
        if proof or clock.now_s() >= deadline_s:
            return proof
        clock.sleep_until_s(clock.now_s() + PROOF_EVERY_S)


def _roll_back(entry: Opened, target: Target, clock: Clock, journal: Journal, phases: _Phases) -> None:
    phases.mark(FaultPhase.ROLLING_BACK)
    try:
        with phases.record(FaultPhase.ROLLED_BACK):
            how = undo(entry, target, clock)
    except RollbackFailed as error:
        phases.mark(FaultPhase.ROLLBACK_FAILED, str(error))
        raise
    journal.close(entry.id, how)


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
