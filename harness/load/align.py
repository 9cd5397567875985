"""How far a worker's wall clock is from its master's, from pings: the one that came back soonest knows best."""

from __future__ import annotations

import math

import msgspec

from harness.load.messages import Pong


class Offset(msgspec.Struct, frozen=True):
    """To be added to the worker's wall clock; the truth is within `uncertainty_s` of it."""

    seconds: float
    uncertainty_s: float


UNKNOWN = Offset(0.0, math.inf)


def offset_of(pong: Pong, received_at: float) -> Offset:
    """The master answered at some time between the ping's leaving and the pong's coming."""
    return Offset(pong.master_at - (pong.sent_at + received_at) / 2, max(0.0, received_at - pong.sent_at) / 2)


def better(one: Offset, other: Offset) -> Offset:
    return min(one, other, key=lambda offset: offset.uncertainty_s)
