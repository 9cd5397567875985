"""Bad answers from real servers, from the packet to the verdict: each is recorded as what it is and judged by name.

Nothing crashes, and whatever look was not made stands in the history as a gap.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import dns.message
import dns.rcode
import msgspec
import pytest

from harness.checkers.checks import (
    Check,
    EveryRegionAnswers,
    NoFlaps,
    NoStragglers,
    ServedByNearest,
    SplitBrain,
    SteadyState,
    judge,
)
from harness.events import DnsAnswer, ExperimentEvent, Gap, HttpReply, Outcome
from harness.findings import Finding, Verdict
from harness.history import History
from harness.probes.live import LiveView
from harness.probes.watch import ProbePlan, Watch
from harness.resolving import DnsWay, Resolver
from harness.vantages import choose, summary

DOMAIN, TARGET = "api.example.com", "d-1.execute-api.eu-west-1.amazonaws.com"
PLACES = choose(("aws:eu-west-1", "aws:eu-west-2", "aws:eu-west-3"))
PLAN = ProbePlan(path="/data/1", https_every_s=2.0, dns_every_s=1.0, health_every_s=2.0)
CHECKS: tuple[Check, ...] = (
    SteadyState(at_least_requests=5),
    ServedByNearest(),
    EveryRegionAnswers(),
    SplitBrain(),
    NoFlaps(),
    NoStragglers(),
)


@pytest.fixture(autouse=True)
def known_region(name_server) -> None:
    """127.0.0.1 is Ireland's, by its domain target."""
    name_server.addresses[TARGET] = ("127.0.0.1",)


@pytest.fixture(autouse=True)
def short_tries(monkeypatch) -> None:
    """A name server that is silent costs 3 × 20 ms of wall time, not 3 × 300."""
    monkeypatch.setattr("harness.probes.dns.TRY_FLOOR_WALL_S", 0.02)


@pytest.fixture
def watched(whole_target, make_recorder, two_region_stack) -> Callable[..., History]:
    """A history of these vantages, each looked at several times, as one experiment without a fault."""

    def watch(vantages=PLACES) -> History:
        clock = whole_target.new_clock()
        recorder = make_recorder(clock)
        view = LiveView(vantage.name for vantage in vantages)

        def enough(_view: LiveView) -> bool:
            history = recorder.history()
            return all(len(history.replies_of(vantage.name)) >= 3 for vantage in vantages) and all(
                view.answer(vantage.name) for vantage in vantages
            )

        recorder.listen(view.see)
        with Watch(whole_target, vantages, recorder, PLAN):
            assert view.wait_until(enough, at_most_s=200, clock=clock, what="three looks each")
        end_s = clock.now_s()
        header, *events = recorder.history()
        told = tuple(summary(vantage, two_region_stack.region_names) for vantage in vantages)
        whole = ExperimentEvent(
            start_s=0.0, end_s=end_s, source="test", experiment="e", question="?", steady_until_s=end_s
        )
        return History([msgspec.structs.replace(header, vantages=told), *events, whole])

    return watch


def judged(history: History) -> list[Finding]:
    findings = judge(history, "e", CHECKS)
    assert [finding.explanation for finding in findings if "the checker stopped" in finding.explanation] == []
    return findings


def failing(findings: list[Finding]) -> list[str]:
    return [f"{finding.claim}: {finding.explanation}" for finding in findings if finding.verdict is Verdict.FAIL]


def test_good_answers_fail_nothing(watched):
    """Nobody looks from near Virginia, which leaves that region unknown, and nothing else."""
    findings = judged(watched())

    assert failing(findings) == []
    assert [f.subject for f in findings if f.verdict is Verdict.UNKNOWN] == ["us-east-1"]


def test_servfail_is_recorded_and_every_vantage_is_named(watched, name_server):
    name_server.rcode = dns.rcode.SERVFAIL

    history = watched()

    assert {(answer.outcome, answer.rcode) for answer in history.of(DnsAnswer)} == {(Outcome.FAIL, "SERVFAIL")}
    assert all("SERVFAIL" in (reply.error or "") for reply in history.of(HttpReply))
    (of_dns, of_requests) = failing(judged(history))
    assert all(f"{place.name} was led nowhere (SERVFAIL)" in of_dns for place in PLACES)
    assert "requests failed" in of_requests


def test_an_answer_without_an_address_is_recorded_as_that(watched, name_server):
    def without_address(query: dns.message.Message, _transport: str) -> list[bytes]:
        reply = name_server.answer(query)
        reply.answer.clear()
        return [reply.to_wire()]

    name_server.respond = without_address

    history = watched()

    assert {answer.error for answer in history.of(DnsAnswer)} == {"no address (NODATA)"}
    assert all((reply.error or "").startswith("DNS: no address") for reply in history.of(HttpReply))
    assert any(f"{PLACES[0].name} was led nowhere (no address)" in told for told in failing(judged(history)))


def test_an_address_in_no_known_region_is_told_with_the_address(watched, name_server):
    """The reply's header still says who served, so that is judged; where DNS led is not known."""
    del name_server.addresses[TARGET]

    history = watched()

    assert {(answer.outcome, answer.region) for answer in history.of(DnsAnswer)} == {(Outcome.OK, None)}
    assert any("was led to 127.0.0.1, in no region of the stack" in told for told in failing(judged(history)))


def test_a_certificate_for_another_name_fails_the_requests(watched, https_server, make_context):
    https_server.context = make_context("elsewhere.example.org")

    history = watched()

    errors = {reply.error for reply in history.of(HttpReply)}
    assert all(error and error.startswith("certificate: Hostname mismatch") for error in errors)
    (told,) = failing(judged(history))
    assert told.startswith("Requests were served before anything was broken")


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a resolver that takes questions and never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{channel.getsockname()[1]}"


def test_a_resolver_that_never_answers_is_named_and_slows_nobody(watched, silent):
    deaf = msgspec.structs.replace(PLACES[0], name="deaf", resolver=Resolver(address=silent))

    history = watched((*PLACES, deaf))

    theirs = [answer for answer in history.of(DnsAnswer) if answer.way is DnsWay.RECURSIVE]
    assert {answer.vantage for answer in theirs} == {"deaf"}
    assert all((answer.error or "").startswith(f"no usable answer from {silent}") for answer in theirs)
    assert all((reply.error or "").startswith("DNS: no usable answer") for reply in history.replies_of("deaf"))
    others = [reply for place in PLACES for reply in history.replies_of(place.name)]
    assert all(reply.outcome is Outcome.OK for reply in others)
    assert len(others) >= len(PLACES) * len(history.replies_of("deaf"))


def test_no_look_goes_missing_in_silence(watched, silent):
    """What the deaf one's looks kept from being made, every 2 s, stands in its gaps."""
    deaf = msgspec.structs.replace(PLACES[0], name="deaf", resolver=Resolver(address=silent))

    history = watched((deaf,))

    due_s = [reply.start_s - reply.late_s for reply in history.replies_of("deaf")]
    gaps = [gap for gap in history.of(Gap) if gap.source == "https" and gap.end_s <= due_s[-1]]
    assert round((due_s[-1] - due_s[0]) / PLAN.https_every_s) + 1 == len(due_s) + sum(gap.missed for gap in gaps)


def test_nothing_is_known_of_a_vantage_that_never_was_answered(watched, name_server):
    """Silent name servers: no answer is no wrong answer, so who is nearest is unknown, not failed."""
    name_server.respond = lambda *_: []

    findings = judged(watched(PLACES[:1]))

    (of_nearest,) = [finding for finding in findings if finding.checker == "served-by-nearest"]
    assert of_nearest.verdict is Verdict.UNKNOWN
    assert f"nothing was seen of {PLACES[0].name}" in of_nearest.explanation
