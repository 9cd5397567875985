"""region-outage: a region's HTTPS endpoints refuse connections, or swallow them: the two ways in which regions die.

Refused, a checker and a client know at once; swallowed, each waits for its timeout, which for Route 53's checkers is
4 s to connect: detection takes that much longer for each failure that the threshold asks for.
"""

from __future__ import annotations

import socket
from typing import ClassVar, Literal

import msgspec

from harness.faults.about import About, Confidence
from harness.faults.lever_fault import ON_AWS, LeverFault
from harness.stack import RegionName
from harness.target import Target

Mode = Literal["refuse", "hang"]

CONNECT_WITHIN_S = 4.0
"""As Route 53's checkers."""
CONNECT_FLOOR_WALL_S = 0.3


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """The lever's body."""

    mode: Mode


class RegionOutage(LeverFault, frozen=True, kw_only=True, tag="region-outage"):
    """The API Gateway endpoints of `region` do not answer; its tables go on, and replicate."""

    region: RegionName
    mode: Mode = "refuse"

    name: ClassVar[str] = "region-outage"
    about: ClassVar[About] = About(
        summary="the region's endpoints refuse connections, or (mode=hang) answer nothing at all: a black hole",
        aws=ON_AWS,
        confidence=Confidence.LAB,
        needs_levers=True,
    )

    @property
    def regions(self) -> tuple[RegionName, ...]:
        return (self.region,)

    def levers(self) -> dict[str, msgspec.Struct]:
        return {f"outage/{self.region}": Outage(mode=self.mode)}

    def prove(self, target: Target) -> str | None:
        """What became of a connection to the region's endpoint; None when it was taken."""
        return _connecting(target, self.region)

    def prove_removed(self, target: Target) -> bool:
        return _connecting(target, self.region) is None


def _connecting(target: Target, region: RegionName) -> str | None:
    """Why a TCP connection to the region's endpoint was not made; None when it was."""
    address = target.resolve_host(target.stack.in_region(region).domain_target)[0]
    within_wall_s = max(CONNECT_WITHIN_S / target.endpoints.clock_rate, CONNECT_FLOOR_WALL_S)
    try:
        with socket.create_connection((address, target.https_port), within_wall_s):
            return None
    except TimeoutError:
        return f"a connection to {address}:{target.https_port} got no answer for {CONNECT_WITHIN_S:g} s"
    except OSError as error:
        return f"a connection to {address}:{target.https_port} was not made: {error.strerror or error}"
