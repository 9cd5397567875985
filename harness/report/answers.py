"""An experiment's question, answered in plain words with the numbers.

"Yes: the users of eu-west-1 were well again 63 to 148 s after /health broke (limit 194 s), ..."
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.findings import Finding, Verdict, overall
from harness.report.failovers import FAILED, HOME, RECOVER, JudgedFailover
from harness.report.items.facts import ItemFacts
from harness.report.items.sentences import item_sentences
from harness.report.words import count, family, listed, span_s

_WORDS = {
    Verdict.FAIL: ("No", "does not hold", "do not hold"),
    Verdict.UNKNOWN: ("Cannot tell", "could not be judged", "could not be judged"),
}


NO_ITEMS = ItemFacts()


def answer(
    findings: Sequence[Finding],
    failovers: Sequence[JudgedFailover] = (),
    *,
    items: ItemFacts = NO_ITEMS,
    health_path: str = "",
) -> str:
    """Yes, No or Cannot tell; then why not; then what was measured and passed.

    `failovers` add the fastest user beside the slowest, `items` the median beside the limit and every write's fate;
    `health_path` names what a health-broken fault broke.
    """
    if not findings:
        return "Cannot tell: nothing was checked."
    verdict = overall(findings)
    facts = _facts(findings, failovers, items, health_path)
    if verdict is Verdict.PASS:
        every = "the one claim holds." if len(findings) == 1 else f"all {len(findings)} claims hold."
        return f"Yes: {facts or every}"
    why = _deviation(findings, verdict)
    return f"{why} What was seen: {facts}" if facts else why


def _facts(findings: Sequence[Finding], failovers: Sequence[JudgedFailover], items: ItemFacts, health_path: str) -> str:
    """Sentences, the first of which goes on after "Yes:"."""
    users = listed(
        [*_suffering(findings), *_measured(findings, failovers, health_path), *_routed(findings), *_rules(findings)]
    )
    told = [users, *_blind_spots(findings), *item_sentences(findings, items)]
    first, *others = [sentence for sentence in told if sentence] or [""]
    return " ".join(f"{told}." for told in (first, *(other[0].upper() + other[1:] for other in others)) if told)


def _deviation(findings: Sequence[Finding], verdict: Verdict) -> str:
    """The first finding that decides the verdict, and how many more do. Why a run was stopped explains all others."""
    deciding = [finding for finding in findings if finding.verdict is verdict]
    first = next((finding for finding in deciding if finding.checker == "aborted"), deciding[0])
    lead, one, many = _WORDS[verdict]
    claim = "" if first.checker == "aborted" else f"“{first.claim}” {one}: "
    told = f"{lead}: {claim}{first.explanation}."
    others = len(deciding) - 1
    return f"{told} {count(others, 'more claim')} {one if others == 1 else many}." if others else told


def _suffering(findings: Sequence[Finding]) -> Iterator[str]:
    """What users felt of a fault, and whether the health check saw it."""
    passed = [finding for finding in findings if finding.verdict is Verdict.PASS]
    told = [f"as documented, {each.claim.rpartition(': ')[2]}" for each in passed if each.checker == "fault-sight"]
    told += [each.explanation.partition(":")[0] for each in passed if each.checker == "users-suffered"]
    told += [each.explanation.partition("; ")[0] for each in passed if each.checker == "blind-spot-search"]
    if told:
        yield ": ".join(told)


def _blind_spots(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        if finding.checker in {"fault-sight", "blind-spot-search"} and finding.verdict is Verdict.PASS:
            yield "".join(finding.explanation.partition("the blind spot: ")[1:])


def _measured(findings: Sequence[Finding], failovers: Sequence[JudgedFailover], health_path: str) -> Iterator[str]:
    """The numbers that a user cares about, of findings that pass: what happened first, what it cost last."""
    told = [finding for finding in findings if finding.verdict is Verdict.PASS and finding.measured is not None]
    times_of = {id(finding): one.times for one in failovers for finding in one.findings.values()}
    for finding in told:
        times = times_of.get(id(finding))
        if finding.checker == RECOVER:
            path = health_path if times and times.window.fault == "health-broken" else ""
            broke = f"{path or 'it'} broke"
            took = _took(finding, times.clients_s if times else ())
            yield f"the users of {finding.subject} were well again {took} after {broke} ({_limit(finding)})"
        elif finding.checker == HOME:
            took = _took(finding, times.home_s if times else ())
            yield f"home again {took} after it was mended ({_limit(finding)})"
        elif finding.checker == "fail-open" and finding.unit == "s":
            who = count(finding.samples, "vantage")
            yield f"DNS led {who} home {_took(finding, ())} after the last region was called sick ({_limit(finding)})"
    for finding in told:
        if finding.checker in {FAILED, "fail-open"} and finding.unit == "share":
            yield f"{round((finding.measured or 0) * finding.samples):,} of {count(finding.samples, 'request')} failed"


def _routed(findings: Sequence[Finding]) -> Iterator[str]:
    """Who was served by whom, where that was the question; and how long those suffered whose resolvers are wayward."""
    passed = [finding for finding in findings if finding.verdict is Verdict.PASS]
    if not any(finding.checker == RECOVER for finding in findings):
        nearest = [finding for finding in passed if finding.checker == "served-by-nearest" and not finding.subject]
        yield from (f"{finding.explanation.partition(';')[0]} served by their nearest region" for finding in nearest)
    for finding in passed:
        if finding.checker == "stragglers-named" and finding.subject:
            longer = " and longer" if "and longer" in finding.explanation else ""
            because = "".join(finding.claim.partition(" because ")[1:])
            yield f"{finding.subject} was served elsewhere for {finding.measured or 0:.0f} s{longer}{because}"


def _rules(findings: Sequence[Finding]) -> Iterator[str]:
    rules = [finding for finding in findings if family(finding) == "deployment"]
    held = sum(finding.verdict is Verdict.PASS for finding in rules)
    if rules:
        yield f"all {held} rules hold" if held == len(rules) else f"{held} of {len(rules)} rules hold"


def _took(finding: Finding, all_s: Sequence[float]) -> str:
    """From the fastest, where it is known, to the slowest, which is what was judged."""
    slowest_s = finding.measured or 0.0
    fastest_s = min(all_s, default=slowest_s)
    return span_s(fastest_s, slowest_s) if fastest_s < slowest_s else f"at most {slowest_s:.0f} s"


def _limit(finding: Finding) -> str:
    return f"limit {finding.limit or 0:.0f} s"
