from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.findings import Finding, Verdict, overall


def a_finding(verdict: Verdict) -> Finding:
    return Finding(checker="c", claim="it is so", verdict=verdict, explanation="because")


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ([], Verdict.UNKNOWN),
        ([Verdict.PASS], Verdict.PASS),
        ([Verdict.PASS, Verdict.UNKNOWN], Verdict.UNKNOWN),
        ([Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS], Verdict.FAIL),
    ],
)
def test_the_worst_verdict_counts_and_none_at_all_is_unknown(verdicts, worst):
    assert overall(map(a_finding, verdicts)) is worst


@given(st.lists(st.sampled_from(Verdict), min_size=1))
def test_one_more_finding_never_makes_a_run_better(verdicts):
    assert Verdict.worst(verdicts).severity >= Verdict.worst(verdicts[1:] or [Verdict.PASS]).severity


@pytest.mark.parametrize(
    ("measured", "most", "least"),
    [
        (1.0, Verdict.PASS, Verdict.FAIL),
        (2.0, Verdict.PASS, Verdict.PASS),
        (3.0, Verdict.FAIL, Verdict.PASS),
        (math.nan, Verdict.FAIL, Verdict.FAIL),
    ],
)
def test_a_limit_is_met_up_to_itself_and_never_by_nan(measured, most, least):
    said = {"measured": measured, "limit": 2.0, "unit": "s", "explanation": "x", "samples": 1}

    assert Finding.at_most("c", "claim", **said).verdict is most
    assert Finding.at_least("c", "claim", **said).verdict is least


def test_an_unknown_finding_has_measured_nothing():
    finding = Finding.unknown("c", "claim", "too few", subject="s", samples=3)

    assert (finding.verdict, finding.measured, finding.samples, finding.subject) == (Verdict.UNKNOWN, None, 3, "s")


def test_findings_survive_json():
    finding = Finding.at_most(
        "c", "claim", measured=1, limit=2, unit="s", explanation="x", samples=1, uncertainty=0.5, evidence=(1, 2)
    )

    assert msgspec.json.decode(msgspec.json.encode(finding), type=Finding) == finding
