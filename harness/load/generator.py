"""What the users of one worker share: the target, their places, the record."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from harness.clock import Clock
from harness.events import AnyEvent, DnsAnswer
from harness.load.messages import Begin
from harness.load.places import Places
from harness.load.sink import Sink
from harness.target import Target

if TYPE_CHECKING:
    from locust.env import Environment


class Generator:
    """Made when a test starts, and of no use after it ended."""

    def __init__(self, environment: Environment, begin: Begin, target: Target, clock: Clock, sink: Sink) -> None:
        self._environment = environment
        self._sink = sink
        self.target = target
        self.clock = clock
        self.connections = begin.connections
        self.item_path = begin.item_path
        self.every_wall_s = begin.every_wall_s
        self.run = begin.run
        self.places = Places(target, begin.vantages, clock, self._asked, seed=begin.seed)

    def record(self, event: AnyEvent) -> None:
        self._sink.record(event)

    def made(self, response: Any) -> None:
        """An item came of this response: it will be removed."""
        with contextlib.suppress(ValueError, TypeError, KeyError):  # no reply of the application: then none is known
            self._sink.made(str(json.loads(response.content)["pk"]))

    def _asked(self, answer: DnsAnswer, asked_at: float) -> None:
        """DNS time is a request type of its own in locust's tables."""
        self.record(answer)
        self._environment.events.request.fire(
            request_type="DNS",
            name=f"{self.target.stack.domain_name} · {answer.region or 'no region'}",
            response_time=(answer.end_s - answer.start_s) / self.clock.rate * 1000,
            response_length=0,
            context={"vantage": answer.vantage, "region": answer.region or ""},
            exception=None if answer.addresses else OSError(answer.error or "no answer"),
            start_time=asked_at,
        )


_generators: WeakKeyDictionary[Environment, Generator] = WeakKeyDictionary()


def generator_of(environment: Environment) -> Generator | None:
    """None before the test was begun."""
    return _generators.get(environment)


def set_generator(environment: Environment, generator: Generator | None) -> None:
    _generators.pop(environment, None)
    if generator is not None:
        _generators[environment] = generator
