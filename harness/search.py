"""A search for blind spots: small faults are drawn and tried, and the smallest that hurts users unseen is kept.

hypothesis draws the faults and shrinks towards the smallest share of requests refused for the shortest time. Each trial
goes through inject(): journalled, proven, undone, read back. The search is bounded in trials and in time; what it has
tried it does not try again, so that its answer is one that was seen.
"""

from __future__ import annotations

import random
import shlex
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import msgspec
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from harness.checkers.searched import Trial, trials
from harness.events import AnyEvent, HealthObservation, HttpReply, Outcome
from harness.faults.catalogue import AnyFault, as_fault
from harness.faults.domain_detached import DomainDetached
from harness.faults.fault import inject
from harness.faults.table_denied import TableDenied
from harness.faults.table_slow import TableSlow
from harness.faults.throttled import MethodThrottled, StageThrottled
from harness.probes.live import Condition, LiveView, all_of, every_vantage_home
from harness.probes.watch import ProbePlan, Watch
from harness.run import Run
from harness.stack import RegionName

STEADY_WITHIN_S = 240.0
UNFELT_AFTER_S = 20.0
"""Users ask every 5 s: when four rounds of requests were served, a fault that refuses all is not one that they feel;
of one that refuses a part it takes that many times as many."""

_HELD = (1.3, 1.6, 1.9, 2.2, 2.5)
"""How long a fault is held, in limits: one that a part of the requests passes must last longer to hurt as long."""
_REFUSED = (0.1, 0.25, 0.5, 0.75, 1.0)


class SmallFault(msgspec.Struct, frozen=True, kw_only=True):
    fault: AnyFault
    share: float
    """Of the users' requests that it refuses, when they come evenly."""
    held_s: float

    @property
    def in_words(self) -> str:
        given = as_fault(self.fault).parameters
        details = ", ".join(f"{name} {value}" for name, value in given.items() if name not in _LEFT_OUT)
        return f"{as_fault(self.fault).describe()}{f' ({details})' if details else ''} for {self.held_s:.0f} s"

    @property
    def command(self) -> str:
        """Injects it by hand."""
        given = as_fault(self.fault).parameters
        named = " ".join(shlex.quote(f"{name}={value}") for name, value in given.items())
        return f"harness faults inject {self.fault.name} {named} --for {self.held_s:.0f}s"


_LEFT_OUT = ("region", "expires_after_s", "operations", "base_path")
"""Said already, or of no interest."""


def small_faults(
    region: RegionName, *, limit_s: float, users: int, asks_every_s: float, levers: bool
) -> list[SmallFault]:
    """The smallest first: by how long a user's requests are refused, all in all; alike, by kind, the mildest first.

    All of them hit readers, since that is what the run's vantages are. `levers`: also what only a lab can do.
    """
    # A bucket that holds one round of requests lets through what its rate says, however bunched they come.
    burst = max(1, users)
    kinds: list[tuple[AnyFault, float]] = [
        (
            MethodThrottled(
                region=region,
                methods=("GET /data/{pk}",),
                rate_per_s=round(users / asks_every_s * (1 - refused), 3),
                burst=burst,
            ),
            refused,
        )
        for refused in _REFUSED
    ]
    if levers:
        # Slower than API Gateway waits: users get a 504.
        kinds += [(TableSlow(region=region, delay_s=40.0, share=share), share) for share in (0.5, 1.0)]
    kinds += [
        (TableDenied(region=region, operations="reads"), 1.0),
        (DomainDetached(region=region), 1.0),
        (StageThrottled(region=region), 1.0),
    ]
    faults = [
        SmallFault(fault=fault, share=share, held_s=round(limits * limit_s))
        for limits in _HELD
        for fault, share in kinds
    ]
    return sorted(faults, key=lambda small: small.share * small.held_s)


def smallest_that(hurts: Callable[[SmallFault], bool], faults: Sequence[SmallFault], *, seed: int) -> SmallFault | None:
    """The first of `faults` that hurts, as far as hypothesis finds it; None when no draw does.

    One number is drawn, and shrinking it leads to the beginning of the list. `hurts` must say the same of a fault each
    time, and is asked of some several times.
    """
    bounded = settings(
        max_examples=10 * len(faults),
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    numbers = st.integers(0, len(faults) - 1)
    try:
        number = find(numbers, lambda number: hurts(faults[number]), settings=bounded, random=random.Random(seed))
    except NoSuchExample:
        return None
    return faults[number]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search came to."""

    tried: int
    smallest: SmallFault | None
    fault_id: str = ""


class Search:
    """Tries small faults on one region of a run's target while the run's vantages go on asking."""

    def __init__(
        self, run: Run, region: RegionName, *, limit_s: float, probes: ProbePlan, tell: Callable[[str], None]
    ) -> None:
        self._run = run
        self._region = region
        self._limit_s = limit_s
        self._probes = probes
        self._tell = tell
        self._live = LiveView(vantage.name for vantage in run.vantages)
        self._failed = 0
        self._tried: dict[SmallFault, Trial] = {}
        self.steady_until_s: float | None = None
        """When the first trial began; None: none has."""

    def search(self, *, trials_at_most: int, for_s: float) -> Found:
        """Raises what the probes die of, and RollbackFailed."""
        with ExitStack() as watching:
            watching.callback(self._run.recorder.listen(self._live.see))
            watching.callback(self._run.recorder.listen(self._count))
            watching.enter_context(Watch(self._run.target, self._run.vantages, self._run.recorder, self._probes))
            self._settle()
            self.steady_until_s = self._run.clock.now_s()
            return self._search(trials_at_most, for_s)

    def _search(self, trials_at_most: int, for_s: float) -> Found:
        began_s = self._run.clock.now_s()

        def is_over() -> bool:
            """Time and trials are up; a search that has found nothing yet gets as much time again."""
            found = any(trial.hurts_unseen(self._limit_s) for trial in self._tried.values())
            until_s = began_s + (for_s if found else 2 * for_s)
            return len(self._tried) >= trials_at_most or self._run.clock.now_s() > until_s

        def hurts(small: SmallFault) -> bool:
            if small not in self._tried:
                if is_over():
                    return False
                self._tried[small] = self._try(small)
            return self._tried[small].hurts_unseen(self._limit_s)

        users = sum(region == self._region for region in self._run.home.values())
        faults = small_faults(
            self._region,
            limit_s=self._limit_s,
            users=users,
            asks_every_s=self._probes.https_every_s,
            levers=self._run.target.endpoints.levers_url is not None,
        )
        smallest = smallest_that(hurts, faults, seed=self._run.seed)
        fault_id = self._tried[smallest].window.fault_id if smallest else ""
        return Found(tried=len(self._tried), smallest=smallest, fault_id=fault_id)

    def _try(self, small: SmallFault) -> Trial:
        run, clock = self._run, self._run.clock
        with inject(small.fault, run.target, run.recorder, run.journal) as injection:
            self._failed = 0
            since_s = clock.now_s()
            left_s = injection.injected_at_s + small.held_s - since_s

            def told(view: LiveView) -> bool:
                unfelt = not self._failed and clock.now_s() > since_s + UNFELT_AFTER_S / small.share
                return unfelt or self._doubted(view, since_s)

            self._live.wait_until(told, at_most_s=max(0.0, left_s), clock=clock, what=small.in_words)
        self._settle()
        # Only now: requests that were on their way when the fault was undone have been answered and are in the history.
        trial = next(
            trial
            for trial in trials(run.recorder.history(), None, self._region)
            if trial.window.fault_id == injection.fault_id
        )
        self._tell(f"{small.in_words}: {trial.in_words}")
        return trial

    def _settle(self) -> None:
        """Until everyone is served at home and every checker is content; a search goes on without, and notes it."""
        clock = self._run.clock
        since_s = clock.now_s()
        settled = all_of(every_vantage_home(self._run.home, since_s=since_s), self._content(since_s))
        self._live.wait_until(settled, at_most_s=STEADY_WITHIN_S, clock=clock, what="waiting for the steady state")

    def _content(self, since_s: float) -> Condition:
        """Every checker of every region was polled since then, and says healthy."""
        return lambda view: all(
            poll is not None and poll.start_s >= since_s and poll.checkers_healthy == poll.checkers_total > 0
            for poll in self._polls(view)
        )

    def _doubted(self, view: LiveView, since_s: float) -> bool:
        return any(
            poll is not None and poll.start_s >= since_s and poll.checkers_healthy < poll.checkers_total
            for poll in self._polls(view)
        )

    def _polls(self, view: LiveView) -> list[HealthObservation | None]:
        return [view.health(region) for region in self._run.target.stack.region_names]

    def _count(self, event: AnyEvent) -> None:
        if isinstance(event, HttpReply) and event.outcome is not Outcome.OK:
            self._failed += 1
