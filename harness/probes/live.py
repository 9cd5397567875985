"""The latest of what the probes saw, while they run, and conditions on it to wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

from harness.clock import Clock
from harness.events import AnyEvent, DnsAnswer, HealthObservation, HttpReply, Outcome, VantageName
from harness.resolving import DnsWay
from harness.stack import RegionName

LOOK_EVERY_WALL_S = 0.02
"""A condition is tried this often: 50 times a second costs nothing beside the probes."""


class LiveView:
    """The latest look of each vantage and at each region. `recorder.listen(view.see)` feeds it; thread-safe."""

    def __init__(self, vantages: Iterable[VantageName]) -> None:
        self.vantages = tuple(vantages)
        self.waiting_for: str | None = None
        """What `wait_until` waits for just now, for a progress display."""
        self._lock = threading.Lock()
        self._replies: dict[VantageName, HttpReply] = {}
        self._answers: dict[VantageName, DnsAnswer] = {}
        self._health: dict[RegionName, HealthObservation] = {}

    def see(self, event: AnyEvent) -> None:
        """Keeps `event` when it is the latest of its kind by its start; looks may end in another order."""
        with self._lock:
            match event:
                case HttpReply():
                    if _is_later(event, self._replies.get(event.vantage)):
                        self._replies[event.vantage] = event
                case DnsAnswer(way=DnsWay.AUTHORITATIVE):
                    if _is_later(event, self._answers.get(event.vantage)):
                        self._answers[event.vantage] = event
                case HealthObservation():
                    if _is_later(event, self._health.get(event.region)):
                        self._health[event.region] = event
                case _:
                    pass

    def reply(self, vantage: VantageName) -> HttpReply | None:
        with self._lock:
            return self._replies.get(vantage)

    def answer(self, vantage: VantageName) -> DnsAnswer | None:
        with self._lock:
            return self._answers.get(vantage)

    def health(self, region: RegionName) -> HealthObservation | None:
        with self._lock:
            return self._health.get(region)

    def wait_until(self, condition: Condition, *, at_most_s: float, clock: Clock, what: str) -> bool:
        """Whether `condition` came to hold within `at_most_s` stack seconds; returns as soon as it does."""
        deadline_s = clock.now_s() + at_most_s
        self.waiting_for = what
        try:
            while not condition(self):
                now_s = clock.now_s()
                if now_s >= deadline_s:
                    return False
                clock.sleep_until_s(min(deadline_s, now_s + LOOK_EVERY_WALL_S * clock.rate))
            return True
        finally:
            self.waiting_for = None


Condition = Callable[[LiveView], bool]


def _is_later(event: HttpReply | DnsAnswer | HealthObservation, known: object) -> bool:
    return not isinstance(known, HttpReply | DnsAnswer | HealthObservation) or event.start_s >= known.start_s


# In each of these, `since_s` leaves out looks that started before it, and a look not made does not fulfil anything.
# `since_s` matters where the condition held before, too: "home again" must not be answered by looks before the fault.


def every_vantage_left(region: RegionName, *, since_s: float = 0.0) -> Condition:
    """Every vantage's latest look was served, and by another region."""

    def condition(view: LiveView) -> bool:
        return _every_reply(view, since_s, lambda reply: reply.region is not None and reply.region != region)

    return condition


def every_vantage_served_ok(*, since_s: float = 0.0) -> Condition:
    """Every vantage's latest look was served, by whichever region."""

    def condition(view: LiveView) -> bool:
        return _every_reply(view, since_s, lambda _: True)

    return condition


def every_vantage_home(home: Mapping[VantageName, RegionName], *, since_s: float = 0.0) -> Condition:
    """Every vantage's latest look was served by the region that `home` gives it; one that is not in `home` by any."""

    def condition(view: LiveView) -> bool:
        return _every_reply(view, since_s, lambda reply: reply.region == home.get(reply.vantage, reply.region))

    return condition


def dns_left(region: RegionName, *, since_s: float = 0.0) -> Condition:
    """Every vantage's latest DNS answer is of another region."""

    def condition(view: LiveView) -> bool:
        return _every_answer(view, since_s, lambda answer: answer.region is not None and answer.region != region)

    return condition


def dns_home(home: Mapping[VantageName, RegionName], *, since_s: float = 0.0) -> Condition:
    """Every vantage's latest DNS answer is of the region that `home` gives it; one that is not in `home` of any."""

    def condition(view: LiveView) -> bool:
        return _every_answer(view, since_s, lambda answer: answer.region == home.get(answer.vantage, answer.region))

    return condition


def check_healthy(region: RegionName, *, since_s: float = 0.0) -> Condition:
    """The latest poll of the region's health check says healthy."""

    def condition(view: LiveView) -> bool:
        return _health_is(view.health(region), since_s, wanted=True)

    return condition


def check_unhealthy(region: RegionName, *, since_s: float = 0.0) -> Condition:
    """The latest poll of the region's health check says unhealthy."""

    def condition(view: LiveView) -> bool:
        return _health_is(view.health(region), since_s, wanted=False)

    return condition


def all_of(*conditions: Condition) -> Condition:
    def condition(view: LiveView) -> bool:
        return all(one(view) for one in conditions)

    return condition


def _every_reply(view: LiveView, since_s: float, holds: Callable[[HttpReply], bool]) -> bool:
    replies = [view.reply(vantage) for vantage in view.vantages]
    return all(reply is not None and _served(reply, since_s) and holds(reply) for reply in replies)


def _every_answer(view: LiveView, since_s: float, holds: Callable[[DnsAnswer], bool]) -> bool:
    answers = [view.answer(vantage) for vantage in view.vantages]
    return all(answer is not None and _served(answer, since_s) and holds(answer) for answer in answers)


def _served(look: HttpReply | DnsAnswer, since_s: float) -> bool:
    return look.outcome is Outcome.OK and look.start_s >= since_s


def _health_is(poll: HealthObservation | None, since_s: float, *, wanted: bool) -> bool:
    return poll is not None and poll.start_s >= since_s and poll.healthy is wanted
