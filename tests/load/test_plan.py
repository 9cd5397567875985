from __future__ import annotations

import pytest

from harness.errors import InvalidPlan
from harness.faults.health_broken import HealthBroken
from harness.faults.schedule import Hold
from harness.load.places import share
from harness.load.plan import LoadPlan, load_plan
from harness.vantages import choose

WHOLE = """
name = "evacuation"
users = 40
vantages = ["aws:eu-*"]
connections = "keep"

[[steps]]
step = "hold"
for_s = 120.0
fault = { fault = "health-broken", region = "eu-west-1" }

[limits]
p95_at_most_s = 0.5
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "plan.toml"


def test_a_plan_is_read_with_its_faults(file):
    file.write_text(WHOLE)
    plan = load_plan(file)

    assert plan.steps == (Hold(fault=HealthBroken(region="eu-west-1"), for_s=120.0),)
    assert (plan.users, plan.limits.p95_at_most_s, plan.limits.failed_share_at_most) == (40, 0.5, 0.01)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = 'a'\nuser = 4", "unknown field `user`"),
        ("users = 4", "missing required field `name`"),
        ("name = 'a'\nusers = 0", "users 0: at least 1"),
        ("name = 'a/b'", "without a slash"),
        ("name = 'a'\nconnections = 'close'", "connections"),
        ("name = 'a'\nevery_wall_s = -1", "every_wall_s -1: 0 or more"),
        ("name = 'a'\n[[steps]]\nstep = 'hold'\nfault = { fault = 'nonsense' }", "nonsense"),
        ("name = 'a'\n[[steps]]\nstep = 'hold'\nfault = { fault = 'health-broken', region = 'eu-west-1' }", "hold_s"),
        ("name = 'a'\nshape = [{at_s=9, users=1, spawn_rate=1}, {at_s=3, users=2, spawn_rate=1}]", "in order of time"),
        ("name = ", "plan.toml"),
    ],
)
def test_what_is_wrong_with_a_plan_is_named(file, text, told):
    file.write_text(text)

    with pytest.raises(InvalidPlan, match=r"load plan .*plan\.toml") as error:
        load_plan(file)
    assert told in str(error.value)


def test_a_plan_that_is_not_there(file):
    with pytest.raises(InvalidPlan, match="No such file"):
        load_plan(file)


def test_the_defaults_are_a_plan():
    assert LoadPlan(name="a").steps == ()


@pytest.mark.parametrize("workers", [1, 2, 5, 40])
def test_every_vantage_is_some_workers_and_every_worker_has_one(workers):
    vantages = choose()
    shares = [share(vantages, index, workers) for index in range(workers)]

    assert all(shares)
    assert {vantage.name for mine in shares for vantage in mine} == {vantage.name for vantage in vantages}
