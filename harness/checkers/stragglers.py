"""Stragglers: users that are served elsewhere than DNS leads them once the TTL has passed, each with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from harness.checkers.limits import Allowances, dns_limit
from harness.checkers.straggling import Reason, Straggling, late_dns, straggling
from harness.checkers.timeline import failover_times
from harness.checkers.tracks import tracks_of
from harness.events import ExperimentEvent, VantageName
from harness.findings import Finding, Verdict
from harness.history import History

EVIDENCE_AT_MOST = 20


class NoStragglers(msgspec.Struct, frozen=True, kw_only=True, tag="no-stragglers"):
    """Every user went where DNS led, once the TTL of an earlier answer had passed, and DNS changed in time."""

    allowances: Allowances = Allowances()

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        claim = "Users follow DNS once the TTL has passed"
        found = stragglers_of(history, experiment, self.allowances)
        if not _watched(history, experiment):
            return [Finding.unknown("no-stragglers", claim, "no vantage was seen both in DNS and over HTTPS")]
        strayed = [stretch for stretch in found if stretch.reason is not Reason.LATE_DNS]
        names = {stretch.vantage for stretch in strayed}
        longest = max(strayed, key=lambda stretch: stretch.lasted_s, default=None)
        overall = Finding.at_most(
            "no-stragglers",
            claim,
            measured=len(names),
            limit=0,
            unit="vantages",
            explanation=f"{len(names)} straggled" + (f"; longest: {_told(longest)}" if longest else ""),
            samples=len(_watched(history, experiment)),
            evidence=longest.evidence[:EVIDENCE_AT_MOST] if longest else (),
        )
        return [overall, *(_of_one("no-stragglers", claim, stretch, Verdict.FAIL) for stretch in found)]


class StragglersNamed(msgspec.Struct, frozen=True, kw_only=True, tag="stragglers-named"):
    """These vantages straggle, and what was seen of each says why; no other does.

    It does not ask whether straggling is well: it tells how long the users of such resolvers are served elsewhere.
    """

    expected: dict[VantageName, Reason]
    allowances: Allowances = Allowances()

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        found = stragglers_of(history, experiment, self.allowances)
        return [*self._named(found), self._others(found, _watched(history, experiment))]

    def _named(self, found: list[Straggling]) -> Iterator[Finding]:
        for vantage, reason in self.expected.items():
            claim = f"{vantage} straggles because {reason.value}"
            mine = [stretch for stretch in found if stretch.vantage == vantage]
            if not mine:
                yield Finding.unknown("stragglers-named", claim, "it was not seen to straggle", subject=vantage)
                continue
            told = [stretch for stretch in mine if stretch.reason is reason]
            longest = max(told or mine, key=lambda stretch: stretch.lasted_s)
            yield _of_one("stragglers-named", claim, longest, Verdict.PASS if told else Verdict.FAIL)

    def _others(self, found: list[Straggling], watched: set[VantageName]) -> Finding:
        claim, rest = "Nobody else straggles", watched - self.expected.keys()
        if not rest:
            return Finding.unknown("stragglers-named", claim, "no other vantage was seen both in DNS and over HTTPS")
        # Whom DNS was late for is no resolver's doing, and judged by how late DNS was.
        strayed = [stretch for stretch in found if stretch.reason is not Reason.LATE_DNS]
        others = [stretch for stretch in strayed if stretch.vantage not in self.expected]
        return Finding.at_most(
            "stragglers-named",
            claim,
            measured=len({stretch.vantage for stretch in others}),
            limit=0,
            unit="vantages",
            explanation="; ".join(map(_told, others)) or f"{len(rest)} vantages followed DNS",
            samples=len(rest),
            evidence=tuple(event for stretch in others for event in stretch.evidence)[:EVIDENCE_AT_MOST],
        )


def stragglers_of(history: History, experiment: ExperimentEvent, allowances: Allowances) -> list[Straggling]:
    """All stretches of the experiment, in order of time."""
    tracks, stack = tracks_of(history), history.header.stack
    late = [
        stretch
        for times in failover_times(history, experiment)
        if times.window.proven
        for stretch in late_dns(times, dns_limit(stack, allowances))
    ]
    return sorted(
        [*straggling(tracks, experiment, stack.record_ttl_s), *late],
        key=lambda stretch: (stretch.since_s, stretch.vantage),
    )


def _watched(history: History, experiment: ExperimentEvent) -> set[VantageName]:
    """Vantages of which both is known: where DNS led them and where they went."""
    tracks, span_s = tracks_of(history), (experiment.start_s, experiment.end_s)
    return {
        name
        for name in tracks.vantages
        if any(answer.region for _, answer in tracks.dns[name].between(*span_s))
        and any(reply.region or reply.address for _, reply in tracks.https[name].between(*span_s))
    }


def _of_one(checker: str, claim: str, stretch: Straggling, verdict: Verdict) -> Finding:
    return Finding(
        checker=checker,
        claim=claim,
        verdict=verdict,
        explanation=_told(stretch),
        measured=stretch.lasted_s,
        # What DNS may take has been taken off: it may be late by nothing more.
        limit=0.0 if stretch.reason is Reason.LATE_DNS else None,
        unit="s",
        samples=stretch.looks,
        subject=stretch.vantage,
        evidence=stretch.evidence[:EVIDENCE_AT_MOST],
    )


def _told(stretch: Straggling) -> str:
    if stretch.reason is Reason.LATE_DNS:
        where = f"was led to {stretch.region}"
    else:
        where = f"was served by {stretch.region}, though DNS led to {stretch.led_to},"
    end = f"for {stretch.lasted_s:.1f} s" + ("" if stretch.over else " and longer")
    return (
        f"{stretch.vantage} {where} from {stretch.since_s:.1f} s on {end}"
        f" ({stretch.looks} requests, {stretch.failed} failed) because {_because(stretch.reasons)}"
    )


def _because(reasons: Iterable[tuple[Reason, int]]) -> str:
    (first, _), *more = reasons
    return first.value + "".join(f"; {count} of them because {reason.value}" for reason, count in more)
