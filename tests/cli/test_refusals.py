"""Bad input at the `harness` command: one clear line, exit code 2, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.lab.state import LabFolder

Refusal = Callable[..., str]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("lab", "status"), "no lab 'default' is running: start one with `harness lab up --detach`"),
        (("lab", "env", "--name", "b"), "no lab 'b' is running"),
        (("lab", "up", "--regions", "us-east-1,eu-wset-1"), "'eu-wset-1' is not known; did you mean eu-west-1?"),
        (("lab", "up", "--name", "../x"), "lab name '../x': use 1 to 40 letters"),
        (("deploy",), "no lab 'default' is running"),
        (("destroy", "--yes"), "no lab 'default' is running"),
        (("deploy", "--target", "aws"), "HOSTED_ZONE_ID and DOMAIN_NAME not set: export"),
        (("deploy", "--target", "no.toml"), "plan no.toml cannot be read: No such file or directory"),
        (("deploy", "--target", "lab.json"), "a plan is a TOML file"),
        (("vantages", "list", "--from", "mars"), "vantage 'mars' matches none"),
        (("vantages", "list", "--limit", "0"), "vantage limit 0"),
        (("vantages", "check", "--from", "@nowhere.toml"), "vantage file nowhere.toml: No such file"),
        (("vantages", "list", "--regions", "us-eaast-1"), "did you mean us-east-1?"),
        (("check", "."), "is not a run's folder: run.json: No such file or directory"),
        (("report", "."), "is not a run's folder"),
        (("recover",), "no undo journal in .harness/journal: run this where the run was started"),
        (("run",), "no scenarios at scenarios: run this in the checkout"),
    ],
)
def test_it_is_refused_in_one_line(arguments: tuple[str, ...], told: str, refusal: Refusal) -> None:
    assert told in refusal(*arguments)


def test_missing_credentials_are_told_with_the_way_to_them(refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTED_ZONE_ID", "Z123")
    monkeypatch.setenv("DOMAIN_NAME", "api.example.com")

    told = refusal("deploy", "--target", "aws")

    assert "no AWS credentials were found: set AWS_ACCESS_KEY_ID" in told
    assert "aws sts get-caller-identity" in told


def test_a_refused_lab_leaves_no_folder(refusal: Refusal, tmp_path: Path) -> None:
    refusal("lab", "up", "--regions", "mars")

    assert not (tmp_path / "home").exists()


def test_a_home_that_cannot_be_written_is_named(
    refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "file"))

    assert "file/labs/default cannot be written: Not a directory; set HARNESS_HOME" in refusal("lab", "up", "--detach")


@pytest.mark.parametrize("detach", [("--detach",), ()])
def test_a_second_lab_of_one_name_is_refused_at_once(detach: tuple[str, ...], refusal: Refusal) -> None:
    folder = LabFolder()
    folder.take()
    try:
        assert "lab 'default' runs already" in refusal("lab", "up", *detach)
    finally:
        folder.give_back()


def test_a_lab_that_is_starting_cannot_be_ended_yet(refusal: Refusal) -> None:
    folder = LabFolder()
    folder.take()
    try:
        assert "is starting or stopping: try again" in refusal("lab", "down")
    finally:
        folder.give_back()
