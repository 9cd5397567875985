from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.findings import Finding, Verdict
from harness.report.junit import JUNIT_FILE, write_junit
from harness.run import RunRecord


@pytest.fixture
def junit(tmp_path: Path, a_record: Callable[..., RunRecord]) -> Callable[[list[Finding]], ElementTree.Element]:
    def make(findings: list[Finding]) -> ElementTree.Element:
        write_junit(tmp_path / JUNIT_FILE, a_record(findings), findings)
        return ElementTree.parse(tmp_path / JUNIT_FILE).getroot()

    return make


Junit = Callable[[list[Finding]], ElementTree.Element]


def test_an_unknown_is_an_error_and_never_a_pass(junit: Junit, a_finding: Callable[..., Finding]) -> None:
    root = junit([a_finding(), a_finding(Verdict.UNKNOWN), a_finding(Verdict.FAIL)])

    for element in (root, root[0]):
        assert (element.get("tests"), element.get("failures"), element.get("errors")) == ("3", "1", "1")
    assert [case[0].tag for case in root[0]] == ["system-out", "error", "failure"]


def test_a_case_tells_its_numbers(junit: Junit, a_finding: Callable[..., Finding]) -> None:
    (case,) = junit([a_finding(measured=170.1, limit=184.0, unit="s", samples=13, subject="eu-west-1")])[0]

    told = {found.get("name"): found.get("value") for found in case.iter("property")}
    assert told == {"measured": "170.1", "limit": "184.0", "unit": "s", "samples": "13"}
    assert case.get("name") == "Something holds [eu-west-1]"


def test_control_characters_do_not_break_the_file(junit: Junit, a_finding: Callable[..., Finding]) -> None:
    (case,) = junit([a_finding(Verdict.FAIL, explanation="\x1b[31mred\x00 <&> \ud83d")])[0]

    assert case[0].get("message") == "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER} <&> " + (
        "\N{REPLACEMENT CHARACTER}"
    )


def test_findings_of_an_unnamed_experiment_are_not_lost(junit: Junit, a_finding: Callable[..., Finding]) -> None:
    root = junit([a_finding(experiment="stray")])

    assert [suite.get("name") for suite in root] == ["e", "stray"]
