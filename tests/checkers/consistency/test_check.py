from __future__ import annotations

import pytest
from builders import AP, EU, US, a_fault, a_history, an_experiment
from item_builders import deleted, saw, wrote

from harness.checkers.consistency.check import CLAIMS, Consistent
from harness.checkers.consistency.violations import Property
from harness.findings import Verdict

CHECK = Consistent(clock_uncertainty_s=0.5, settle_s=5.0, at_least_reads=6, at_least_keys=2)


def a_good_key(key):
    """Written twice and deleted by a client that looks, and looked at in each region when all has settled."""
    yield wrote(f"{key}-1", (0, 1), key=key, client="c")
    yield saw(f"{key}-1", (2, 3), key=key, client="c")
    yield wrote(f"{key}-2", (4, 5), key=key, client="c")
    yield saw(f"{key}-2", (6, 7), key=key, client="c")
    yield deleted(f"{key}-3", (8, 9), key=key, client="c")
    yield saw(None, (10, 11), key=key, client="c")
    yield from (saw(None, (20, 21), key=key, region=region) for region in (AP, EU, US))


def judged(*events, check=CHECK):
    """The findings by property."""
    history = a_history(an_experiment(), *events)
    findings = check.judge(history, history.experiment("e"))
    return {finding.checker.removeprefix("consistency-"): finding for finding in findings}


def test_a_table_that_kept_its_promises_passes_them_all():
    findings = judged(a_good_key("k"), a_good_key("l"))

    assert {finding.verdict for finding in findings.values()} == {Verdict.PASS}
    assert "clocks taken to agree within 0.5 s; settled from 14.0 s" in findings["converged"].explanation


def test_there_is_a_finding_for_each_property_of_the_stack():
    assert [claim.property for claim in CLAIMS] == [each for each in Property if each is not Property.TELLABLE]


def test_a_violation_fails_and_is_told_with_its_operations():
    """The look at 12 s comes 3 s after the delete: index 8 of the history, behind header, experiment and six others."""
    findings = judged(a_good_key("k"), a_good_key("l"), saw("k-2", (12, 13), key="k"))
    found = findings["deleted-stays-away"]

    assert (found.verdict, found.measured, found.limit) == (Verdict.FAIL, 1, 0)
    assert found.explanation.startswith(
        "1 violation on 1 key: key 'k': delete in eu-west-1 (8.000-9.000 s, c, ok) came"
    )
    assert findings["converged"].verdict is Verdict.PASS


def test_evidence_leads_to_the_operations():
    history = a_history(an_experiment(), a_good_key("k"), saw("k-2", (12, 13), key="k"))
    finding = next(f for f in CHECK.judge(history, history.experiment("e")) if f.verdict is Verdict.FAIL)

    assert [history[index].start_s for index in finding.evidence] == [4, 8, 12]


def test_many_violations_are_counted_and_three_keys_told():
    ghosts = [saw("ghost", (10, 11), key=f"k{n}") for n in range(5)]
    explanation = judged(ghosts)["written"].explanation

    assert explanation.startswith("5 violations on 5 keys: ")
    assert explanation.count("ghost") == 2 * 3
    assert explanation.endswith("...")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("converged", "1 keys read in every region when all had settled are too few to tell; 1 more are needed"),
        ("nothing-lost", "1 more are needed"),
        ("later-wins", "1 keys written at least twice are too few"),
        ("deleted-stays-away", "1 keys with a delete are too few"),
        ("own-writes-seen", "3 consistent reads of what the same client wrote before are too few to tell; 3 more"),
    ],
)
def test_too_few_samples_are_unknown_and_say_how_many_more(name, says):
    finding = judged(a_good_key("k"))[name]

    assert finding.verdict is Verdict.UNKNOWN
    assert says in finding.explanation


def test_the_end_is_unknown_while_a_fault_is_open():
    findings = judged(a_good_key("k"), a_good_key("l"), a_fault(EU, injected_s=(1, 2), rolled_back_s=None))

    unknown = {name for name, finding in findings.items() if finding.verdict is Verdict.UNKNOWN}
    assert unknown == {"converged", "later-wins", "deleted-stays-away", "nothing-lost"}
    assert "the fault 'health-broken' in eu-west-1 was not rolled back" in findings["converged"].explanation


def test_a_key_that_was_not_looked_at_in_the_end_is_named():
    finding = judged(a_good_key("k"), a_good_key("l"), wrote("v", (1, 2), key="unread"))["nothing-lost"]

    assert finding.verdict is Verdict.UNKNOWN
    assert "1 of 3 keys ('unread' first) were not read in every region from 14.0 s on" in finding.explanation


def test_nothing_written_is_unknown():
    finding = judged(saw(None, (1, 2)))["nothing-lost"]

    assert finding.verdict is Verdict.UNKNOWN
    assert "nothing was written" in finding.explanation


def test_a_history_whose_values_repeat_is_not_judged():
    findings = judged(a_good_key("k"), wrote("k-1", (1, 2), key="k", region=US), saw("ghost", (3, 4)))

    assert {finding.verdict for finding in findings.values()} == {Verdict.UNKNOWN}
    assert "carry the same value" in findings["written"].explanation


def test_what_came_to_light_before_the_experiment_is_not_its_violation():
    later = an_experiment(start_s=15, end_s=600)
    history = a_history(later, a_good_key("k"), saw("ghost", (12, 13), key="k"))

    assert Verdict.FAIL not in {finding.verdict for finding in CHECK.judge(history, later)}
