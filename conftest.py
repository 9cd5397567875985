"""pytest options and the fixtures that scenarios are built on: target, stack, run, item_path, conduct."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError, RollbackFailed
from harness.findings import Finding, Verdict
from scenarios.verdicts import require_pass

if TYPE_CHECKING:
    from harness.experiment import Experiment
    from harness.lab.state import LabFolder, LabInfo
    from harness.run import Run, RunRecord
    from harness.stack import Stack
    from harness.target import Target

_RUNS: list[Run] = []
"""The session's run while it lasts: the hook for Ctrl-C is given nothing else to find it by."""
_REPORT = pytest.StashKey[tuple["RunRecord", Path]]()
_ROLLBACK_FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("harness", "multi-region harness")
    group.addoption("--target", default="", help='"lab" (running), "aws", or a target file; absent: a lab of its own')
    group.addoption("--lab", default="default", help="which running lab, with --target lab")
    group.addoption("--regions", default="", help="comma separated, the main one first")
    group.addoption("--vantages", default="*", help="names or globs of the places to look from, comma separated")
    group.addoption("--seed", type=int, default=1, help="seed of phases, delays and routes")
    group.addoption("--rate", type=float, default=20.0, help="clock rate of a lab of its own")
    group.addoption("--report-dir", default="reports", help="where the run's folder is made")
    group.addoption("--allow-faults", action="store_true", help="needed to break anything that is not a lab")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A scenario's `region` is each region of the target. Nothing is started for that, so --collect-only stays free."""
    if "region" in metafunc.fixturenames and "scenarios" in metafunc.definition.path.parts:
        metafunc.parametrize("region", _region_names(metafunc.config), scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--target") in ("", "lab") or config.getoption("--allow-faults"):
        return
    skip = pytest.mark.skip(reason="breaks the target on purpose: say --allow-faults")
    for item in items:
        if item.get_closest_marker("destructive"):
            item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None]:  # the report is passed through as it is
    if call.excinfo and call.excinfo.errisinstance(RollbackFailed):
        item.config.stash[_ROLLBACK_FAILED] = True
    return (yield)


def pytest_keyboard_interrupt() -> None:
    """Said before the fixtures are torn down, so that the report says it too."""
    for run in _RUNS:
        run.interrupted = True


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """This program's exit codes, where a run was made: see `harness --help`."""
    report = session.config.stash.get(_REPORT, None)
    if session.config.stash.get(_ROLLBACK_FAILED, False):
        session.exitstatus = 6
    elif report and report[0].interrupted:
        session.exitstatus = 130
    elif report and session.exitstatus in (0, 1) and report[0].verdict is not Verdict.PASS:
        session.exitstatus = report[0].exit_code


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    report = config.stash.get(_REPORT, None)
    if not report:
        return
    from harness.report.terminal import summary_text

    _record, page = report
    terminalreporter.write_sep("=", "verdicts")
    terminalreporter.write(summary_text(page.parent, color=terminalreporter.hasmarkup))
    terminalreporter.write_line(f"report: {page}")


def _region_names(config: pytest.Config) -> tuple[str, ...]:
    from harness.cli.targets import plan_for_lab
    from harness.deployment.plan import DEFAULT_REGIONS, check_region
    from harness.lab.state import LabFolder
    from harness.target import load_target

    text, regions = config.getoption("--target"), config.getoption("--regions")
    try:
        if regions:
            return tuple(check_region(region.strip()) for region in regions.split(","))
        if text == "lab":
            return plan_for_lab(LabFolder(config.getoption("--lab")).running()).regions
        if text not in ("", "aws"):
            return load_target(Path(text)).stack.region_names
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error
    return DEFAULT_REGIONS


@pytest.fixture(scope="session")
def own_lab(pytestconfig: pytest.Config) -> Iterator[tuple[LabFolder, LabInfo]]:
    """A lab in a process of its own, which ends with the session."""
    import os

    from harness.lab.settings import LabSettings
    from harness.lab.spawn import end, spawn
    from harness.lab.state import LabFolder

    root = Path(tempfile.mkdtemp(prefix="harness-lab-"))
    folder = LabFolder("scenarios", root=root)
    settings = LabSettings(
        name="scenarios",
        regions=_region_names(pytestconfig),
        rate=pytestconfig.getoption("--rate"),
        seed=pytestconfig.getoption("--seed"),
        owner_pid=os.getpid(),
    )
    info = spawn(settings, folder)
    try:
        yield folder, info
    finally:
        end(folder, info)
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Target:
    """The stack under test and the way to it."""
    from harness.cli.targets import plan_for_lab, target_for
    from harness.deployment.reference import deploy_reference

    text = pytestconfig.getoption("--target")
    if text:
        regions = _region_names(pytestconfig) if pytestconfig.getoption("--regions") else ()
        return target_for(text, lab=pytestconfig.getoption("--lab"), regions=regions)
    _folder, info = request.getfixturevalue("own_lab")
    return deploy_reference(plan_for_lab(info), lambda _progress: None, lambda _text: None)


@pytest.fixture(scope="session")
def stack(target: Target) -> Stack:
    return target.stack


@pytest.fixture(scope="session")
def run(request: pytest.FixtureRequest, pytestconfig: pytest.Config, target: Target) -> Iterator[Run]:
    """The session's run: all experiments share its folder, history and journal; its report is written at the end."""
    from harness.report.write import write_report

    from harness.cli.targets import journal_file
    from harness.faults.signals import terminate_unwinds
    from harness.probes.preflight import preflight
    from harness.run import Run
    from harness.vantages import choose

    worker = getattr(pytestconfig, "workerinput", {}).get("workerid", "")
    vantages = choose([name.strip() for name in pytestconfig.getoption("--vantages").split(",")])
    preflight(target, vantages[0])
    if pytestconfig.getoption("--target"):
        journal = journal_file(target)
    else:
        # A lab of its own takes its faults with it: its journal ends with it too.
        folder, _info = request.getfixturevalue("own_lab")
        journal = folder.path / "journal.jsonl"
    run = Run(
        "-".join(filter(None, ("scenarios", worker))),
        target,
        reports=Path(pytestconfig.getoption("--report-dir")).absolute(),
        journal=journal,
        vantages=vantages,
        seed=pytestconfig.getoption("--seed"),
    )
    _RUNS.append(run)
    try:
        with terminate_unwinds():
            yield run
    finally:
        history = run.recorder.history()
        record = run.close()
        page = write_report(run.folder, history, record, run.findings)
        pytestconfig.stash[_REPORT] = (record, page)
        _RUNS.remove(run)


@pytest.fixture(scope="session")
def item_path(run: Run, target: Target) -> str:
    """Path of an item that every region serves: what users of the stack ask for."""
    from harness.workload import place_item

    return place_item(target, f"harness run {run.folder.name}", run.clock)


@pytest.fixture
def conduct(
    run: Run, pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> Callable[[Experiment], list[Finding]]:
    """Runs an experiment with live progress, and fails the test unless every finding passes."""
    from harness.cli.progress import ProgressLine
    from harness.experiment import run_experiment

    reporter = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    capture = pytestconfig.pluginmanager.get_plugin("capturemanager")

    def write(text: str) -> None:
        if reporter and capture:
            with capture.global_and_fixture_disabled():
                reporter.write(text, flush=True)

    def conducted(experiment: Experiment) -> list[Finding]:
        progress = ProgressLine(write, live=bool(reporter and reporter.isatty))
        write("\n")
        findings = run_experiment(experiment, run, progress.tell)
        progress.clear()
        record_property("verdict", Verdict.worst(finding.verdict for finding in findings).value)
        require_pass(findings)
        return findings

    return conducted
