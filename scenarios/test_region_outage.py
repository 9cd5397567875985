"""When a region refuses connections, or swallows them like a black hole, is each noticed when Route 53's rules say?"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from harness.checkers.checks import (
    Allowances,
    CheckersOnTime,
    DetectedAsDocumented,
    DnsChangedInTime,
    FaultProven,
    SteadyState,
    VantagesRecovered,
)
from harness.checkers.limits import client_limit
from harness.experiment import Experiment
from harness.faults.region_outage import Mode, RegionOutage
from harness.probes.live import all_of, check_healthy, dns_left, every_vantage_home, every_vantage_left
from harness.probes.watch import ProbePlan
from harness.run import Run
from harness.stack import RegionName

FAILS_AFTER_S: dict[Mode, float] = {"refuse": 0.0, "hang": 4.0}
"""Route 53's checkers give a connection 4 s."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    region: RegionName | None = None
    """Absent: the last one."""


@pytest.mark.destructive
@pytest.mark.parametrize("mode", FAILS_AFTER_S)
def test_an_outage_is_noticed_when_the_rules_say(
    mode: Mode, run: Run, item_path: str, parameters: Parameters, conduct: Callable[[Experiment], None]
) -> None:
    """A black hole takes longer to notice: every failure costs a checker its timeout."""
    if run.target.endpoints.levers_url is None:
        pytest.skip("a region goes away on order only in a lab: this target has no levers")
    conduct(outage(run, parameters.region or run.target.stack.region_names[-1], mode, item_path))


def outage(run: Run, region: RegionName, mode: Mode, item_path: str) -> Experiment:
    stack, home, fails_after_s = run.target.stack, run.home, FAILS_AFTER_S[mode]
    allowances = Allowances(response_s=1.0 + fails_after_s)
    patience_s = client_limit(stack, allowances).at_most_s + 30
    return Experiment(
        name=f"region-outage-{mode}-{region}",
        question=f"When the endpoints of {region} {'refuse connections' if mode == 'refuse' else 'answer nothing'}, "
        "is it noticed when the rules say, and are its users well elsewhere in time?",
        faults=(RegionOutage(region=region, mode=mode),),
        steady=lambda since_s: every_vantage_home(home, since_s=since_s),
        hold_until=lambda since_s: all_of(
            dns_left(region, since_s=since_s), every_vantage_left(region, since_s=since_s)
        ),
        hold_at_most_s=patience_s,
        hold_more_s=5.0,
        recovered=lambda since_s: check_healthy(region, since_s=since_s),
        recover_at_most_s=patience_s,
        steady_s=10.0,
        probes=ProbePlan(path=item_path),
        checks=(
            SteadyState(),
            FaultProven(),
            DetectedAsDocumented(region=region, response_s=fails_after_s),
            DnsChangedInTime(region=region, allowances=allowances),
            VantagesRecovered(region=region, allowances=allowances),
            CheckersOnTime(),
        ),
    )
