"""Findings as JUnit XML: a suite for each experiment, a case for each finding, for CI systems to show.

FAIL is a failure; UNKNOWN is an error, so that no CI system takes it for a pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from harness.findings import Finding, Verdict
from harness.run import RunRecord

JUNIT_FILE = "junit.xml"


def write_junit(path: Path, record: RunRecord, findings: Sequence[Finding]) -> None:
    root = ElementTree.Element("testsuites", name=record.name, time=f"{record.wall_s:.3f}")
    for experiment in record.experiments:
        mine = [finding for finding in findings if finding.experiment == experiment.name]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=experiment.name,
            timestamp=record.started_at,
            tests=str(len(mine)),
            failures=str(sum(finding.verdict is Verdict.FAIL for finding in mine)),
            errors=str(sum(finding.verdict is Verdict.UNKNOWN for finding in mine)),
            skipped="0",
        )
        for finding in mine:
            _add_case(suite, finding)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _add_case(suite: ElementTree.Element, finding: Finding) -> None:
    name = f"{finding.claim} [{finding.subject}]" if finding.subject else finding.claim
    case = ElementTree.SubElement(suite, "testcase", classname=f"{finding.experiment}.{finding.checker}", name=name)
    if finding.measured is not None:
        properties = ElementTree.SubElement(case, "properties")
        for key in ("measured", "limit", "uncertainty", "unit", "samples"):
            value = getattr(finding, key)
            if value not in (None, ""):
                ElementTree.SubElement(properties, "property", name=key, value=str(value))
    if finding.verdict is Verdict.PASS:
        ElementTree.SubElement(case, "system-out").text = finding.explanation
        return
    tag = "failure" if finding.verdict is Verdict.FAIL else "error"
    ElementTree.SubElement(case, tag, message=finding.explanation, type=finding.verdict.value)
