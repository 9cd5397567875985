"""All probes of an experiment, running: HTTPS and DNS from every vantage, and the health of every region.

One thread per vantage for HTTPS, one for DNS, one for health, and one for each vantage whose users ask a resolver that
is not ours, so that one which never answers slows nobody else. Each keeps to absolute deadlines. Threads, not asyncio,
because a thread's deadline is missed by a tenth of a millisecond where a busy event loop misses it by several.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

import msgspec

from harness.errors import InvalidPlan, TargetError
from harness.events import Gap
from harness.probes.dns import DnsSweep
from harness.probes.health import HealthPoll
from harness.probes.https import TIMEOUT_FLOOR_WALL_S, TIMEOUT_S, look
from harness.probes.pacing import Pace
from harness.probes.resolvers import ask_resolver
from harness.probes.user import User
from harness.recorder import Recorder
from harness.resolving import DnsWay
from harness.target import Target
from harness.vantages import Vantage

EVERYONE = "*"
"""The vantage of a Gap that all vantages share, such as a DNS round that was not made."""

_GOLDEN = 0.6180339887498949
"""Multiples of it, modulo 1, spread evenly however many are taken."""

_SWITCH_INTERVAL_S = 0.0005
"""A probe whose time has come waits at most this long for a busy thread's turn to end; Python's default is 5 ms."""

_LEAD_WALL_S = 0.05
"""Between starting the threads and the first slot, so that none is missed before it could be made."""

_STOP_GRACE_WALL_S = 5.0

TEST_DNS_ANSWER_EVERY_S = 1.0
"""For all vantages together: of the five API requests a second that an account has, the health polls take 1.5."""


class ProbePlan(msgspec.Struct, frozen=True, kw_only=True):
    """How often and what to look at, in stack seconds.

    `path` is what a user would ask for; not the health path, which a fault may break while users are served well.
    """

    path: str
    https: bool = True
    """False: users are others, such as those of a load test."""
    https_every_s: float = 5.0
    dns_every_s: float = 1.0
    health_every_s: float = 2.0
    """Every region at once: Route 53 allows 5 API requests a second for a whole account, and three regions take 1.5."""
    https_timeout_s: float = TIMEOUT_S

    def __post_init__(self) -> None:
        if not (self.path.startswith("/") and self.path.isascii() and self.path.isprintable() and " " not in self.path):
            raise InvalidPlan(f"probe path {self.path!r}: it must begin with '/' and be percent-encoded ASCII")
        for name in ("https_every_s", "dns_every_s", "health_every_s", "https_timeout_s"):
            if not getattr(self, name) > 0:
                raise InvalidPlan(f"{name} {getattr(self, name)}: it must be above 0")


class Watch:
    """Runs all probes from `start` (or entering it) to `stop` (or leaving it); all they see goes to the recorder."""

    def __init__(self, target: Target, vantages: Sequence[Vantage], recorder: Recorder, plan: ProbePlan) -> None:
        self._target = target
        self._vantages = tuple(vantages)
        self._recorder = recorder
        self._clock = recorder.clock
        self._plan = plan
        self._stopping = threading.Event()
        self._resolved = tuple(v for v in self._vantages if v.resolver.way is not DnsWay.AUTHORITATIVE)
        workers = len(self._vantages) + len(self._resolved) + 2
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="probe")
        self._probes: list[Future[None]] = []
        self._switch_interval_s = sys.getswitchinterval()

    def start(self) -> None:
        """Raises TargetError when the name servers, the CA file or the credentials cannot be had at all."""
        self._target.nameservers()
        self._target.tls_context()
        self._target.route53()
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        # A full garbage collection stops every thread for 100 ms when boto3's models are loaded; frozen objects are
        # left out of it. Worst lateness over 20 s fell from 117 to 11 ms (benchmarks/pacing.py).
        gc.collect()
        gc.freeze()
        start_s = self._clock.now_s() + _LEAD_WALL_S * self._clock.rate
        for number, vantage in enumerate(self._vantages if self._plan.https else ()):
            self._probes.append(self._pool.submit(self._watch_https, vantage, number, start_s))
        for number, vantage in enumerate(self._resolved):
            self._probes.append(self._pool.submit(self._watch_resolver, vantage, number, start_s))
        self._probes.append(self._pool.submit(self._watch_dns, start_s))
        self._probes.append(self._pool.submit(self._watch_health, start_s))

    def stop(self) -> None:
        """Ends all probes, waiting for the looks under way. Raises what a probe died of, if one did.

        Raises:
            TargetError: a probe did not end in time.
        """
        self._stopping.set()
        longest_wall_s = max(self._plan.https_timeout_s / self._clock.rate, TIMEOUT_FLOOR_WALL_S)
        # A look may also wait for name servers before its own deadline is looked at again, and a poll for its client.
        done, running = wait(self._probes, timeout=2 * longest_wall_s + _STOP_GRACE_WALL_S)
        self._pool.shutdown(wait=False)
        gc.unfreeze()
        sys.setswitchinterval(self._switch_interval_s)
        for probe in done:
            probe.result()
        if running:
            raise TargetError(f"{len(running)} probes did not end in time; what they see now is not in the history")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _watch_https(self, vantage: Vantage, number: int, start_s: float) -> None:
        user = User(vantage, first_age=number * _GOLDEN % 1, seed=number)
        pace = Pace(start_s=start_s, every_s=self._plan.https_every_s, phase=number / len(self._vantages))

        def once(due_s: float) -> None:
            reply = look(
                self._target,
                user,
                clock=self._clock,
                path=self._plan.path,
                timeout_s=self._plan.https_timeout_s,
                due_s=due_s,
            )
            self._recorder.record(reply)

        try:
            self._keep(pace, once, source="https", vantage=vantage.name)
        finally:
            user.close()

    def _watch_resolver(self, vantage: Vantage, number: int, start_s: float) -> None:
        """What the vantage's resolver says, beside what the name servers say."""
        every_s = self._plan.dns_every_s
        if vantage.resolver.way is DnsWay.TEST_DNS_ANSWER:
            every_s = max(every_s, TEST_DNS_ANSWER_EVERY_S * len(self._resolved))
        pace = Pace(start_s=start_s, every_s=self._plan.https_every_s, phase=number / len(self._resolved))

        def once(_: float) -> None:
            self._recorder.record(ask_resolver(self._target, vantage, clock=self._clock))

        self._keep(pace, once, source="resolver", vantage=vantage.name)

    def _watch_dns(self, start_s: float) -> None:
        """A round asks one server for all vantages; the rounds go through the servers in turn."""
        servers = self._target.nameservers()
        pace = Pace(start_s=start_s, every_s=self._plan.dns_every_s, phase=0.5 / max(1, len(self._vantages)))
        rounds = 0

        def once(_: float) -> None:
            nonlocal rounds
            for answer in sweep.ask_all(self._vantages, servers[rounds % len(servers)]):
                self._recorder.record(answer)
            rounds += 1

        with DnsSweep(self._target, self._clock) as sweep:
            self._keep(pace, once, source="dns", vantage=EVERYONE)

    def _watch_health(self, start_s: float) -> None:
        poll = HealthPoll(self._target, self._clock)
        pace = Pace(start_s=start_s, every_s=self._plan.health_every_s)

        def once(_: float) -> None:
            for regional in self._target.stack.regions:
                self._recorder.record(poll.look(regional))

        self._keep(pace, once, source="health", vantage=EVERYONE)

    def _keep(self, pace: Pace, once: Callable[[float], None], *, source: str, vantage: str) -> None:
        """Calls `once` at each slot of `pace` until stopped; slots that pass meanwhile are recorded as a Gap."""
        while True:
            now_s = self._clock.now_s()
            slot = pace.next_slot(now_s)
            if slot.missed:
                reason = f"the {source} look before took until {now_s:.1f} s"
                self._recorder.record(
                    Gap(
                        start_s=slot.missed_from_s,
                        end_s=slot.due_s,
                        source=source,
                        vantage=vantage,
                        missed=slot.missed,
                        reason=reason,
                    )
                )
            if self._stopping.wait(max(0.0, slot.due_s - self._clock.now_s()) / self._clock.rate):
                return
            once(slot.due_s)
