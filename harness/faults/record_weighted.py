"""record-weighted: traffic is drawn by weights, of which the region gets none or few: an operator's way out by DNS.

A name has records of one routing policy only, so latency records are exchanged for weighted ones in one batch: users
are then no longer led to the nearest region. Records that are weighted already only get other weights.
"""

from __future__ import annotations

from typing import ClassVar

from harness.errors import InvalidPlan, NotDeployed
from harness.faults.about import About, Confidence
from harness.faults.calls import Call
from harness.faults.dns_proof import answer_near
from harness.faults.records import (
    READ_AND_CHANGE,
    Record,
    as_text,
    change_records,
    identity,
    leads_to,
    read_records,
    record_of,
)
from harness.faults.values import RegionalFault, Values
from harness.stack import Stack
from harness.target import Target

LARGEST_WEIGHT = 255
OTHERS_WEIGHT = 100
LOOKS = 8
"""Weighted answers are drawn anew each time."""


class RecordWeighted(RegionalFault, frozen=True, kw_only=True, tag="record-weighted"):
    """The records that lead to `region` have the weight `weight`, all others of the name 100."""

    weight: int = 0

    name: ClassVar[str] = "record-weighted"
    about: ClassVar[About] = About(
        summary="DNS draws regions by weight and gives this one none or little; nobody is led to the nearest any more",
        iam_actions=READ_AND_CHANGE,
        aws="a record of weight 0 is not answered while another one with a weight is healthy; a name cannot have "
        "records of two routing policies, so latency records are replaced; changes generally reach all name servers "
        "within 60 seconds",
        confidence=Confidence.DOCUMENTED,
        bites_within_s=180,
    )

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= LARGEST_WEIGHT:
            raise InvalidPlan(f"record-weighted weight {self.weight}: a whole number from 0 to {LARGEST_WEIGHT}")

    def resources(self, stack: Stack) -> tuple[str, ...]:
        return (f"route53:{stack.hosted_zone_id}/{stack.domain_name}/records",)

    def read(self, target: Target) -> Values:
        return {identity(record): as_text(record) for record in read_records(target)}

    def broken(self, snapshot: Values) -> Values:
        return {name: as_text(self._weighted(record_of(text))) for name, text in snapshot.items()}

    def snapshot(self, target: Target) -> Values:
        """Raises NotDeployed when no record leads to the region, InvalidPlan when a record has no SetIdentifier."""
        found = super().snapshot(target)
        records = [record_of(text) for text in found.values()]
        if not any(leads_to(record, self.region) for record in records):
            raise NotDeployed(
                f"hosted zone {target.stack.hosted_zone_id} has no record of {target.stack.domain_name} that leads to "
                f"{self.region}: nothing to weigh; deploy or discover again"
            )
        if not all("SetIdentifier" in record for record in records):
            raise InvalidPlan(f"{self.describe()}: {target.stack.domain_name} has a simple record, which has no weight")
        return found

    def changes(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:
        return (self._exchanged(stack, snapshot, self.broken(snapshot)),)

    def undoing(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:
        return (self._exchanged(stack, self.broken(snapshot), snapshot),)

    def is_rolled_back(self, target: Target, snapshot: Values) -> bool:
        return self.read(target) == snapshot

    def prove(self, target: Target) -> str | None:
        """Users of the region are led elsewhere in at least one of some looks; with weight 0 in all of them."""
        answers = [answer_near(target, self.region) for _ in range(LOOKS)]
        regions = [answer.region for answer in answers if answer is not None and answer.region is not None]
        away = sum(region != self.region for region in regions)
        enough = away == len(regions) == LOOKS if self.weight == 0 else away > 0
        return f"{away} of {len(regions)} answers to users in {self.region} lead elsewhere" if enough else None

    def prove_removed(self, target: Target) -> bool:
        answers = [answer_near(target, self.region) for _ in range(LOOKS)]
        return all(answer is not None and answer.region == self.region for answer in answers)

    def _weighted(self, record: Record) -> Record:
        weight = self.weight if leads_to(record, self.region) else OTHERS_WEIGHT
        without = {key: value for key, value in record.items() if key not in {"Region", "Weight"}}
        return {**without, "Weight": weight}

    def _exchanged(self, stack: Stack, before: Values, after: Values) -> Call:
        """DELETE names every value as it is, so a record that somebody else changed makes the whole batch fail."""
        deletions = [("DELETE", record_of(text)) for text in before.values()]
        return change_records(stack, [*deletions, *(("CREATE", record_of(text)) for text in after.values())])
