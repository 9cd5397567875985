"""Vantages that were where they should be, counted; those that were not, named."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from harness.events import VantageName
from harness.findings import Finding, Verdict
from harness.stack import RegionName

EVIDENCE_AT_MOST = 20


class Astray(msgspec.Struct, frozen=True):
    vantage: VantageName
    expected: tuple[RegionName, ...]
    seen: tuple[RegionName, ...]
    evidence: tuple[int, ...]
    looks: int


class Tally:
    """Judges "every vantage was where expected". Close calls are told apart and never held against anybody."""

    def __init__(self) -> None:
        self._right = 0
        self._astray: list[Astray] = []
        self._close_right = 0
        self._close_astray: list[Astray] = []
        self._unseen: list[VantageName] = []
        self._anywhere: list[VantageName] = []
        self._looks = 0

    def add(
        self,
        vantage: VantageName,
        expected: Collection[RegionName | None],
        looks: Sequence[tuple[int, RegionName | None]],
        *,
        close: bool,
    ) -> None:
        """`looks` are (index, region) of what was seen of the vantage; where nothing is expected, nothing is judged."""
        if not expected or not looks:
            (self._unseen if expected else self._anywhere).append(vantage)
            return
        self._looks += len(looks)
        wrong = [(index, region) for index, region in looks if region not in expected]
        if not wrong:
            self._close_right += close
            self._right += not close
            return
        found = Astray(
            vantage=vantage,
            expected=tuple(sorted(region for region in expected if region)),
            seen=tuple(sorted({region for _, region in wrong if region})),
            evidence=tuple(index for index, _ in wrong[:EVIDENCE_AT_MOST]),
            looks=len(looks),
        )
        (self._close_astray if close else self._astray).append(found)

    def findings(self, checker: str, claim: str, subject: str) -> list[Finding]:
        """One finding on all, and one for each that was astray."""
        judged = self._right + len(self._astray)
        overall = Finding(
            checker=checker,
            claim=claim,
            verdict=self._verdict(),
            explanation=self._explanation(judged),
            measured=len(self._astray) if judged else None,
            limit=0,
            unit="vantages",
            samples=self._looks,
            subject=subject,
            evidence=tuple(index for astray in self._astray for index in astray.evidence)[:EVIDENCE_AT_MOST],
        )
        return [overall, *(_of_one(checker, claim, astray) for astray in self._astray)]

    def _verdict(self) -> Verdict:
        if self._astray:
            return Verdict.FAIL
        return Verdict.PASS if self._right and not self._unseen else Verdict.UNKNOWN

    def _explanation(self, judged: int) -> str:
        told = [f"{self._right} of {judged} vantages were"] if judged else ["no vantage could be judged"]
        if close := self._close_right + len(self._close_astray):
            names = ", ".join(astray.vantage for astray in self._close_astray)
            told.append(f"close calls, not judged: {close}" + (f" (elsewhere: {names})" if names else ""))
        if self._anywhere:
            told.append(f"no region is known to be nearest to {', '.join(self._anywhere)}")
        if self._unseen:
            told.append(f"nothing was seen of {', '.join(self._unseen)}")
        return "; ".join(told)


def _of_one(checker: str, claim: str, astray: Astray) -> Finding:
    return Finding(
        checker=checker,
        claim=claim,
        verdict=Verdict.FAIL,
        explanation=f"seen in {' and '.join(astray.seen)}, expected in {' or '.join(astray.expected)}",
        samples=astray.looks,
        subject=astray.vantage,
        evidence=astray.evidence,
    )
