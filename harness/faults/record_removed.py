"""record-removed: the region's records are taken out of DNS; its users are led to the next nearest region."""

from __future__ import annotations

from typing import ClassVar

from harness.errors import NotDeployed
from harness.faults.about import About, Confidence
from harness.faults.calls import Call, carry_out
from harness.faults.dns_proof import led_elsewhere, led_home
from harness.faults.records import READ_AND_CHANGE, as_text, change_records, identity, leads_to, read_records, record_of
from harness.faults.values import RegionalFault, Values
from harness.stack import Stack
from harness.target import Target


class RecordRemoved(RegionalFault, frozen=True, kw_only=True, tag="record-removed"):
    """The records of the stack's domain name that lead to `region` do not exist."""

    name: ClassVar[str] = "record-removed"
    about: ClassVar[About] = About(
        summary="the region's records are gone from DNS: its users are led to the next nearest region",
        iam_actions=READ_AND_CHANGE,
        aws="DELETE must give every value as it is; changes generally reach all name servers within 60 seconds, and "
        "resolvers keep the old answer for its TTL",
        confidence=Confidence.DOCUMENTED,
        bites_within_s=180,
    )

    def resources(self, stack: Stack) -> tuple[str, ...]:
        return (f"route53:{stack.hosted_zone_id}/{stack.domain_name}/records",)

    def read(self, target: Target) -> Values:
        return {identity(record): as_text(record) for record in read_records(target) if leads_to(record, self.region)}

    def broken(self, snapshot: Values) -> Values:
        return dict.fromkeys(snapshot, "")

    def snapshot(self, target: Target) -> Values:
        """Raises NotDeployed when no record leads to the region."""
        found = super().snapshot(target)
        if not found:
            raise NotDeployed(
                f"hosted zone {target.stack.hosted_zone_id} has no record of {target.stack.domain_name} that leads to "
                f"{self.region}: nothing to remove; deploy or discover again"
            )
        return found

    def changes(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:
        return (change_records(stack, [("DELETE", record_of(text)) for text in snapshot.values()]),)

    def undoing(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:
        """CREATE, not UPSERT: a record that somebody else made meanwhile is refused and stays as it is."""
        return (change_records(stack, [("CREATE", record_of(text)) for text in snapshot.values()]),)

    def rollback(self, target: Target, snapshot: Values) -> None:
        """Creates those that are missing; one that is there and is another than before is a conflict."""
        self.is_to_be_undone(target, snapshot)
        there = self.read(target)
        missing = {name: text for name, text in snapshot.items() if name not in there}
        if missing:
            carry_out(self.undoing(target.stack, missing), target)

    def is_rolled_back(self, target: Target, snapshot: Values) -> bool:
        return self.read(target) == snapshot

    def prove(self, target: Target) -> str | None:
        return led_elsewhere(target, self.region)

    def prove_removed(self, target: Target) -> bool:
        return led_home(target, self.region)
