"""Verdicts and findings: what a checker says, in plain words and with the numbers behind them."""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec


class Verdict(enum.Enum):
    """PASS < UNKNOWN < FAIL; of several, the worst counts, and none at all is UNKNOWN."""

    PASS = "pass"
    UNKNOWN = "unknown"
    FAIL = "fail"

    @property
    def severity(self) -> int:
        return _SEVERITY[self]

    @classmethod
    def worst(cls, verdicts: Iterable[Verdict]) -> Verdict:
        return max(verdicts, key=lambda verdict: verdict.severity, default=cls.UNKNOWN)


_SEVERITY = {Verdict.PASS: 0, Verdict.UNKNOWN: 1, Verdict.FAIL: 2}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One checked claim.

    `measured` and `limit` share `unit`; either is None when the claim is not about a number or nothing could be
    measured. `uncertainty` is in the same unit: the truth lies in [measured - uncertainty, measured].
    `evidence` holds indexes of the events, in the history that was judged, that prove the finding.
    """

    checker: str
    claim: str
    verdict: Verdict
    explanation: str
    measured: float | None = None
    limit: float | None = None
    unit: str = ""
    uncertainty: float | None = None
    samples: int = 0
    subject: str = ""
    """What it is about: a region, a vantage, a resource."""
    experiment: str = ""
    evidence: tuple[int, ...] = ()

    @classmethod
    def unknown(cls, checker: str, claim: str, explanation: str, *, subject: str = "", samples: int = 0) -> Finding:
        return cls(
            checker=checker,
            claim=claim,
            verdict=Verdict.UNKNOWN,
            explanation=explanation,
            subject=subject,
            samples=samples,
        )

    @classmethod
    def at_most(
        cls,
        checker: str,
        claim: str,
        *,
        measured: float,
        limit: float,
        unit: str,
        explanation: str,
        samples: int,
        subject: str = "",
        uncertainty: float | None = None,
        evidence: tuple[int, ...] = (),
    ) -> Finding:
        """PASS when measured <= limit. NaN never passes."""
        return cls(
            checker=checker,
            claim=claim,
            verdict=Verdict.PASS if measured <= limit else Verdict.FAIL,
            explanation=explanation,
            measured=measured,
            limit=limit,
            unit=unit,
            uncertainty=uncertainty,
            samples=samples,
            subject=subject,
            evidence=evidence,
        )

    @classmethod
    def at_least(
        cls,
        checker: str,
        claim: str,
        *,
        measured: float,
        limit: float,
        unit: str,
        explanation: str,
        samples: int,
        subject: str = "",
        uncertainty: float | None = None,
        evidence: tuple[int, ...] = (),
    ) -> Finding:
        """PASS when measured >= limit. NaN never passes."""
        return cls(
            checker=checker,
            claim=claim,
            verdict=Verdict.PASS if measured >= limit else Verdict.FAIL,
            explanation=explanation,
            measured=measured,
            limit=limit,
            unit=unit,
            uncertainty=uncertainty,
            samples=samples,
            subject=subject,
            evidence=evidence,
        )


def overall(findings: Iterable[Finding]) -> Verdict:
    """The verdict on all of them; UNKNOWN when there is none."""
    return Verdict.worst(finding.verdict for finding in findings)
