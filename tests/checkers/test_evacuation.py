"""Whether a region that an operator took out of DNS ran empty in time."""

from __future__ import annotations

from builders import EU, Story

from harness.checkers.evacuation import EvacuatedInTime
from harness.findings import Finding, Verdict
from harness.history import History


def judged(history: History, propagation_s: float = 10.0) -> dict[str, Finding]:
    found = EvacuatedInTime(region=EU, propagation_s=propagation_s).judge(history, history.experiment("e"))
    return {finding.checker: finding for finding in reversed(found)}


def test_dns_by_propagation_and_users_by_their_cache_pass() -> None:
    """Out of DNS 5 s after the call, limit 10 + 10 s; users asked again at 120 s, 58 s after, limit 90 s."""
    found = judged(Story(dns_s=5, detect_s=1000).history())

    assert {name: finding.verdict for name, finding in found.items()} == {
        "evacuation-dns": Verdict.PASS,
        "evacuation": Verdict.PASS,
    }
    assert found["evacuation"].limit == 90


def test_an_evacuation_that_waits_for_the_checkers_fails() -> None:
    """Planted: DNS follows after 85 s, as if the health check had had to notice."""
    found = judged(Story(dns_s=85).history())

    assert found["evacuation-dns"].verdict is Verdict.FAIL
    assert found["evacuation"].verdict is Verdict.FAIL


def test_a_region_that_never_runs_empty_fails() -> None:
    found = judged(Story(dns_s=1000).history())

    assert found["evacuation"].verdict is Verdict.FAIL


def test_an_unproven_call_proves_nothing() -> None:
    (finding,) = judged(Story(proven=False).history()).values()

    assert finding.verdict is Verdict.UNKNOWN
