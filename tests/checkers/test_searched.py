"""The result of a search for blind spots stands only when the history bears it out."""

from __future__ import annotations

import msgspec
import pytest
from builders import DUBLIN, EU, FRANKFURT, Story, a_fault, a_history, health

from harness.checkers.searched import BlindSpotsSearched, trials
from harness.events import FaultEvent, HealthObservation
from harness.findings import Verdict

NEVER = 10_000.0
UNSEEN = Story(failing=(DUBLIN, FRANKFURT), detect_s=NEVER, dns_s=NEVER)
"""Both users of Ireland fail from 70 to 300 s: 230 s."""


def searched(story: Story = UNSEEN, *more, **fields):
    """The story's fault is the one that the search named."""
    events = [
        msgspec.structs.replace(event, checkers_healthy=16, checkers_total=16)
        if isinstance(event, HealthObservation) and event.healthy
        else event
        for event in story.events()
    ]
    fault_id = next(event.fault_id for event in events if isinstance(event, FaultEvent))
    check = BlindSpotsSearched(
        **{
            "region": EU,
            "limit_s": 45.0,
            "smallest": fault_id,
            "in_words": "health-broken for 230 s",
            "reproduce": "harness faults inject ...",
            **fields,
        }
    )
    history = a_history(events, more, header=story.header)
    (finding,) = check.judge(history, history.experiment("e"))
    return finding


def test_a_blind_spot_that_was_found_is_told_and_passes():
    finding = searched()

    assert (finding.verdict, finding.measured, finding.limit) == (Verdict.PASS, 230, None)
    assert finding.explanation.startswith(
        "health-broken for 230 s: 2 of 2 users suffered for up to 230 s, no checker noticed; 1 small faults were tried"
    )
    assert "the blind spot: the health check asks" in finding.explanation
    assert finding.explanation.endswith("To see it again: harness faults inject ...")


def test_where_none_is_allowed_it_fails():
    finding = searched(none_allowed=True)

    assert (finding.verdict, finding.measured, finding.limit) == (Verdict.FAIL, 230, 45)


@pytest.mark.parametrize(
    "story",
    [
        msgspec.structs.replace(UNSEEN, failing=()),
        msgspec.structs.replace(UNSEEN, detect_s=80.0),
        msgspec.structs.replace(UNSEEN, proven=False),
        msgspec.structs.replace(UNSEEN, region="us-east-1"),
    ],
    ids=["nobody-suffered", "it-was-seen", "not-proven", "another-region"],
)
def test_what_the_history_does_not_bear_out_is_unknown(story):
    """Planted: a search that names a fault which is no blind spot."""
    assert searched(story).verdict is Verdict.UNKNOWN


def test_one_checker_that_fails_is_a_notice():
    """Planted: the aggregate stays green, and a checker of sixteen said failure at 101 s."""
    one = msgspec.structs.replace(health(EU, True, 101), checkers_healthy=15, checkers_total=16)

    assert searched(UNSEEN, one).verdict is Verdict.UNKNOWN


def test_a_limit_that_was_not_passed_is_no_find():
    assert searched(limit_s=230.0).verdict is Verdict.UNKNOWN


UNFELT = msgspec.structs.replace(UNSEEN, failing=())


def three_faults(story: Story = UNFELT):
    later = [a_fault(EU, injected_s=(n, n + 2), rolled_back_s=(n + 20, n + 22), fault_id=f"{n}") for n in (400, 450)]
    return (story, *(event for fault in later for event in fault))


def test_nothing_found_passes_only_where_none_is_allowed():
    """Three faults that nobody felt. The reference design is known to have blind spots: so the search was too short."""
    assert searched(*three_faults(), smallest="", none_allowed=True).verdict is Verdict.PASS
    finding = searched(*three_faults(), smallest="")
    assert finding.verdict is Verdict.UNKNOWN
    assert "3 small faults were tried, and the longest unseen suffering was 0 s" in finding.explanation


def test_too_few_trials_prove_nothing():
    assert searched(UNFELT, smallest="", none_allowed=True).verdict is (Verdict.UNKNOWN)


def test_a_search_that_overlooked_one_fails_where_none_is_allowed():
    """Planted: the search says that it found none, and users suffered for 230 s unseen."""
    assert searched(*three_faults(UNSEEN), smallest="", none_allowed=True).verdict is Verdict.FAIL


@pytest.mark.parametrize("proven", [True, False])
def test_a_fault_that_was_not_proven_hurts_nobody(proven):
    """Whatever users suffered meanwhile, it was not shown to be this fault's doing."""
    story = msgspec.structs.replace(UNSEEN, proven=proven)
    (trial,) = trials(a_history(story.events(), header=story.header), None, EU)

    assert trial.hurts_unseen(45.0) is proven
