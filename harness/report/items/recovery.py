"""What each cut put at risk and what became of it: a column for each fault and region that it cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from harness.checkers.rpo import Fate, Rpo
from harness.findings import Finding, Verdict
from harness.report.failover_table import NOTHING, Cell, Line, Stage
from harness.report.words import count, limit, listed, seconds
from harness.stack import RegionName

SHOWN_AT_MOST = 8
LOST, AGE = "recovery-point", "recovery-point-age"


class JudgedCut(msgspec.Struct, frozen=True, kw_only=True):
    """`findings` by checker."""

    cut: Rpo
    findings: dict[str, Finding]

    @property
    def verdict(self) -> Verdict | None:
        """None when nothing was claimed of it."""
        return Verdict.worst(one.verdict for one in self.findings.values()) if self.findings else None


def judged_cuts(cuts: Sequence[Rpo], findings: Sequence[Finding]) -> list[JudgedCut]:
    """A checker speaks of a region's cuts in order: its nth finding is about the nth."""
    earlier: list[RegionName] = []
    judged = []
    for cut in cuts:
        nth = earlier.count(cut.region)
        earlier.append(cut.region)
        mine: dict[str, Finding] = {}
        for checker in (LOST, AGE):
            found = [one for one in findings if (one.checker, one.subject) == (checker, cut.region)]
            mine |= {checker: found[nth]} if nth < len(found) else {}
        judged.append(JudgedCut(cut=cut, findings=mine))
    return judged


def told_cuts(judged: Sequence[JudgedCut]) -> list[JudgedCut]:
    """Those of which something was claimed, then those that put something at risk; not more than a table bears."""
    claimed = [one for one in judged if one.findings]
    risky = [one for one in judged if one.cut.at_risk and not one.findings]
    return [*claimed, *risky][:SHOWN_AT_MOST]


def recovery_stages(judged: Sequence[JudgedCut]) -> list[Stage]:
    def line(what: str, cell: Callable[[JudgedCut], Cell]) -> Line:
        return Line(what, tuple(cell(one) for one in judged))

    def fate(what: str, fate: Fate) -> Line:
        return line(what, lambda one: _fate(one.cut, fate))

    return [
        Stage(
            "when it was cut off",
            (
                line("acknowledged there, in no other region", lambda one: Cell(_at_risk(one.cut))),
                line("the oldest of them", _age),
            ),
        ),
        Stage(
            "while it was cut off",
            (
                line("for how long", lambda one: Cell(_for_how_long(one.cut))),
                line("acknowledged there", lambda one: Cell(f"{one.cut.written_during:,}")),
                line("asked for there, no reply", lambda one: Cell(f"{one.cut.unknown_during:,}")),
            ),
        ),
        Stage(
            "what became of all of these",
            (
                fate("had crossed by then", Fate.CROSSED),
                line("arrived after healing", _arrived),
                fate("overwritten by a later write: by design", Fate.OVERWRITTEN),
                line("lost for good", _lost),
                fate("not seen yet, not looked at for long enough", Fate.WAITING),
                fate("looked for by nobody", Fate.UNWATCHED),
            ),
        ),
    ]


def cut_sentence(cut: Rpo) -> str:
    """ "while eu-west-1 was cut off for 60 s, 34 acknowledged writes were at risk: 31 arrived after healing, ..."."""
    risked = f"{count(cut.at_risk, 'acknowledged write')} {'was' if cut.at_risk == 1 else 'were'} at risk"
    lead = f"while {cut.region} was cut off{_for(cut)}, {risked}"
    return f"{lead}: {listed(list(_fates(cut)))}" if cut.at_risk else lead


def _fates(cut: Rpo) -> Iterator[str]:
    words = (
        (cut.crossed, "had crossed by then"),
        (cut.arrived, "arrived after healing"),
        (cut.overwritten, "overwritten by a later one"),
        (cut.waiting, "not seen yet"),
        (cut.unwatched, "looked for by nobody"),
    )
    yield from (f"{amount:,} {told}" for amount, told in words if amount)
    yield f"{cut.lost:,} lost for good" if cut.lost else "none lost"


def _for(cut: Rpo) -> str:
    return "" if cut.healed_s is None else f" for {cut.healed_s - cut.cut_s:.0f} s"


def _at_risk(cut: Rpo) -> str:
    """By looks from time to time: surely so many, possibly more."""
    surely, possibly = f"{cut.at_risk_surely:,}", f"{cut.at_risk_possibly:,}"
    return possibly if surely == possibly else f"{surely} to {possibly}"


def _age(one: JudgedCut) -> Cell:
    low, high = seconds(one.cut.oldest_age_low_s), seconds(one.cut.oldest_age_high_s)
    if not one.cut.at_risk_possibly:
        return Cell(NOTHING)
    return _judged(one, AGE, f"{high} s" if low == high else f"{low} to {high} s")


def _for_how_long(cut: Rpo) -> str:
    return "never undone" if cut.healed_s is None else f"{cut.healed_s - cut.cut_s:.0f} s"


def _fate(cut: Rpo, fate: Fate) -> Cell:
    return Cell(f"{getattr(cut, fate.value):,}")


def _arrived(one: JudgedCut) -> Cell:
    late_s = one.cut.caught_up_s
    return Cell(f"{one.cut.arrived:,}", f"the last {seconds(late_s)} s after it" if late_s is not None else "")


def _lost(one: JudgedCut) -> Cell:
    return _judged(one, LOST, f"{one.cut.lost:,}")


def _judged(one: JudgedCut, checker: str, text: str) -> Cell:
    finding = one.findings.get(checker)
    if finding is None:
        return Cell(text)
    return Cell(text, f"limit {limit(finding)}" if finding.limit is not None else "", finding.verdict)
