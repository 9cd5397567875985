"""A user at a vantage between looks: what its resolver has cached, and the connection that its client keeps."""

from __future__ import annotations

import contextlib
import ssl

import msgspec

from harness.models.resolver import Use
from harness.probes.resolve import Resolved, cache_of
from harness.vantages import Vantage


class KeptConnection(msgspec.Struct, frozen=True):
    channel: ssl.SSLSocket
    address: str
    opened_s: float
    use: Use[Resolved]
    """The answer by which it was opened."""


class User:
    """One thread at a time."""

    def __init__(self, vantage: Vantage, *, first_age: float = 0.0, seed: int = 0) -> None:
        """`first_age` as in `ResolverCache`; `seed` decides which of several caches behind its resolver answers."""
        self.vantage = vantage
        self.cache = cache_of(vantage, first_age=first_age, seed=seed)
        self._kept: KeptConnection | None = None

    def take_connection(self, now_s: float) -> KeptConnection | None:
        """The connection of the look before, when one was kept and is not too old. It is the caller's now."""
        kept, self._kept = self._kept, None
        if kept is None:
            return None
        longest_s = self.vantage.connection_max_age_s
        if longest_s is None or now_s - kept.opened_s < longest_s:
            return kept
        _close(kept.channel)
        return None

    def keep(self, connection: KeptConnection) -> None:
        self._kept = connection

    def close(self) -> None:
        if self._kept is not None:
            _close(self._kept.channel)
            self._kept = None


def _close(channel: ssl.SSLSocket) -> None:
    with contextlib.suppress(OSError):
        channel.close()
