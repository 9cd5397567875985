"""Users routed wrong are found by name: each routing fault that is planted in the lab fails the check that names it.

Records are changed through Route 53, as a mistaken deployment would; what AWS has no call for, the lab's own API does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from harness.checkers.checks import (
    Allowances,
    Check,
    EveryRegionAnswers,
    FaultProven,
    NoFlaps,
    NoStragglers,
    ServedByNearest,
    SickRegionWithdrawn,
    SplitBrain,
)
from harness.checkers.straggling import Reason
from harness.experiment import Experiment, run_experiment
from harness.faults.health_broken import HealthBroken
from harness.faults.records import Record, change_records, leads_to, read_records
from harness.findings import Finding, Verdict
from harness.lab.client import LabClient
from harness.lab.resolvers.settings import ResolverSettings
from harness.probes.live import LiveView, check_unhealthy
from harness.probes.watch import ProbePlan
from harness.resolving import Resolver
from harness.run import Run
from harness.target import Target
from harness.vantages import Vantage, choose

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("planted-routing")]

IRELAND, LONDON = "eu-west-1", "aws:eu-west-2"
NEAR_IRELAND = ("aws:eu-west-1", LONDON, "aws:eu-west-3")
PLACES = choose((*NEAR_IRELAND, "aws:us-east-1", "aws:us-east-2", "aws:ap-southeast-2"))
# Forty times as fast as the wall's clock: a quarter of a second that the machine is busy makes ten.
PATIENT = Allowances(margin_s=40.0)
CHECKS: tuple[Check, ...] = (
    FaultProven(),
    ServedByNearest(),
    EveryRegionAnswers(),
    SplitBrain(allowances=PATIENT),
    NoFlaps(),
    NoStragglers(allowances=PATIENT),
    SickRegionWithdrawn(allowances=PATIENT),
)


@pytest.fixture
def client(lab_target: Target) -> Iterator[LabClient]:
    client = LabClient(lab_target.endpoints.aws_url or "")
    yield client
    client.move_no_subnets()


@pytest.fixture
def looked_at(lab_target: Target, tmp_path: Path) -> Callable[[tuple[Vantage, ...]], list[Finding]]:
    """What the checks find from these places while /health of Ireland is broken for 120 stack seconds."""

    def findings(vantages: tuple[Vantage, ...]) -> list[Finding]:
        run = Run(
            "routing",
            lab_target,
            reports=tmp_path / "reports",
            journal=tmp_path / "journal.jsonl",
            vantages=vantages,
            seed=1,
        )
        try:
            return run_experiment(an_outage(), run, lambda _stage: None)
        finally:
            run.close()

    return findings


def an_outage() -> Experiment:
    """10 s × 1: Ireland is called sick after some 10 s; caches have forgotten it 60 s after that."""
    return Experiment(
        name="routing",
        question="Who is served by whom?",
        faults=(HealthBroken(region=IRELAND),),
        steady=lambda since_s: lambda view: everyone_served(view, since_s),
        hold_until=lambda since_s: check_unhealthy(IRELAND, since_s=since_s),
        hold_at_most_s=60.0,
        hold_more_s=100.0,
        steady_s=10.0,
        probes=ProbePlan(path="/health", https_every_s=5.0, dns_every_s=2.0),
        checks=CHECKS,
    )


def everyone_served(view: LiveView, since_s: float) -> bool:
    replies = [view.reply(name) for name in view.vantages]
    return all(reply is not None and reply.start_s >= since_s and reply.region is not None for reply in replies)


def failures(findings: list[Finding]) -> set[tuple[str, str]]:
    """(checker, subject) of what failed by name."""
    return {
        (finding.checker, finding.subject)
        for finding in findings
        if finding.verdict is Verdict.FAIL and finding.subject
    }


@contextmanager
def record_changed(target: Target, change: Callable[[Record], tuple[str, Record]]) -> Iterator[None]:
    """Ireland's record changed as `change` says, (action, record), and as it was again afterwards."""
    found = [record for record in read_records(target) if leads_to(record, IRELAND)]
    change_records(target.stack, [change(record) for record in found]).execute(target)
    try:
        yield
    finally:
        change_records(target.stack, [("UPSERT", record) for record in found]).execute(target)


def test_what_is_routed_well_fails_nothing(looked_at: Callable[[tuple[Vantage, ...]], list[Finding]]) -> None:
    """A busy machine may leave a finding in doubt, which is no failure; what needs no punctuality passes."""
    findings = looked_at(PLACES)

    assert [(f.claim, f.explanation) for f in findings if f.verdict is Verdict.FAIL] == []
    passed = {finding.checker for finding in findings if finding.verdict is Verdict.PASS}
    assert {"served-by-nearest", "every-region-answers", "flaps-dns", "split-brain-dns"} <= passed


def test_one_subnet_served_by_the_wrong_region_is_found(
    client: LabClient, looked_at: Callable[[tuple[Vantage, ...]], list[Finding]]
) -> None:
    """London's users are taken to be in Sydney; its neighbours in Dublin and Paris are served by Ireland."""
    (london,) = choose((LONDON,))
    client.move_subnet(london.client_subnet or "", "ap-southeast-2")

    found = failures(looked_at(PLACES))

    assert ("served-by-nearest", LONDON) in found
    assert ("split-brain-dns", "aws:eu-west-1 and aws:eu-west-2") in found
    assert not {one for one in found if LONDON not in one[1]}


def test_a_record_without_a_health_check_is_found(
    lab_target: Target, looked_at: Callable[[tuple[Vantage, ...]], list[Finding]]
) -> None:
    def without_check(record: Record) -> tuple[str, Record]:
        return "UPSERT", {name: value for name, value in record.items() if name != "HealthCheckId"}

    with record_changed(lab_target, without_check):
        findings = looked_at(PLACES)

    late = [finding for finding in findings if finding.checker == "no-stragglers" and finding.subject]
    assert failures(findings) == {("sick-region-withdrawn", IRELAND)} | {
        ("no-stragglers", name) for name in NEAR_IRELAND
    }
    assert all(Reason.LATE_DNS.value in finding.explanation for finding in late)


def test_a_region_missing_from_the_record_set_is_found(
    lab_target: Target, looked_at: Callable[[tuple[Vantage, ...]], list[Finding]]
) -> None:
    with record_changed(lab_target, lambda record: ("DELETE", record)):
        found = failures(looked_at(PLACES))

    assert ("every-region-answers", IRELAND) in found
    assert found == {("every-region-answers", IRELAND)} | {("served-by-nearest", name) for name in NEAR_IRELAND}


def test_a_resolver_that_ignores_the_ttl_is_found(
    client: LabClient, looked_at: Callable[[tuple[Vantage, ...]], list[Finding]]
) -> None:
    """Nothing is said of how it behaves: its own answers, and the requests of its users, give it away."""
    (dublin,) = choose(("aws:eu-west-1",))
    made = client.put_resolver("ignores-ttl", ResolverSettings(region=IRELAND, ttl_min_s=300.0))
    user = msgspec.structs.replace(dublin, name="ignored", resolver=Resolver(address=made.address))
    try:
        findings = looked_at((*PLACES, user))
    finally:
        client.remove_resolver("ignores-ttl")

    (straggler,) = [finding for finding in findings if finding.checker == "no-stragglers" and finding.subject]
    assert (straggler.subject, straggler.verdict) == ("ignored", Verdict.FAIL)
    assert f"because {Reason.CLAMPED.value}" in straggler.explanation
    # Nobody else is blamed; who disagrees with it for so long is told with it.
    assert all("ignored" in subject for _, subject in failures(findings))
