"""A worker's part in a test: told by its master what to do, it makes the generator, and brings home what users saw."""

from __future__ import annotations

import logging
import tempfile
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
import msgspec
from gevent.event import Event as Signal

from harness import __version__
from harness.clock import ScaledClock
from harness.events import LoadSample
from harness.load.align import SAME, UNKNOWN, AlignedClock, better, offset_of
from harness.load.generator import Generator, generator_of, set_generator
from harness.load.messages import BATCH, ENDED, PING, REFUSED, SWEPT, Batch, Begin, Ended, Kept, Ping, Pong, Refused
from harness.load.messages import pack as packed
from harness.load.sink import Sink
from harness.load.sweeping import SweepOrder, Swept, sweep_part
from harness.target import Target

if TYPE_CHECKING:
    from locust.env import Environment

PINGS = 8
PING_EVERY_WALL_S = 0.05
FIRST_PING_AFTER_WALL_S = 1.0
"""A master that has just begun to listen for workers may not listen for ours yet, unless it was heard."""
PINGED_AGAIN_EVERY_WALL_S = 10.0
SAMPLED_EVERY_WALL_S = 1.0
SENT_WITHIN_WALL_S = 30.0
"""At the end, for the last batches to be confirmed."""

_log = logging.getLogger(__name__)


class Worker:
    """One for each process that has users."""

    def __init__(self, environment: Environment, *, alone: bool) -> None:
        """`alone`: master and worker are one process, and its clock is the master's."""
        self._environment = environment
        self._alone = alone
        self._offset = SAME if alone else UNKNOWN
        self._master_listens = Signal()
        self._sink: Sink | None = None
        self._sampler: gevent.Greenlet | None = None
        self._begun: Begin | None = None
        self._sweeper: gevent.Greenlet | None = None
        self._ending = False
        if not alone:
            gevent.spawn(self._ping_often)

    @property
    def name(self) -> str:
        return str(self._runner.client_id)

    def begin(self, begin: Begin) -> None:
        """Before the first user is spawned. A master of another version is refused: events would mean other things."""
        if begin.version != __version__:
            reason = f"worker {self.name} has harness {__version__}, its master {begin.version}: install one on both"
            _log.error(reason)
            self._send(REFUSED, Refused(worker=self.name, reason=reason))
            return
        if self._begun is not None and self._begun.run == begin.run:
            return  # told again, as workers are when others come or go
        self._begun, self._sweeper, self._ending = begin, None, False
        self._master_listens.set()
        target = _target_of(begin)
        clock = self._clock_of(begin, target)
        self._sink = Sink(self._send_batch, worker=self.name, run=begin.run, clock=clock)
        set_generator(self._environment, Generator(self._environment, begin, target, clock, self._sink))
        self._sampler = gevent.spawn(self._sample_often, clock)

    def kept(self, message: Kept) -> None:
        if self._sink and self._begun and message.run == self._begun.run:
            self._sink.confirmed(message.number)

    def ponged(self, pong: Pong) -> None:
        self._offset = better(self._offset, offset_of(pong, time.time()))

    def sweep(self, order: SweepOrder) -> None:
        """In a greenlet of its own, beside the users; what is done when the test ends is brought home."""
        generator = generator_of(self._environment)
        if generator is not None and order.run == generator.run:
            self._sweeper = gevent.spawn(self._sweep, order, generator)

    def _sweep(self, order: SweepOrder, generator: Generator) -> None:
        part = sweep_part(order, generator.target, generator.clock, lambda: self._ending)
        self._send(SWEPT, Swept(worker=self.name, run=order.run, part=part))

    def end(self) -> None:
        """After the last user was stopped: brings home what is left. Does nothing when nothing was begun."""
        begun, sink = self._begun, self._sink
        if begun is None or sink is None or sink.closing:
            return
        if self._sampler:
            self._sampler.kill()
        if self._sweeper:
            self._ending = True
            self._sweeper.join(SENT_WITHIN_WALL_S)
        set_generator(self._environment, None)
        unsent = sink.close(SENT_WITHIN_WALL_S)
        self._begun = self._sink = None
        if unsent:
            _log.error("%d events of worker %s were not confirmed by the master", unsent, self.name)
        self._send(ENDED, Ended(worker=self.name, run=begun.run, events=sink.events, unsent=unsent))

    def _clock_of(self, begin: Begin, target: Target) -> AlignedClock:
        """Stack seconds since the run began, as the master counts them."""
        origin = target.endpoints.clock_origin_at
        clock = ScaledClock(
            target.endpoints.clock_rate,
            datetime.fromisoformat(origin) if origin else None,
            started=datetime.fromisoformat(begin.started_at),
        )
        return AlignedClock(clock, lambda: self._offset)

    def _sample_often(self, clock: AlignedClock) -> None:
        spent_s, at_s = time.process_time(), time.monotonic()
        while self._sink is not None:
            gevent.sleep(SAMPLED_EVERY_WALL_S)
            now_s = clock.now_s()
            # Not locust's own figure, which is five seconds old at times.
            spent_before_s, spent_s = spent_s, time.process_time()
            before_s, at_s = at_s, time.monotonic()
            self._sink.record(
                LoadSample(
                    start_s=now_s,
                    end_s=now_s,
                    source=self.name,
                    users=self._runner.user_count,
                    cpu_share=(spent_s - spent_before_s) / (at_s - before_s),
                    clock_uncertainty_s=None if self._offset is UNKNOWN else self._offset.uncertainty_s * clock.rate,
                )
            )

    def _ping_often(self) -> None:
        self._master_listens.wait(FIRST_PING_AFTER_WALL_S)
        while True:
            for _ in range(PINGS):
                with suppress(Exception):  # not connected yet: the next one will be
                    self._send(PING, Ping(sent_at=time.time()))
                gevent.sleep(PING_EVERY_WALL_S)
            gevent.sleep(PINGED_AGAIN_EVERY_WALL_S)

    def _send_batch(self, batch: Batch) -> None:
        self._send(BATCH, batch)

    def _send(self, kind: str, message: msgspec.Struct) -> None:
        self._runner.send_message(kind, packed(message))

    @property
    def _runner(self) -> Any:
        return self._environment.runner


def _target_of(begin: Begin) -> Target:
    """The target as this machine can reach it: certificates come with the message."""
    endpoints = begin.target.endpoints
    if begin.ca_pem is not None:
        path = Path(tempfile.mkdtemp(prefix="harness-load-")) / "ca.pem"
        path.write_text(begin.ca_pem)
        endpoints = msgspec.structs.replace(endpoints, ca_file=str(path))
    file = begin.target
    return Target(file.stack, endpoints, name=file.name, served_region=file.served_region)
