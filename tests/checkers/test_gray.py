"""Gray failures: what users suffered, whether the health check saw it, and that each lie about it is caught.

The story: the table is denied to Ireland's API from 62 to 300 s; Dublin and Frankfurt are Ireland's users and ask every
10 s, so 23 requests of each fail, from 70 to 290 s.
"""

from __future__ import annotations

import msgspec
import pytest
from builders import ADDRESS, AP, DUBLIN, EU, FRANKFURT, US, Story, a_fault, a_history, a_stack, health

from harness.checkers.blind_spots import name_blind_spot
from harness.checkers.gray import FaultSight, Sight, UsersSuffered
from harness.checkers.timeline import fault_windows
from harness.events import FaultEvent, HttpReply, Outcome
from harness.findings import Verdict

NEVER = 10_000.0
UNSEEN = Story(failing=(DUBLIN, FRANKFURT), detect_s=NEVER, dns_s=NEVER)


def the_fault(story: Story, kind: str = "table-denied", drop=lambda event: False):
    """The story's history with its fault of this kind, and without some events."""
    return a_history(
        [
            msgspec.structs.replace(event, fault=kind) if isinstance(event, FaultEvent) else event
            for event in story.events()
            if not drop(event)
        ],
        header=story.header,
    )


def sight(history, documented: Sight = Sight.BLIND, **fields):
    (finding,) = FaultSight(region=EU, documented=documented, **fields).judge(history, history.experiment("e"))
    return finding


def suffered(history, **fields):
    (finding,) = UsersSuffered(region=EU, **fields).judge(history, history.experiment("e"))
    return finding


def test_a_blind_spot_that_is_documented_passes_and_is_named():
    """From 70 s on each of 23 requests fails; the last, at 290 s, until the fault is undone from 300 s on."""
    finding = sight(the_fault(UNSEEN))

    assert finding.verdict is Verdict.PASS
    assert "2 of 2 users suffered for up to 230 s, 460 s together, 2 of them until the fault was undone" in (
        finding.explanation
    )
    assert "46 of 46 requests to eu-west-1 failed" in finding.explanation
    assert "every health check was green in each of 47 polls" in finding.explanation
    assert "94 of 94 DNS answers for them led to eu-west-1 meanwhile" in finding.explanation
    assert (
        "the health check asks https://api-eu-west-1.execute-api.eu-west-1.amazonaws.com/prod/health, users ask "
        "GET /health of https://api.example.com; /health answers without touching the table"
    ) in finding.explanation


def test_a_check_that_goes_red_is_not_blind():
    """Planted: the documentation says blind, the check sees it after 80 s."""
    history = the_fault(Story(failing=(DUBLIN, FRANKFURT), dns_s=NEVER))

    assert sight(history, Sight.BLIND).verdict is Verdict.FAIL
    assert "seen red after 83 s. Not as documented" in sight(history, Sight.BLIND).explanation
    assert sight(history, Sight.SEEN).verdict is Verdict.PASS


def test_a_check_that_should_see_it_and_does_not_fails():
    """Planted: /health/deep is documented to see it."""
    finding = sight(the_fault(UNSEEN), Sight.SEEN)

    assert finding.verdict is Verdict.FAIL
    assert "Not as documented: users suffer and every health check stays green" in finding.explanation


def test_red_without_a_suffering_user_is_a_false_alarm():
    history = the_fault(Story(dns_s=NEVER), "endpoint-disabled")

    assert sight(history, Sight.FALSE_ALARM).verdict is Verdict.PASS
    assert sight(history, Sight.SEEN).verdict is Verdict.FAIL


def test_one_failed_request_is_not_suffering():
    """Planted: the users are well but for one hiccup, and the documentation says that they suffer."""
    history = the_fault(Story(detect_s=NEVER, dns_s=NEVER))
    events = list(history)[1:]
    last = max(i for i, e in enumerate(events) if isinstance(e, HttpReply) and e.vantage == DUBLIN and e.start_s < 290)
    events[last] = msgspec.structs.replace(events[last], outcome=Outcome.FAIL)

    assert sight(a_history(events, header=UNSEEN.header), Sight.BLIND).verdict is Verdict.FAIL
    assert sight(a_history(events, header=UNSEEN.header), Sight.HARMLESS).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("story", "why"),
    [
        (msgspec.structs.replace(UNSEEN, proven=False), "not proven to bite"),
        (msgspec.structs.replace(UNSEEN, mended_s=164.0), "in force for 100 s; a check that sees it may take longer"),
        (msgspec.structs.replace(UNSEEN, region="ca-central-1"), "no fault was injected in eu-west-1"),
    ],
)
def test_what_was_not_shown_is_unknown(story, why):
    """Held for 100 s only, of the 104 s that a check may take with 30 s and three failures in a row."""
    finding = sight(the_fault(story))

    assert finding.verdict is Verdict.UNKNOWN
    assert why in finding.explanation


def test_without_requests_nothing_is_known_of_users():
    history = the_fault(UNSEEN, drop=lambda event: isinstance(event, HttpReply))

    assert sight(history).verdict is Verdict.UNKNOWN
    assert suffered(history).verdict is Verdict.UNKNOWN


def test_without_polls_nothing_is_known_of_health_checks():
    history = the_fault(UNSEEN, drop=lambda event: getattr(event, "region", "") == AP and event.source == "health")

    assert sight(history).verdict is Verdict.UNKNOWN


def test_another_regions_red_check_is_not_this_faults():
    history = a_history(list(the_fault(UNSEEN))[1:], health(US, False, 101), header=UNSEEN.header)

    assert "the health check of us-east-1 was red meanwhile" in sight(history).explanation


def test_replies_that_name_no_region_went_where_their_address_is():
    """A custom domain without a mapping answers 403 and says nothing of its region."""

    def anonymous(event):
        if not isinstance(event, HttpReply) or event.outcome is Outcome.OK:
            return event
        return msgspec.structs.replace(event, region=None, address=ADDRESS[EU], status=403, error="status 403")

    history = a_history(
        [anonymous(event) for event in list(the_fault(UNSEEN, "domain-detached"))[1:]], header=UNSEEN.header
    )
    finding = sight(history)

    assert finding.verdict is Verdict.PASS
    assert "46 of 46 requests to eu-west-1 failed (status 403)" in finding.explanation
    assert "the API's own host does not need the custom domain's mapping" in finding.explanation


def test_the_deep_route_is_named_where_it_is_the_one_deployed():
    stack = msgspec.structs.replace(a_stack(), health_check_path="/health/deep")
    story = msgspec.structs.replace(UNSEEN, header=msgspec.structs.replace(UNSEEN.header, stack=stack))

    assert "/health/deep reads the table and writes nothing" in sight(the_fault(story)).explanation


def test_suffering_is_measured_and_passes_without_a_limit():
    finding = suffered(the_fault(UNSEEN))

    assert (finding.verdict, finding.measured, finding.limit) == (Verdict.PASS, 230, None)


@pytest.mark.parametrize(("limit_s", "verdict"), [(229.0, Verdict.FAIL), (230.0, Verdict.PASS)])
def test_with_a_limit_it_fails_above_it(limit_s, verdict):
    assert suffered(the_fault(UNSEEN), at_most_s=limit_s).verdict is verdict


def test_suffering_ends_where_the_user_is_well_elsewhere():
    """DNS leads away 85 s after 62 s; a cached answer until 180 s: 70 to 170 s failed there, then Virginia serves."""
    story = Story(failing=(DUBLIN, FRANKFURT))
    moved = [
        msgspec.structs.replace(event, outcome=Outcome.OK)
        if isinstance(event, HttpReply) and event.region == US
        else event
        for event in list(the_fault(story))[1:]
    ]

    assert suffered(a_history(moved, header=story.header)).measured == 110


def test_requests_that_were_not_made_are_not_held_against_the_fault():
    """Dublin's and Frankfurt's requests of 100 to 199 s are missing: 13 of 23 failed, each counts for 10 s but the one
    at 90 s, which counts for 15 s, one and a half intervals: 135 s."""

    def missing(event):
        return isinstance(event, HttpReply) and 100 <= event.start_s < 200

    assert suffered(the_fault(UNSEEN, drop=missing)).measured == 135


def test_what_fails_elsewhere_is_not_this_regions_doing():
    """DNS leads both users to Virginia, which refuses them too: from 180 s on that is Virginia's."""
    assert suffered(the_fault(Story(failing=(DUBLIN, FRANKFURT)))).measured == 110


def repointed(*, rolled_back_s: tuple[float, float] | None):
    return [
        msgspec.structs.replace(event, fault="health-check-repointed", parameters={"path": "/prod/health/deep"})
        for event in a_fault(EU, injected_s=(20, 21), rolled_back_s=rolled_back_s, fault_id="deeper")
    ]


@pytest.mark.parametrize(
    ("rolled_back_s", "path"),
    [(None, "/prod/health/deep"), ((310, 311), "/prod/health/deep"), ((50, 51), "/prod/health")],
)
def test_the_path_that_is_named_is_the_one_that_was_asked_then(rolled_back_s, path):
    """The check was led to the deep path at 21 s; the fault was in force from 62 to 300 s."""
    events = list(the_fault(UNSEEN))[1:]
    history = a_history(events, repointed(rolled_back_s=rolled_back_s), header=UNSEEN.header)
    window = next(window for window in fault_windows(history) if window.fault == "table-denied")

    assert f".amazonaws.com{path}, users ask" in name_blind_spot(history, window, EU)
