"""What `locust -f harness/load/locustfile.py` understands beside locust's own options."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser
from pathlib import Path

import msgspec

from harness.load.connections import Connections
from harness.target import Target
from harness.vantages import Vantage


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Options that were checked."""

    target: Target
    vantages: tuple[Vantage, ...]
    connections: Connections
    every_wall_s: float
    reports: Path
    seed: int
    failed_share_at_most: float
    sweep_subnets: int
    """Of which the workers make a map together, beside their load; 0: none."""
    events_file: Path | None
    """Where to write events for a run that somebody else keeps; None: a run of our own."""
    started_at: str | None
    shape_file: Path | None
    """Of that run."""


def add_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("Multi-region harness", "Where users live, and what they are users of")
    group.add_argument(
        "--target", default="lab", env_var="HARNESS_TARGET", help='"lab" (running), "aws", or a target file'
    )
    group.add_argument("--lab", default="lab", env_var="HARNESS_LAB", help="name of the running lab")
    group.add_argument(
        "--from",
        dest="vantage_patterns",
        default="*",
        env_var="HARNESS_FROM",
        help="where users live: names, globs or areas, comma separated (`harness vantages list`)",
    )
    group.add_argument("--vantage-limit", type=int, default=None, help="at most so many vantages, spread evenly")
    group.add_argument(
        "--connections",
        choices=[one.value for one in Connections],
        default=Connections.DROP.value,
        help="when the DNS answer expired and leads elsewhere: drop the connection, or keep it as pools do",
    )
    group.add_argument(
        "--every",
        type=float,
        default=1.0,
        help="seconds from one request of a user to its next; 0: as fast as it can (default 1)",
    )
    group.add_argument("--report-dir", default="reports", help="where the run's folder goes")
    group.add_argument("--seed", type=int, default=1, help="of the resolvers' caches")
    group.add_argument(
        "--failed-share-at-most", type=float, default=0.01, help="more failed requests than this are a FAIL"
    )
    group.add_argument(
        "--sweep-subnets",
        type=int,
        default=0,
        help="make a routing map of so many client subnets, spread over the workers (docs/sweep.md)",
    )
    # For `harness load run`, which keeps the run itself. locust's own parser alone knows what its web page leaves out.
    for name in ("--harness-events", "--harness-started-at", "--harness-shape"):
        parser.add_argument(name, default="", help=SUPPRESS, include_in_web_ui=False)
