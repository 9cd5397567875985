"""The scenarios as a pytest session: options checked first, errors in one line, this program's exit codes, a summary.

The root conftest.py registers it; `harness run` and a plain `pytest scenarios` behave alike.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from harness.cli.exit_codes import DEVIATED, session_exit_code
from harness.errors import GuardTripped, HarnessError, UsageError, WouldChange

if TYPE_CHECKING:
    from harness.cli.planning import Plan
    from harness.dry_run import PlannedExperiment
    from harness.gameday.follow import NotesFollowed
    from harness.guards import AnyGuard
    from harness.run import Run
    from harness.stack import RegionName
    from harness.target import Target
    from harness.vantages import Vantage

PLUGIN = "harness-session"
_EXIT_CODE = "harness_exit_code"
"""An attribute of test reports, which xdist carries from its workers to their controller."""


class Places(NamedTuple):
    """Where a run looks from, and what they are called; nothing for those that --vantages says."""

    name: str
    vantages: tuple[Vantage, ...]


class ScenarioSession:
    """How one session goes. With xdist, each worker has one, and the controller's adds up what they tell."""

    def __init__(self, config: pytest.Config) -> None:
        self.run: Run | None = None
        """The run while it lasts."""
        self._config = config
        self._told: set[int] = set()
        self._pages: list[str] = []
        self._interrupted = False
        self._ran = False
        self._skipped_faults = False
        self.planned: list[PlannedExperiment] = []
        self.plan: Plan | None = None
        """What --plan told, once it is whole."""
        self._day: NotesFollowed | None = None

    def began(self, run: Run) -> None:
        """From now on what is noted of its game day stands in its history too."""
        self.run = run
        if self._day:
            self._day.into(run.recorder)

    def tell_plan(self, target: Target) -> None:
        """Written when the run is over that was only planned."""
        from harness.cli.planning import plan_of
        from harness.run import save_json

        self.plan = plan_of(self.planned, target)
        path = self._config.getoption("--plan-file")
        if path:
            save_json(Path(path), self.plan)

    def ended(self, exit_code: int) -> None:
        """The run ended so."""
        self.run = None
        self._told.add(exit_code)

    def reported(self, page: Path) -> None:
        """Its report was written."""
        self._pages.append(str(page))

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """SIGTERM and SIGHUP unwind like Ctrl-C until the last fixture is torn down."""
        from harness.faults.signals import terminate_unwinds

        unwinding = contextlib.ExitStack()
        unwinding.enter_context(terminate_unwinds())
        session.config.add_cleanup(unwinding.close)
        log = session.config.getoption("--game-day", default="")
        if log:
            from harness.gameday.follow import NotesFollowed

            self._day = NotesFollowed(Path(log))
            session.config.add_cleanup(self._day.close)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """An error of ours is one line and an exit code; where no fixture could be made, later tests need not try."""
        report = yield
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, WouldChange):
            report.outcome = "skipped"
            report.longrepr = (str(item.path), item.location[1] or 0, f"Skipped: {error}")
        elif isinstance(error, HarnessError):
            report.longrepr = f"error: {error}"
            vars(report)[_EXIT_CODE] = error.exit_code
            if isinstance(error, GuardTripped):
                item.session.shouldfail = "a guard stopped the run: what comes after it was not tried"
            elif call.when == "setup":
                item.session.shouldfail = "the other scenarios need the same and were not tried"
        elif error and not isinstance(error, pytest.skip.Exception | pytest.fail.Exception):
            vars(report)[_EXIT_CODE] = DEVIATED
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Each report; those of xdist's workers come to their controller."""
        code = vars(report).get(_EXIT_CODE)
        if code is not None:
            self._told.add(code)
        self._ran |= report.when == "call" and not report.skipped
        self._skipped_faults |= report.skipped and "destructive" in report.keywords

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Said before the fixtures are torn down, so that the report says it too."""
        # pytest also comes here when it stops for reasons of its own, such as an error in collection.
        if excinfo.type is KeyboardInterrupt:
            self._interrupted = True
            if self.run:
                self.run.interrupted = True

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """After the fixtures were torn down."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output["harness"] = {"told": sorted(self._told), "pages": self._pages}
            return
        session.exitstatus = session_exit_code(
            int(session.exitstatus),
            told=self._told,
            interrupted=self._interrupted,
            nothing_ran=self._skipped_faults and not self._ran and not self._config.getoption("--plan", default=False),
        )

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """What a worker of xdist came to. One that crashed tells nothing; its test is reported as failed."""
        told = getattr(node, "workeroutput", {}).get("harness")
        if told:
            self._told.update(told["told"])
            self._pages += told["pages"]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        from harness.report.terminal import summary_text

        if self.plan:
            from harness.cli.planning import policy_text

            terminalreporter.write_sep("=", "plan")
            terminalreporter.write(policy_text(self.plan))
        for page in self._pages:
            terminalreporter.write_sep("=", "verdicts")
            terminalreporter.write(summary_text(Path(page).parent, color=terminalreporter.hasmarkup))
            terminalreporter.write_line(f"report: {page}")
        if self._interrupted and not self._pages and self._config.getoption("numprocesses", None):
            # xdist no longer listens to its workers, but each writes its report before it goes.
            terminalreporter.write_line(f"reports of the workers: {self._config.getoption('--report-dir')}")


def check_options(config: pytest.Config) -> None:
    """Raises HarnessError for options that cannot be. Starts nothing and asks AWS nothing."""
    from harness.vantages import choose, patterns_of

    rate = config.getoption("--rate")
    if not 0.1 <= rate <= 1000:
        raise UsageError(f"--rate {rate:g}: a lab's clock runs 0.1 to 1000 times as fast as the wall's")
    choose(patterns_of(config.getoption("vantages")), config.getoption("limit"))
    guards_asked_for(config)
    if config.getoption("--target") or config.getoption("--regions") or config.getoption("--set"):
        regions_asked_for(config)


def check_settings(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Each --set is a parameter of some collected scenario, with a value that it takes; else pytest is not begun."""
    from harness.parameters import parameters_of, parse_settings, refuse_unknown

    settings = parse_settings(config.getoption("--set"))
    modules = list({item.path: item.module for item in items if isinstance(item, pytest.Function)}.values())
    if not settings or not modules:
        return
    try:
        refuse_unknown(settings, modules)
        for module in modules:
            parameters_of(module, settings)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error


def regions_asked_for(config: pytest.Config) -> tuple[RegionName, ...]:
    """The target's, or the one of them that --set region=... names. Raises UsageError when it is none of them."""
    from harness.parameters import REGION, parse_settings

    known, wanted = region_names(config), parse_settings(config.getoption("--set")).get(REGION)
    if wanted is None:
        return known
    if wanted not in known:
        raise UsageError(f"--set region={wanted}: the target is in {', '.join(known)}")
    return (wanted,)


def skip_what_may_not_be_broken(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Faults are let loose on a target of this machine; on any other only as far as the user said so."""
    if is_on_this_machine(config) and not config.getoption("--plan"):
        return
    for item in items:
        if config.getoption("--plan"):
            if item.get_closest_marker("destructive") and "conduct" not in getattr(item, "fixturenames", ()):
                reason = "--plan: it makes up its experiments as it goes, so that they cannot be told beforehand"
                item.add_marker(pytest.mark.skip(reason=reason))
        elif item.get_closest_marker("destructive") and not config.getoption("--allow-faults"):
            item.add_marker(pytest.mark.skip(reason="breaks the target on purpose: say --allow-faults"))
        elif item.get_closest_marker("every_region") and not config.getoption("--all-regions"):
            reason = "breaks every region at once: confirm it with --all-regions and the stack's name"
            item.add_marker(pytest.mark.skip(reason=reason))


def every_region_confirmed(config: pytest.Config, stack: str) -> str:
    """The stack of which every region may be broken at once: the one that the user named, or one of this machine."""
    return str(config.getoption("--all-regions")) or (stack if is_on_this_machine(config) else "")


def is_on_this_machine(config: pytest.Config) -> bool:
    from harness.aws import is_loopback
    from harness.target import load_target

    text = config.getoption("--target")
    if text in ("", "lab"):
        return True
    return text != "aws" and is_loopback(load_target(Path(text)).endpoints.aws_url or "")


def guards_asked_for(config: pytest.Config) -> tuple[AnyGuard, ...]:
    """The stop file of this folder, which is always there to be touched, and the guards of --guards.

    Raises:
        InvalidPlan: the file cannot be read, or breaks a rule.
    """
    from harness.cli.targets import STOP_FILE
    from harness.guards import StopFile, load_guards

    text = config.getoption("--guards")
    return (StopFile(path=str(STOP_FILE.absolute())), *(load_guards(Path(text)) if text else ()))


def vantages_for(config: pytest.Config, lab_rate: float) -> tuple[Vantage, ...]:
    """Where to look from. `lab_rate`: of the lab of its own that is looked at, 0 for any other target.

    A lab that a scenario wants faster than --rate is looked at from fewer places, so that the machine makes as many
    requests a second as ever: at twice the rate from half of them.
    """
    from harness.vantages import choose, patterns_of

    patterns, limit = patterns_of(config.getoption("vantages")), config.getoption("limit")
    found = choose(patterns, limit)
    faster = max(1.0, lab_rate / config.getoption("--rate"))
    return choose(patterns, max(1, round(len(found) / faster)))


def region_names(config: pytest.Config) -> tuple[RegionName, ...]:
    """The regions that the scenarios are about: those of --regions, else all of the target's.

    Raises:
        UnknownRegion, LabNotRunning, InvalidTargetFile; UsageError: the target file has no such region.
    """
    from harness.deployment.plan import parse_regions

    wanted = parse_regions(config.getoption("--regions")) if config.getoption("--regions") else ()
    text, known = config.getoption("--target"), _known_regions(config)
    strange = [region for region in wanted if region not in known]
    if strange and text not in ("", "lab", "aws"):
        raise UsageError(f"--regions {strange[0]}: target file {text} has only {', '.join(known)}")
    return wanted or known


def _known_regions(config: pytest.Config) -> tuple[RegionName, ...]:
    from harness.deployment.plan import DEFAULT_REGIONS
    from harness.lab.state import LabFolder
    from harness.target import load_target

    text = config.getoption("--target")
    if text == "lab":
        return LabFolder(config.getoption("--lab")).running().regions
    return DEFAULT_REGIONS if text in ("", "aws") else load_target(Path(text)).stack.region_names
