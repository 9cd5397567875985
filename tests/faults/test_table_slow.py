"""table-slow on the lab: what asks the table is late or given up, what does not ask it answers at once."""

from __future__ import annotations

import pytest
from builders import EU, US

from harness.errors import InvalidPlan
from harness.faults.fault import inject
from harness.faults.journal import Journal
from harness.faults.table_slow import TableSlow
from harness.probes.endpoint import get_status, request_in_region
from harness.recorder import Recorder
from harness.target import Target


@pytest.mark.parametrize(
    ("fields", "why"), [({"delay_s": 0.5}, "could not be told"), ({"share": 0.01}, "from 0.05 to 1")]
)
def test_what_could_not_be_proven_is_refused(fields: dict, why: str) -> None:
    with pytest.raises(InvalidPlan, match=why):
        TableSlow(region=EU, **fields)


@pytest.mark.lab
def test_the_shallow_health_route_is_well_and_users_are_given_up(
    lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    host = lab_target.stack.in_region(EU).execute_api_host
    with inject(TableSlow(region=EU), lab_target, recorder, journal) as injection:
        assert injection.proof is not None
        assert injection.proof.startswith("the slowest of 2 requests for an item in eu-west-1 took ")
        assert get_status(lab_target, host, "/prod/health") == 200
        assert get_status(lab_target, host, "/prod/health/deep") == 504
        assert request_in_region(lab_target, US, "GET", "/data/nothing")[0] == 404

    assert request_in_region(lab_target, EU, "GET", "/data/nothing")[0] == 404
