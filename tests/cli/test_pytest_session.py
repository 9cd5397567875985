"""Scenarios as a pytest session: one-line errors, this program's exit codes, nothing tried in vain."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = "pytester"

ROOT = Path(__file__).parents[2]

CONFTEST = """
import pytest
from harness.cli.pytest_session import PLUGIN, ScenarioSession
from harness.errors import JournalOpen, RollbackFailed

def pytest_configure(config):
    config.addinivalue_line("markers", "destructive: breaks something")
    config.pluginmanager.register(ScenarioSession(config), PLUGIN)

@pytest.fixture(scope="session")
def run():
    raise JournalOpen("a fault was not undone: run `harness recover`")
"""


WORKER = ("-p", "xdist.plugin", "-n1")


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    # Others' plugins, imported anew for each session, would take most of its time.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(CONFTEST)
    return pytester


def test_an_error_of_ours_is_one_line_with_its_exit_code(session: pytest.Pytester) -> None:
    session.makepyfile("def test_a(run): ...")

    result = session.runpytest_inprocess()

    assert result.ret == 4
    result.stdout.fnmatch_lines(["error: a fault was not undone: run `harness recover`"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*conftest.py:*")


def test_where_no_run_can_be_made_later_scenarios_are_not_tried(session: pytest.Pytester) -> None:
    session.makepyfile("def test_a(run): ...\ndef test_b(run): ...")

    result = session.runpytest_inprocess()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the other scenarios need the same and were not tried*"])


@pytest.mark.parametrize("workers", [(), WORKER])
def test_an_incomplete_rollback_is_6_also_from_a_worker(session: pytest.Pytester, workers: tuple[str, ...]) -> None:
    session.makepyfile(
        """
        from harness.errors import RollbackFailed

        def test_a(): raise RollbackFailed("mend it by hand")
        def test_b(): assert False
        """
    )

    result = session.runpytest_inprocess(*workers)

    assert result.ret == 6
    result.stdout.fnmatch_lines(["error: mend it by hand"])


@pytest.mark.parametrize("workers", [(), WORKER])
def test_a_runs_verdict_counts_also_from_a_worker(session: pytest.Pytester, workers: tuple[str, ...]) -> None:
    session.makepyfile("def test_a(pytestconfig): pytestconfig.pluginmanager.get_plugin('harness-session').ended(3)")

    assert session.runpytest_inprocess(*workers).ret == 3


@pytest.mark.parametrize(
    ("body", "code"),
    [("pass", 0), ("assert False", 1), ("1 / 0", 1), ("raise KeyboardInterrupt", 130)],
)
def test_a_session_ends_with_our_code(session: pytest.Pytester, body: str, code: int) -> None:
    session.makepyfile(f"def test_a(): {body}")

    assert session.runpytest_inprocess().ret == code


def test_sigterm_unwinds_fixtures_and_ends_with_130(session: pytest.Pytester) -> None:
    session.makepyfile(
        """
        import os, pathlib, signal, pytest

        @pytest.fixture
        def broken():
            yield
            pathlib.Path("mended").touch()

        def test_a(broken): os.kill(os.getpid(), signal.SIGTERM)
        """
    )

    assert session.runpytest_inprocess().ret == 130
    assert (session.path / "mended").exists()


def test_destructive_scenarios_that_were_all_skipped_are_no_success(session: pytest.Pytester) -> None:
    session.makepyfile(
        """
        import pytest

        @pytest.mark.destructive
        def test_a(): pytest.skip("say --allow-faults")
        """
    )

    assert session.runpytest_inprocess().ret == 5


def test_an_error_in_collection_is_usage(session: pytest.Pytester) -> None:
    session.makepyfile("import nothing_of_that_name")

    assert session.runpytest_inprocess().ret == 2


def scenarios(*options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`pytest scenarios OPTIONS` of this project, with `folder` for all that it might leave."""
    environment = {"PATH": "/usr/bin:/bin", "HARNESS_HOME": str(folder / "home"), "TMPDIR": str(folder)}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", str(ROOT / "scenarios"), "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--target", "lab"), "error: no lab 'default' is running: start one with `harness lab up --detach`"),
        (("--vantages", "mars", "--target", "no.json"), "error: vantage 'mars' matches none"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_starts(
    options: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    ended = scenarios(*options, folder=tmp_path)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert told in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_collecting_starts_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    ended = scenarios("--collect-only", "-q", "--regions", "us-east-1,eu-west-1", folder=tmp_path)

    assert ended.returncode == 0
    assert "test_users_of_a_sick_region_fail_over_and_come_home[eu-west-1]" in ended.stdout
    assert list(tmp_path.iterdir()) == []
