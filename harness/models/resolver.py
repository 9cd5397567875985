"""A resolver's cache, as RFC 1035 describes it: an answer is used until its TTL has passed, then asked for again."""

from __future__ import annotations

import msgspec


class CachedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses as an authoritative server gave them at `resolved_s`."""

    addresses: tuple[str, ...]
    resolved_s: float
    expires_s: float


class TtlCache:
    """The cache of one resolver. Time is an argument, in the unit of the TTLs.

    `first_age`, a share of the TTL in [0, 1), is how old the first answer for each name already counts. A resolver
    with other users is found somewhere in its TTL, not at the start of it; without this, vantages that start together
    would expire together for ever, and their failover times would be one sample instead of many.
    """

    def __init__(self, first_age: float = 0.0) -> None:
        if not 0 <= first_age < 1:
            raise ValueError(f"first_age {first_age}: must be a share of the TTL in [0, 1)")
        self._first_age = first_age
        self._answers: dict[str, CachedAnswer] = {}

    def fresh(self, name: str, now_s: float) -> CachedAnswer | None:
        """The answer in use for `name`, None when there is none or it has expired."""
        answer = self._answers.get(name)
        return answer if answer is not None and now_s < answer.expires_s else None

    def store(self, name: str, addresses: tuple[str, ...], *, ttl_s: float, now_s: float) -> CachedAnswer:
        """Keeps an answer received at `now_s`. A TTL of 0 is for this use only (RFC 1035, 3.2.1)."""
        age = 0.0 if name in self._answers else self._first_age
        answer = CachedAnswer(addresses=addresses, resolved_s=now_s, expires_s=now_s + ttl_s * (1 - age))
        self._answers[name] = answer
        return answer
