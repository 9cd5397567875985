"""Loopback addresses for the regions of a lab: all of 127.0.0.0/8 is ours, so several labs run side by side."""

from __future__ import annotations

import errno
import itertools
import os
import random
import socket
from collections.abc import Sequence

from harness.errors import LabError
from harness.stack import RegionName

# Below Linux's ephemeral ports (32768 and up), so that no client's outgoing connection takes the port first.
_PORTS = range(10_000, 32_000)
_ATTEMPTS = 200
_calls = itertools.count()


def allocate(regions: Sequence[RegionName], *, port: int | None = None, seed: int) -> tuple[dict[RegionName, str], int]:
    """A loopback address per region and one port that is free on all of them, for TCP.

    The port is tested, not held: two labs that start in the same instant stay apart because the process id and a
    counter go into the choice beside `seed`.

    Raises:
        LabError: no such set was found, or `port` cannot be used here.
    """
    choose = random.Random(f"{seed}/{os.getpid()}/{next(_calls)}")
    problem: OSError | None = None
    for _ in range(_ATTEMPTS):
        addresses = _distinct_addresses(len(regions), choose)
        candidate = choose.choice(_PORTS) if port is None else port
        problem = _first_problem(addresses, candidate)
        if problem is None:
            return dict(zip(regions, addresses, strict=True)), candidate
        if problem.errno in (errno.EACCES, errno.EADDRNOTAVAIL):
            break  # Another choice would meet the same wall.
    raise LabError(_explain(regions, port, problem))


def _distinct_addresses(count: int, choose: random.Random) -> list[str]:
    # The second octet from 2: 127.0 is everybody's, and 127.1 is what people take by hand.
    numbers = choose.sample(range(2 << 16, 255 << 16), count)
    return [f"127.{number >> 16}.{number >> 8 & 255}.{number & 255 or 1}" for number in numbers]


def _first_problem(addresses: Sequence[str], port: int) -> OSError | None:
    for address in addresses:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As the listener itself does: connections of an earlier lab in TIME_WAIT do not count as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
                probe.listen(1)
            except OSError as error:
                return error
    return None


def _explain(regions: Sequence[RegionName], port: int | None, problem: OSError | None) -> str:
    wanted = f"port {port}" if port else f"a port from {_PORTS.start} to {_PORTS.stop - 1}"
    reason = problem.strerror if problem else "no attempt was made"
    hint = "try again, or name another port"
    if problem and problem.errno == errno.EACCES:
        hint = "ports below 1024 need root, choose a higher one"
    if problem and problem.errno == errno.EADDRNOTAVAIL:
        hint = "the lab needs all of 127.0.0.0/8, which only Linux gives without configuration"
    return f"no {len(regions)} loopback addresses with {wanted} free on all: {reason}; {hint}"
