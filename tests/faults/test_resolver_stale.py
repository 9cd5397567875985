"""resolver-stale on a resolver of the lab: it answers from what it has, and afterwards asks again."""

from __future__ import annotations

from collections.abc import Iterator

import dns.message
import dns.query
import pytest
from builders import EU
from fault_looks import eventually

from harness.errors import InvalidPlan
from harness.faults.fault import inject
from harness.faults.journal import Journal
from harness.faults.resolver_stale import ResolverStale
from harness.lab.client import LabClient
from harness.lab.resolvers.settings import ResolverSettings
from harness.nameservers import parse_nameserver
from harness.recorder import Recorder
from harness.target import Target


@pytest.fixture
def fault(lab_target: Target) -> Iterator[ResolverStale]:
    client = LabClient(lab_target.endpoints.aws_url or "")
    made = client.put_resolver("stale-isp", ResolverSettings(region=EU))
    yield ResolverStale(resolver="stale-isp", address=made.address)
    client.remove_resolver("stale-isp")


def addresses(fault: ResolverStale, target: Target) -> list[str]:
    host, port = parse_nameserver(fault.address)
    reply = dns.query.udp(dns.message.make_query(target.stack.domain_name, "A"), host, timeout=5, port=port)
    return [rdata.address for rrset in reply.answer for rdata in rrset]


@pytest.mark.lab
def test_it_answers_from_what_it_has_until_it_is_undone(
    fault: ResolverStale, lab_target: Target, recorder: Recorder, journal: Journal
) -> None:
    """The answer's TTL of 60 s passes, and it is still given: nothing could be refreshed."""
    before = addresses(fault, lab_target)
    clock = lab_target.new_clock()
    with inject(fault, lab_target, recorder, journal) as injection:
        (entry,) = journal.open_entries()
        clock.sleep_until_s(clock.now_s() + 90)

        assert injection.proof == f"SERVFAIL from {fault.address} to a name that it was never asked for before"
        assert addresses(fault, lab_target) == before != []

    assert eventually(lab_target, lambda: fault.prove_removed(lab_target))
    assert lab_target.levers().read("resolver/stale-isp") is None
    fault.rollback(lab_target, entry.snapshot)
    assert fault.is_rolled_back(lab_target, entry.snapshot)


@pytest.mark.lab
def test_undoing_what_was_never_done_changes_nothing(fault: ResolverStale, lab_target: Target) -> None:
    fault.rollback(lab_target, fault.snapshot(lab_target))

    assert lab_target.levers().read("resolver/stale-isp") is None


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidPlan, match="resolver-stale address 'nowhere'"):
        ResolverStale(resolver="isp", address="nowhere")
