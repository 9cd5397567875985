"""pytest options and the fixtures that scenarios are built on: target, stack, run, item_path, parameters, conduct."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from harness.errors import HarnessError
from harness.findings import Finding, Verdict
from scenarios.verdicts import require_pass

if TYPE_CHECKING:
    from harness.cli.pytest_session import Places
    from harness.experiment import Experiment
    from harness.lab.state import LabFolder, LabInfo
    from harness.run import Run
    from harness.stack import Stack
    from harness.target import Target


def pytest_addoption(parser: pytest.Parser) -> None:
    from harness.vantages import DEFAULT_CHOICE

    group = parser.getgroup("harness", "multi-region harness")
    group.addoption("--target", default="", help='"lab" (running), "aws", or a target file; absent: a lab of its own')
    group.addoption("--lab", default="default", help="which running lab, with --target lab")
    group.addoption("--regions", default="", help="comma separated, the main one first")
    group.addoption(
        "--from",
        "--vantages",
        dest="vantages",
        default=DEFAULT_CHOICE,
        help="where to look from, comma separated: eu, tokyo, aws:us-*, @my-vantages.toml (docs/vantages.md)",
    )
    group.addoption("--limit", type=int, help="at most so many vantages, spread over those that --from names")
    group.addoption("--seed", type=int, default=1, help="seed of phases, delays and routes")
    group.addoption("--rate", type=float, default=20.0, help="clock rate of a lab of its own")
    group.addoption("--report-dir", default="reports", help="where the run's folder is made")
    group.addoption("--allow-faults", action="store_true", help="needed to break anything that is not on this machine")
    group.addoption("--all-regions", default="", metavar="STACK", help="the stack of which all may be broken at once")
    group.addoption("--journal", default="", metavar="WHERE", help="the undo journal: a path, or s3://bucket/key")
    group.addoption("--plan", action="store_true", help="tell what would be done, with every call; change nothing")
    group.addoption("--plan-file", default="", metavar="FILE", help="with --plan: write it there as JSON, too")
    group.addoption("--guards", default="", metavar="FILE", help="TOML file of guards: what must stay true meanwhile")
    group.addoption("--game-day", default="", metavar="LOG", help="the log of the game day that this run is a part of")
    group.addoption("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the scenarios")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A scenario's `region` is each region of the target, or the one that --set region=... names.

    Nothing is started for that, so --collect-only stays free.
    """
    if "region" in metafunc.fixturenames and "scenarios" in metafunc.definition.path.parts:
        from harness.cli.pytest_session import regions_asked_for

        metafunc.parametrize("region", regions_asked_for(metafunc.config), scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Those that want a lab of another rate come last, and before them those that look from places of their own: the
    others share one lab and one report."""
    from harness.cli.pytest_session import check_settings, skip_what_may_not_be_broken

    check_settings(config, items)
    items.sort(key=_needs)

    skip_what_may_not_be_broken(config, items)


def _needs(item: pytest.Item) -> tuple[float, bool]:
    """The rate of the lab that it wants, 0 for the usual one, and whether it looks from places of its own."""
    asked_for = getattr(getattr(item, "callspec", None), "params", {})
    return asked_for.get("clock_rate", 0.0), "places" in asked_for


def pytest_configure(config: pytest.Config) -> None:
    """What was asked for is checked before anything is collected or started."""
    from harness.cli.pytest_session import PLUGIN, ScenarioSession, check_options

    config.pluginmanager.register(ScenarioSession(config), PLUGIN)
    if hasattr(config, "workerinput"):
        return  # xdist's controller has checked it
    try:
        check_options(config)
    except HarnessError as error:
        pytest.exit(f"error: {error}", returncode=error.exit_code)


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Writes text to the terminal while tests run; workers of xdist have none."""
    reporter = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    capture = pytestconfig.pluginmanager.get_plugin("capturemanager")

    def written(text: str) -> None:
        if reporter and capture:
            with capture.global_and_fixture_disabled():
                reporter.write(text, flush=True)

    return written


@pytest.fixture(scope="session")
def clock_rate(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> float:
    """Of a lab of its own. A scenario that asks for another rate gets another lab, run and report."""
    return float(getattr(request, "param", pytestconfig.getoption("--rate")))


@pytest.fixture(scope="session")
def own_lab(
    pytestconfig: pytest.Config, clock_rate: float, say: Callable[[str], None]
) -> Iterator[tuple[LabFolder, LabInfo] | None]:
    """A lab in a process of its own, which ends with the session; None when --target names something else."""
    import os

    from harness.cli.pytest_session import region_names
    from harness.lab.settings import LabSettings
    from harness.lab.spawn import end, spawn
    from harness.lab.state import LabFolder

    if pytestconfig.getoption("--target"):
        yield None
        return
    path = Path(tempfile.mkdtemp(prefix="harness-lab-"))
    folder = LabFolder(path.name, root=path.parent)
    settings = LabSettings(
        regions=region_names(pytestconfig),
        rate=clock_rate,
        seed=pytestconfig.getoption("--seed"),
        owner_pid=os.getpid(),
    )
    say("\n  starting a lab\n")
    try:
        info = spawn(settings, folder)
        try:
            yield folder, info
        finally:
            end(folder, info)
    finally:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def target(
    own_lab: tuple[LabFolder, LabInfo] | None, pytestconfig: pytest.Config, say: Callable[[str], None]
) -> Target:
    """The stack under test and the way to it."""
    from harness.cli.pytest_session import region_names
    from harness.cli.targets import plan_for_lab, target_for
    from harness.deployment.reference import deploy_reference

    if own_lab is None:
        regions = region_names(pytestconfig) if pytestconfig.getoption("--regions") else ()
        return target_for(pytestconfig.getoption("--target"), lab=pytestconfig.getoption("--lab"), regions=regions)
    _folder, info = own_lab
    say(f"  deploying to {', '.join(info.regions)} of the lab\n")
    return deploy_reference(plan_for_lab(info), lambda _progress: None, lambda _text: None)


@pytest.fixture(scope="session")
def stack(target: Target) -> Stack:
    return target.stack


@pytest.fixture(scope="session")
def places(
    request: pytest.FixtureRequest,
    own_lab: tuple[LabFolder, LabInfo] | None,
    clock_rate: float,
    pytestconfig: pytest.Config,
    target: Target,
) -> Iterator[Places]:
    """Where the run looks from: as --vantages says, or as the scenario does, which gets a run and a report of its own.

    A scenario says so by its parameter: target -> a context in which its vantages can be used; the function names them.
    """
    from harness.cli.pytest_session import Places, vantages_for

    if not hasattr(request, "param"):
        yield Places("", vantages_for(pytestconfig, clock_rate if own_lab else 0.0))
        return
    with request.param(target) as vantages:
        yield Places(request.param.__name__.replace("_", "-"), tuple(vantages))


@pytest.fixture(scope="session")
def run(
    own_lab: tuple[LabFolder, LabInfo] | None,
    clock_rate: float,
    pytestconfig: pytest.Config,
    target: Target,
    places: Places,
) -> Iterator[Run]:
    """The session's run: all experiments share its folder, history and journal; its report is written at the end."""
    from harness.cli.pytest_session import PLUGIN, ScenarioSession, every_region_confirmed, guards_asked_for
    from harness.cli.targets import journal_file
    from harness.faults.signals import signals_held
    from harness.gameday.index import update_index
    from harness.probes.preflight import preflight
    from harness.report.write import write_report
    from harness.run import Run

    session = pytestconfig.pluginmanager.get_plugin(PLUGIN)
    assert isinstance(session, ScenarioSession)
    guards = guards_asked_for(pytestconfig)
    if pytestconfig.getoption("--plan"):
        from harness.cli.planning import planning_run

        with planning_run(target, places.vantages, guards, pytestconfig.getoption("--seed")) as run:
            yield run
        session.tell_plan(target)
        return
    worker = getattr(pytestconfig, "workerinput", {}).get("workerid", "")
    rate = f"rate-{clock_rate:g}" if own_lab and clock_rate != pytestconfig.getoption("--rate") else ""
    preflight(target, places.vantages[0])
    # A lab of its own takes its faults with it: its journal ends with it too.
    journal = (
        pytestconfig.getoption("--journal")
        or target.journal
        or (own_lab[0].path / "journal.jsonl" if own_lab else journal_file(target.name))
    )
    run = Run(
        "-".join(filter(None, ("scenarios", places.name, rate, worker))),
        target,
        reports=Path(pytestconfig.getoption("--report-dir")).absolute(),
        journal=journal,
        vantages=places.vantages,
        seed=pytestconfig.getoption("--seed"),
        guards=guards,
        every_region_confirmed=every_region_confirmed(pytestconfig, target.stack.name),
    )
    session.began(run)
    try:
        yield run
    finally:
        with signals_held():
            history = run.recorder.history()
            record = run.close()
            session.ended(record.exit_code)
            session.reported(write_report(run.folder, history, record, run.findings))
        if not pytestconfig.getoption("--game-day"):  # a day writes the index when it ends
            try:
                update_index(run.folder.parent)
            except HarnessError as error:
                say(f"\n  the index was not written: {error}\n")


@pytest.fixture(scope="session")
def item_path(run: Run, target: Target, pytestconfig: pytest.Config) -> str:
    """Path of an item that every region serves: what users of the stack ask for."""
    from harness.workload import place_item

    if pytestconfig.getoption("--plan"):
        from harness.cli.planning import ITEM_PATH

        return ITEM_PATH
    return place_item(target, f"harness run {run.folder.name}", run.clock)


@pytest.fixture
def parameters(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> msgspec.Struct:
    """The scenario file's own `Parameters`, as --set says or by their defaults (harness/parameters.py)."""
    from harness.parameters import parameters_of, parse_settings

    return parameters_of(request.module, parse_settings(pytestconfig.getoption("--set")))


@pytest.fixture
def conduct(
    run: Run,
    pytestconfig: pytest.Config,
    say: Callable[[str], None],
    record_property: Callable[[str, object], None],
) -> Callable[[Experiment], list[Finding]]:
    """Runs an experiment with live progress, and fails the test unless every finding passes."""
    from harness.cli.progress import ProgressLine
    from harness.cli.pytest_session import PLUGIN, ScenarioSession
    from harness.experiment import run_experiment

    reporter = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    session = pytestconfig.pluginmanager.get_plugin(PLUGIN)
    assert isinstance(session, ScenarioSession)

    def planned_only(experiment: Experiment) -> list[Finding]:
        from harness.cli.planning import experiment_text
        from harness.dry_run import planned

        told = planned(experiment, run.target, vantages=len(run.vantages), guards=run.guards)
        session.planned.append(told)
        say("\n" + experiment_text(told, run.target.stack))
        pytest.skip("--plan: nothing was done")

    if pytestconfig.getoption("--plan"):
        return planned_only

    def conducted(experiment: Experiment) -> list[Finding]:
        progress = ProgressLine(say, live=bool(reporter and reporter.isatty))
        say("\n")
        try:
            findings = run_experiment(experiment, run, progress.tell)
        finally:
            progress.clear()
        record_property("verdict", Verdict.worst(finding.verdict for finding in findings).value)
        require_pass(findings)
        return findings

    return conducted
