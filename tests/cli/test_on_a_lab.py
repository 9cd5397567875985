"""The commands against a running lab: JSON is all that stdout has, and what a killed run broke is mended."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from builders import AP, EU

from harness.cli.targets import journal_file, target_file
from harness.faults.calls import carry_out
from harness.faults.health_broken import HealthBroken
from harness.faults.journal import Journal
from harness.lab.client import LabClient
from harness.lab.resolvers import ResolverSettings
from harness.lab.state import LabInfo
from harness.probes.once import Seen
from harness.resolving import SubnetFate
from harness.target import Target, load_target

pytestmark = pytest.mark.lab

QUICK = ("--health-check-interval", "10", "--failure-threshold", "1")


@pytest.fixture(autouse=True)
def _found(lab: LabInfo, tmp_path: Path) -> None:
    """The tests' lab is called "tests"; its CA is in its folder."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "labs").symlink_to(Path(lab.endpoints.ca_file or "").parents[2])


def test_status_is_the_labs_own_account(lab: LabInfo, harness: Callable[..., Any]) -> None:
    told = harness("lab", "status", "--name", "tests", "--json")

    assert msgspec.json.decode(told.out, type=LabInfo) == lab


def test_env_is_lines_that_a_shell_exports(lab: LabInfo, harness: Callable[..., Any]) -> None:
    lines = [shlex.split(line) for line in harness("lab", "env", "--name", "tests").out.splitlines()]
    variables = json.loads(harness("lab", "env", "--name", "tests", "--json").out)

    assert [line[0] for line in lines] == ["export"] * len(lines)
    assert dict(line[1].split("=", 1) for line in lines) == variables
    assert variables["AWS_ENDPOINT_URL"] == lab.endpoints.aws_url
    assert Path(variables["LAB_CA_FILE"]).exists()


def test_deploy_json_is_the_target_file_and_progress_is_on_stderr(
    lab_target: Target, harness: Callable[..., Any]
) -> None:
    ended = harness("deploy", "--lab", "tests", *QUICK, "--json")

    assert ended.exit_code == 0
    path = target_file("lab-tests")
    assert json.loads(ended.out) == json.loads(path.read_text())
    assert load_target(path).stack == lab_target.stack
    assert ended.err.count("UNCHANGED") == 3
    assert "\x1b" not in ended.err


@pytest.mark.usefixtures("lab_target")
def test_destroying_another_stack_keeps_this_ones_target_file(harness: Callable[..., Any]) -> None:
    harness("deploy", "--lab", "tests", *QUICK)

    ended = harness("destroy", "--lab", "tests", "--stack-name", "Other", "--yes", "--json")

    assert json.loads(ended.out) == {"deleted": "Other", "regions": []}
    assert target_file("lab-tests").exists()


@pytest.mark.usefixtures("lab_target")
def test_a_stack_is_not_deleted_unasked(harness: Callable[..., Any], refusal: Callable[..., str]) -> None:
    """Standard input is no terminal here: nobody can say yes."""
    told = refusal("destroy", "--lab", "tests")

    assert "There is no terminal to ask at: say --yes" in told
    assert harness("deploy", "--lab", "tests", *QUICK).err.count("UNCHANGED") == 3


def break_and_forget(target: Target, **endpoints: Any) -> Path:
    """As kill -9 of a run would leave it: broken, and open in the journal."""
    fault, path = HealthBroken(region=EU), journal_file(target.name)
    snapshot = fault.snapshot(target)
    with Journal(path, run="killed") as journal:
        journal.open(
            fault,
            snapshot,
            target=target.name,
            stack=target.stack,
            endpoints=msgspec.structs.replace(target.endpoints, **endpoints),
        )
    carry_out(fault.changes(target.stack, snapshot), target)
    return path


def test_recover_mends_what_a_killed_run_broke_and_is_harmless_twice(
    lab_target: Target, harness: Callable[..., Any]
) -> None:
    break_and_forget(lab_target)

    first, second = harness("recover", "--json"), harness("recover", "--json")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert [(entry["how"], entry["ok"]) for entry in json.loads(first.out)] == [("recovered", True)]
    assert json.loads(second.out) == []
    assert HealthBroken(region=EU).snapshot(lab_target) == {"HEALTH": "200"}


def test_a_lab_that_is_gone_took_its_faults_with_it(lab_target: Target, harness: Callable[..., Any]) -> None:
    break_and_forget(lab_target, aws_url="http://127.0.0.1:1")
    try:
        ended = harness("recover", "--json")
    finally:
        HealthBroken(region=EU).rollback(lab_target, {"HEALTH": "200"})

    assert ended.exit_code == 0
    assert [entry["how"] for entry in json.loads(ended.out)] == ["gone"]


def test_what_cannot_be_mended_ends_with_6_and_the_command_for_a_person(
    lab_target: Target, harness: Callable[..., Any]
) -> None:
    """Somebody set the variable to 404 meanwhile: that is not ours to undo."""
    path = break_and_forget(lab_target)
    regional = lab_target.stack.in_region(EU)
    operations = [{"op": "replace", "path": "/variables/HEALTH", "value": "404"}]
    lab_target.apigateway(EU).update_stage(
        restApiId=regional.rest_api_id, stageName=regional.stage, patchOperations=operations
    )
    try:
        ended = harness("recover", "--journal", str(path))
    finally:
        operations[0]["value"] = "200"
        lab_target.apigateway(EU).update_stage(
            restApiId=regional.rest_api_id, stageName=regional.stage, patchOperations=operations
        )

    assert ended.exit_code == 6
    assert "aws apigateway update-stage --region eu-west-1" in ended.err


@pytest.fixture
def isp(lab: LabInfo) -> Iterator[str]:
    """A resolver in the lab that keeps answers for 300 s and sends no subnet; its address."""
    client = LabClient(lab.endpoints.aws_url or "")
    yield client.put_resolver("isp", ResolverSettings(region=EU, ttl_min_s=300, sends_subnet=False)).address
    client.remove_resolver("isp")


def test_the_labs_resolvers_are_shown_and_exported(isp: str, harness: Callable[..., Any]) -> None:
    told = harness("lab", "status", "--name", "tests").out
    shown = json.loads(harness("lab", "status", "--name", "tests", "--json").out)["resolvers"]
    variables = json.loads(harness("lab", "env", "--name", "tests", "--json").out)

    assert f"resolver     isp: {isp} in {EU}, keeps answers for at least 300 s, sends no client subnet" in told
    assert [(one["name"], one["address"]) for one in shown] == [("isp", isp)]
    assert variables["LAB_RESOLVER_ISP"] == isp


@pytest.mark.usefixtures("lab_target")
def test_one_look_from_each_vantage_tells_who_serves_it(isp: str, harness: Callable[..., Any], tmp_path: Path) -> None:
    """Tokyo's users are near Sydney; a resolver in Ireland that passes no subnet on sends them to Ireland."""
    mine = tmp_path / "mine.toml"
    mine.write_text(f'[[vantage]]\nname = "tokyo-isp"\nlike = "tokyo"\nresolver = {{ address = "{isp}" }}\n')

    ended = harness("vantages", "check", "--lab", "tests", "--from", f"tokyo,@{mine}", "--json")
    at_home, through_isp = msgspec.json.decode(ended.out, type=list[Seen])

    assert (ended.exit_code, at_home.errors, through_isp.errors) == (0, [], [])
    assert (at_home.dns.region, at_home.resolver, at_home.https.region) == (AP, None, AP)
    assert (through_isp.dns.region, through_isp.https.region) == (AP, EU)
    assert through_isp.resolver is not None
    assert (through_isp.resolver.region, through_isp.resolver.ttl_s) == (EU, 300)
    assert through_isp.resolver.subnet is SubnetFate.DROPPED


@pytest.mark.usefixtures("lab_target")
def test_a_vantage_that_sees_nothing_is_told_and_fails_the_check(harness: Callable[..., Any], tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('[[vantage]]\nname = "deaf"\nlike = "paris"\nresolver = { address = "127.0.0.1:1" }\n')

    ended = harness("vantages", "check", "--lab", "tests", "--from", f"paris,@{mine}")

    assert ended.exit_code == 1
    assert "deaf: resolver: no usable answer from 127.0.0.1:1 to 3 tries" in ended.out
    assert "1 of 2 vantages saw everything well" in ended.out


PLAN = """\
title = "On a lab"
owner = "tests"
goal = "A day goes from plan to report"
target = "lab"
vantages = "aws:eu-west-1"

[[experiments]]
scenario = "deployment"
approval = "ready?"
"""


def test_a_game_day_heals_what_was_left_open_first_and_goes_on_where_it_stopped(
    lab_target: Target, harness: Callable[..., Any]
) -> None:
    """Stopped for want of a person; meanwhile something is broken and forgotten; then resumed with --approve."""
    Path("day.toml").write_text(PLAN)
    options = ("--lab", "tests", "--scenarios", str(Path(__file__).parents[2] / "scenarios"))
    first = harness("gameday", "run", "day.toml", *options)
    break_and_forget(lab_target)

    second = harness("gameday", "run", "--resume", "--approve", *options)

    assert (first.exit_code, second.exit_code) == (4, 0)
    assert "was not approved: ready?" in first.err
    assert "healed health-broken in eu-west-1: recovered" in second.err
    assert HealthBroken(region=EU).snapshot(lab_target) == {"HEALTH": "200"}
    (folder,) = Path("reports").glob("*-gameday-on-a-lab")
    outcome = json.loads((folder / "outcome.json").read_text())
    assert outcome["verdict"] == "pass"
    assert [one["how"] for one in outcome["healed"]] == ["recovered"]
    assert outcome["steps"][0]["attempts"] == 1
    assert (folder / outcome["steps"][0]["ended"]["run"] / "index.html").exists()
    assert "On a lab" in Path("reports/index.html").read_text()
