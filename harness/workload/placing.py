"""One item that every region serves, for vantages to ask for while a stack fails over."""

from __future__ import annotations

import msgspec

from harness.clock import Clock
from harness.errors import TargetError
from harness.probes.endpoint import request_in_region
from harness.stack import RegionalStack
from harness.target import Target

PLACED_WITHIN_S = 120.0
"""Replication takes about a second as a rule; AWS promises no bound."""
POLL_EVERY_S = 2.0


class _Created(msgspec.Struct):
    pk: str


def place_item(target: Target, name: str, clock: Clock) -> str:
    """Writes one item through the application and returns its path once every region serves it.

    Raises:
        TargetError: the write was refused, or a region did not serve the item in time: names region and last answer.
    """
    main = target.stack.regions[0]
    reply = _ask(target, main, "POST", "/data", msgspec.json.encode({"name": name}))
    if reply is None or reply[0] != 200:
        raise TargetError(
            f"POST https://{target.stack.domain_name}/data in {main.region} {_told(reply)}: the application must work "
            "before it is broken; is the stack deployed and its role allowed to write the table?"
        )
    path = f"/data/{msgspec.json.decode(reply[1], type=_Created).pk}"
    deadline_s = clock.now_s() + PLACED_WITHIN_S
    for regional in target.stack.regions:
        while (reply := _ask(target, regional, "GET", path)) is None or reply[0] != 200:
            if clock.now_s() > deadline_s:
                raise TargetError(
                    f"GET https://{target.stack.domain_name}{path} in {regional.region} still {_told(reply)} "
                    f"{PLACED_WITHIN_S:.0f} s after it was written in {main.region}: does the table replicate there?"
                )
            clock.sleep_until_s(clock.now_s() + POLL_EVERY_S)
    return path


def _ask(
    target: Target, regional: RegionalStack, method: str, path: str, body: bytes | None = None
) -> tuple[int, bytes] | None:
    return request_in_region(target, regional.region, method, path, body)


def _told(reply: tuple[int, bytes] | None) -> str:
    return "gave no answer" if reply is None else f"answered {reply[0]} {reply[1][:200].decode(errors='replace')}"
