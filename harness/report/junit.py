"""Findings as JUnit XML: a suite for each experiment, a case for each finding, for CI systems to show.

FAIL is a failure; UNKNOWN is an error, so that no CI system takes it for a pass.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from harness.findings import Finding, Verdict
from harness.report.words import by_experiment, tally
from harness.run import RunRecord

JUNIT_FILE = "junit.xml"

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold in any form: one of them in an error's text would make the file unreadable."""


def write_junit(path: Path, record: RunRecord, findings: Sequence[Finding]) -> None:
    told = {"name": _xml(record.name), "time": f"{record.wall_s:.3f}", **_counts(findings)}
    root = ElementTree.Element("testsuites", told)
    names = tuple(experiment.name for experiment in record.experiments)
    for name, mine in by_experiment(names, findings).items():
        told = {"name": _xml(name), "timestamp": record.started_at, "skipped": "0", **_counts(mine)}
        suite = ElementTree.SubElement(root, "testsuite", told)
        for finding in mine:
            _add_case(suite, finding)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _counts(findings: Sequence[Finding]) -> dict[str, str]:
    of = tally(findings)
    return {"tests": str(len(findings)), "failures": str(of[Verdict.FAIL]), "errors": str(of[Verdict.UNKNOWN])}


def _add_case(suite: ElementTree.Element, finding: Finding) -> None:
    name = f"{finding.claim} [{finding.subject}]" if finding.subject else finding.claim
    classname = f"{finding.experiment}.{finding.checker}"
    case = ElementTree.SubElement(suite, "testcase", classname=_xml(classname), name=_xml(name))
    if finding.measured is not None:
        _add_numbers(case, finding)
    if finding.verdict is Verdict.PASS:
        ElementTree.SubElement(case, "system-out").text = _xml(finding.explanation)
        return
    tag = "failure" if finding.verdict is Verdict.FAIL else "error"
    ElementTree.SubElement(case, tag, message=_xml(finding.explanation), type=finding.verdict.value)


def _add_numbers(case: ElementTree.Element, finding: Finding) -> None:
    properties = ElementTree.SubElement(case, "properties")
    for key in ("measured", "limit", "uncertainty", "unit", "samples"):
        value = getattr(finding, key)
        if value not in (None, ""):
            ElementTree.SubElement(properties, "property", name=key, value=_xml(str(value)))


def _xml(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
