"""Which small faults hurt users for longer than they may while no health check notices? A search, bounded in time.

The reference design is known to have blind spots: the scenario passes when the search finds one, and says the smallest.
Whoever wants none says how long users may suffer at most (`--set users_may_suffer_s=60`), and gets a FAIL for each.
More of it: `harness run --target lab -k blind_spots --set trials=60 --set search_s=6000`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from harness.checkers.checks import BlindSpotsSearched, Paced, judge
from harness.events import ExperimentEvent
from harness.probes.watch import ProbePlan
from harness.run import ExperimentRecord, Run
from harness.search import Found, Search
from harness.stack import RegionName
from scenarios.verdicts import require_pass

# Few places are enough to see one region's users suffer, and they leave room for a faster clock.
pytestmark = pytest.mark.parametrize("clock_rate", [40.0], indirect=True, scope="session")


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    region: RegionName | None = None
    """Absent: the second one."""
    users_may_suffer_s: float | None = None
    """Absent: blind spots are looked for, not judged; and small is what hurts for longer than `limit_s`."""
    limit_s: float | None = None
    """Absent: as long as every checker needs to ask once, with a margin."""
    trials: int = 12
    search_s: float = 500.0
    """No trial begins later, in stack seconds; twice as late where nothing was found until then."""


MARGIN_S = 15.0


@pytest.mark.destructive
def test_the_smallest_fault_that_hurts_users_unseen(
    run: Run, item_path: str, parameters: Parameters, say: Callable[[str], None]
) -> None:
    region = parameters.region or run.target.stack.region_names[1]
    asks_every_s = run.target.stack.health_check_interval_s
    limit_s = parameters.users_may_suffer_s or parameters.limit_s or asks_every_s + MARGIN_S
    name = f"blind-spots-{region}"
    question = f"Is there a small fault that hurts users of {region} for more than {limit_s:g} s unseen?"
    if parameters.users_may_suffer_s is not None:
        question = f"Does a health check see each small fault that hurts users of {region} for more than {limit_s:g} s?"
    start_s = run.clock.now_s()

    def tell(text: str) -> None:
        say(f"\n  {run.clock.now_s():8.1f} s  {name}: {text}")

    search = Search(run, region, limit_s=limit_s, probes=ProbePlan(path=item_path), tell=tell)
    found: Found | None = None
    aborted: str | None = "interrupted"
    try:
        found = search.search(trials_at_most=parameters.trials, for_s=parameters.search_s)
        aborted = None
    finally:
        end_s = run.clock.now_s()
        run.recorder.record(
            ExperimentEvent(
                start_s=start_s,
                end_s=end_s,
                source="runner",
                experiment=name,
                question=question,
                steady_until_s=search.steady_until_s or end_s,
                aborted=aborted,
            )
        )
        smallest = found.smallest if found else None
        checks = (
            BlindSpotsSearched(
                region=region,
                limit_s=limit_s,
                none_allowed=parameters.users_may_suffer_s is not None,
                smallest=found.fault_id if found else "",
                in_words=smallest.in_words if smallest else "",
                reproduce=f"{smallest.command}, or the search with --seed {run.seed}" if smallest else "",
            ),
            Paced(),
        )
        findings = judge(run.recorder.history(), name, checks)
        run.add(ExperimentRecord(name=name, question=question, checks=checks), findings)
    require_pass(findings)
