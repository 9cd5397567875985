"""Which regions DNS answers with at all: each that is well, and none that is called sick."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from harness.checkers.limits import Allowances
from harness.checkers.routing import nearest
from harness.checkers.tracks import Tracks, tracks_of
from harness.events import ExperimentEvent, HealthObservation, VantageName
from harness.findings import Finding, Verdict
from harness.history import History
from harness.stack import RegionName

EVIDENCE_AT_MOST = 20


class EveryRegionAnswers(msgspec.Struct, frozen=True, kw_only=True, tag="every-region-answers"):
    """Before anything was broken, DNS led somebody to each region that is the nearest of somebody.

    One that nobody is led to has no record, or one that never wins: its users are served from farther away.
    """

    margin_share: float = 0.10

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        tracks = tracks_of(history)
        at_home: defaultdict[RegionName, list[VantageName]] = defaultdict(list)
        for vantage in history.header.vantages:
            expected = nearest(vantage, self.margin_share)
            if expected.region and not expected.close:
                at_home[expected.region].append(vantage.name)
        span_s = (experiment.start_s, experiment.steady_until_s)
        return [self._judge(tracks, region, at_home[region], span_s) for region in history.header.stack.region_names]

    def _judge(
        self, tracks: Tracks, region: RegionName, names: list[VantageName], span_s: tuple[float, float]
    ) -> Finding:
        checker, claim = "every-region-answers", f"DNS leads users to {region}"
        answers = [pair for name in names for pair in tracks.dns[name].between(*span_s) if pair[1].region]
        if not answers:
            why = f"no answer was seen for a place whose nearest region is clearly {region}; look from places near it"
            return Finding.unknown(checker, claim, why, subject=region)
        here = {answer.vantage for _, answer in answers if answer.region == region}
        asked = {answer.vantage for _, answer in answers}
        told = f"{len(here)} of {len(asked)} places whose nearest region it is were led there"
        missing = f"{told}: the record set has no record for {region}, or it never wins; look at Route 53's records"
        return Finding(
            checker=checker,
            claim=claim,
            verdict=Verdict.PASS if here else Verdict.FAIL,
            explanation=told if here else missing,
            samples=len(answers),
            subject=region,
            evidence=() if here else tuple(index for index, _ in answers[:EVIDENCE_AT_MOST]),
        )


class SickRegionWithdrawn(msgspec.Struct, frozen=True, kw_only=True, tag="sick-region-withdrawn"):
    """While Route 53's own checkers call a region sick, and another one well, DNS leads nobody there.

    It needs no fault: it holds the record set against the health checks. A record without a health check, or one that
    follows another region's, is found whichever way its region became sick. When all are called sick Route 53 answers
    with all of them, so that stretch says nothing.
    """

    allowances: Allowances = Allowances()

    def judge(self, history: History, experiment: ExperimentEvent) -> list[Finding]:
        tracks, regions = tracks_of(history), history.header.stack.region_names
        findings = [
            finding
            for region in regions
            for finding in self._judge(tracks, region, _sick(tracks, region, experiment), regions)
        ]
        claim = "DNS leads nobody to a region that is called sick"
        return findings or [
            Finding.unknown("sick-region-withdrawn", claim, "no region was called sick for long enough")
        ]

    def _judge(
        self,
        tracks: Tracks,
        region: RegionName,
        stretches: list[tuple[float, float]],
        regions: tuple[RegionName, ...],
    ) -> Iterator[Finding]:
        follows_s = self.allowances.propagation_s + self.allowances.margin_s
        checker, claim = "sick-region-withdrawn", f"DNS leads nobody to {region} while it is called sick"
        others = [other for other in regions if other != region]
        for sick_s, until_s in stretches:
            looks = [
                pair
                for name in tracks.vantages
                for pair in tracks.dns[name].between(sick_s + follows_s, until_s)
                if pair[1].region and any(_is_well(tracks, other, pair[1].start_s) for other in others)
            ]
            if not looks:
                continue
            wrong = [(index, answer) for index, answer in looks if answer.region == region]
            names = sorted({answer.vantage for _, answer in wrong})
            told = f"called sick from {sick_s:.1f} s to {until_s:.1f} s; {len(wrong)} of {len(looks)} answers led there"
            why = f" ({', '.join(names[:5])}): its record has no health check, or not this one" if wrong else ""
            found = Finding.at_most(
                checker,
                claim,
                measured=len(wrong),
                limit=0,
                unit="answers",
                explanation=f"{told}{why}; {follows_s:g} s are left to the name servers",
                samples=len(looks),
                subject=region,
                evidence=tuple(index for index, _ in wrong[:EVIDENCE_AT_MOST]),
            )
            yield found


def _sick(tracks: Tracks, region: RegionName, experiment: ExperimentEvent) -> list[tuple[float, float]]:
    """Stretches from the end of the first poll that called it sick to the start of the last in a row that did."""
    stretches: list[tuple[float, float]] = []
    open_s: float | None = None
    last_s = 0.0
    for _, poll in tracks.health[region].between(experiment.start_s, experiment.end_s):
        if poll.healthy is False:
            open_s, last_s = poll.end_s if open_s is None else open_s, poll.start_s
        elif poll.healthy and open_s is not None:
            stretches.append((open_s, last_s))
            open_s = None
    return stretches if open_s is None else [*stretches, (open_s, last_s)]


def _is_well(tracks: Tracks, region: RegionName, at_s: float) -> bool:
    """The last poll before, and the first after, called it well."""
    polls = tracks.health[region]
    before, after = polls.last_before(at_s, _tells), polls.first_from(at_s, _tells)
    return bool(before and before[1].healthy and (after is None or after[1].healthy))


def _tells(poll: HealthObservation) -> bool:
    return poll.healthy is not None
