"""What a recursive resolver keeps and for how long: RFC 1035's TTLs, clamps, stale answers (RFC 8767), several caches.

Pure: time is an argument, in the unit of the TTLs, and the caller does the asking:

    answer = cache.use(name, now_s) or (ask, then) cache.store(name, ...) or cache.failed(name, ...)
"""

from __future__ import annotations

from collections.abc import Hashable
from random import Random
from typing import Generic, TypeVar

import msgspec

from harness.resolving import Behaviour, BeyondTtl

T = TypeVar("T")

MOST_NAMES = 10_000
"""Of each cache; the one stored longest ago goes first, so that random names cannot fill the memory."""

_GOLDEN = 0.6180339887498949
"""Multiples of it, modulo 1, spread evenly however many are taken."""


class CachedAnswer(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What a name server answered at `resolved_s`."""

    value: T
    ttl_s: float
    """As the name server said it."""
    resolved_s: float
    expires_s: float


class Use(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """An answer as a resolver gives it to a client."""

    answer: CachedAnswer[T]
    ttl_left_s: float
    """The TTL that the client is told."""
    cache: int
    beyond_ttl: BeyondTtl | None = None
    because: str | None = None


class _Failure(msgspec.Struct, frozen=True):
    at_s: float
    because: str


class ResolverCache(Generic[T]):
    """All caches of one resolver.

    `first_age`, a share of the TTL in [0, 1), is how old the first answer for each name already counts. A resolver
    with other users is found somewhere in its TTL, not at the start of it; without this, vantages that start together
    would expire together for ever, and their failover times would be one sample instead of many.
    """

    def __init__(self, behaviour: Behaviour | None = None, *, first_age: float = 0.0, seed: int = 0) -> None:
        if not 0 <= first_age < 1:
            raise ValueError(f"first_age {first_age}: must be a share of the TTL in [0, 1)")
        self.behaviour = behaviour or Behaviour()
        self._first_age = first_age
        self._random = Random(seed)
        self._answers: list[dict[Hashable, CachedAnswer[T]]] = [{} for _ in range(self.behaviour.caches)]
        self._failures: list[dict[Hashable, _Failure]] = [{} for _ in range(self.behaviour.caches)]

    def become(self, behaviour: Behaviour) -> None:
        """Behaves so from now on. What is cached stays, with the expiry that it has, in the caches that are left."""
        self.behaviour = behaviour
        for kept in (self._answers, self._failures):
            del kept[behaviour.caches :]
            kept.extend({} for _ in range(behaviour.caches - len(kept)))

    def pick(self) -> int:
        """Which of the caches behind the address gets the next question."""
        return self._random.randrange(self.behaviour.caches) if self.behaviour.caches > 1 else 0

    def use(self, name: Hashable, now_s: float, *, cache: int = 0) -> Use[T] | None:
        """What is answered without asking anybody; None: a name server must be asked first.

        A stale answer is given so while a failed refresh is too recent to be tried again.
        """
        answer = self._answers[cache].get(name)
        if answer is None:
            return None
        if now_s < answer.expires_s:
            clamped = BeyondTtl.CLAMPED if now_s - answer.resolved_s >= answer.ttl_s else None
            because = f"the resolver keeps answers for at least {self.behaviour.ttl_min_s:g} s" if clamped else None
            return Use(
                answer=answer,
                ttl_left_s=answer.expires_s - now_s,
                cache=cache,
                beyond_ttl=clamped,
                because=because,
            )
        failure, stale = self._failures[cache].get(name), self.behaviour.stale
        if failure is None or stale is None or now_s >= failure.at_s + stale.recheck_s:
            return None
        return self._stale(answer, now_s, cache, failure.because)

    def store(self, name: Hashable, value: T, *, ttl_s: float, now_s: float, cache: int = 0) -> Use[T]:
        """Keeps an answer received at `now_s`. A TTL of 0 is for this use only (RFC 1035, 3.2.1)."""
        answers = self._answers[cache]
        age = 0.0 if name in answers else (self._first_age + cache * _GOLDEN * bool(self._first_age)) % 1
        kept_s = self.behaviour.kept_s(ttl_s)
        answer = CachedAnswer(value=value, ttl_s=ttl_s, resolved_s=now_s, expires_s=now_s + kept_s * (1 - age))
        answers.pop(name, None)  # A new answer goes to the end of the queue of those to be forgotten.
        answers[name] = answer
        self._failures[cache].pop(name, None)
        if len(answers) > MOST_NAMES:
            oldest = next(iter(answers))
            del answers[oldest]
            self._failures[cache].pop(oldest, None)
        return Use(answer=answer, ttl_left_s=kept_s * (1 - age), cache=cache)

    def failed(self, name: Hashable, *, now_s: float, because: str, cache: int = 0) -> Use[T] | None:
        """What the client gets now that no name server could be asked: a stale answer if one is kept and still may be.

        Answers such as NXDOMAIN are no failures: they are to be stored.
        """
        answer = self._answers[cache].get(name)
        if answer is None or not self._may_be_stale(answer, now_s):
            return None
        self._failures[cache][name] = _Failure(now_s, because)
        return self._stale(answer, now_s, cache, because)

    def may_wait_s(self, name: Hashable, now_s: float, *, cache: int = 0) -> float | None:
        """How long a client is kept waiting for a refresh before it gets a stale answer; None: as long as it takes."""
        answer = self._answers[cache].get(name)
        if self.behaviour.stale is None or answer is None or not self._may_be_stale(answer, now_s):
            return None
        return self.behaviour.stale.client_timer_s

    def _may_be_stale(self, answer: CachedAnswer[T], now_s: float) -> bool:
        return self.behaviour.stale is not None and now_s < answer.expires_s + self.behaviour.stale.keep_s

    def _stale(self, answer: CachedAnswer[T], now_s: float, cache: int, because: str) -> Use[T] | None:
        stale = self.behaviour.stale
        if stale is None or not self._may_be_stale(answer, now_s):
            return None
        return Use(
            answer=answer, ttl_left_s=stale.answer_ttl_s, cache=cache, beyond_ttl=BeyondTtl.STALE, because=because
        )
