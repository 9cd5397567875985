from __future__ import annotations

from builders import EU, US, a_header, a_history, a_stack, an_experiment
from data_builders import a_cut, a_read, a_write

from harness.checkers.rpo import RecoveryPoint, rpos
from harness.events import AnyEvent
from harness.findings import Finding, Verdict
from harness.report.failover_table import Cell
from harness.report.items.recovery import JudgedCut, cut_sentence, judged_cuts, recovery_stages

TWO_REGIONS = a_header(stack=a_stack(US, EU))
ARRIVES = (a_write("v", 58, key="v"), a_read(None, 61, key="v"), a_read("v", 102, key="v"))
"""Written 2 s before the cut at 60 s, seen 2 s after healing at 100 s."""
LOST = (a_write("lost", 70, key="lost"), a_read(None, 71, key="lost"), a_read(None, 120, key="lost"))
"""Written during the cut, and still not there 20 s after healing."""
OVERWRITTEN = (
    a_write("old", 80, key="k"),
    a_write("new", 90, key="k", region=EU),
    a_read("new", 120, key="k"),
)


def cuts_of(
    *events: AnyEvent, cut: list[AnyEvent] | None = None, check: RecoveryPoint | None = None
) -> list[JudgedCut]:
    experiment = an_experiment()
    history = a_history(experiment, cut or a_cut(US), events, header=TWO_REGIONS)
    findings: list[Finding] = check.judge(history, experiment) if check else []
    return judged_cuts(rpos(history, experiment), findings)


def table(*cuts: JudgedCut) -> dict[str, Cell]:
    """The first cut's cells, by row."""
    return {line.what: line.cells[0] for stage in recovery_stages(cuts) for line in stage.lines}


def test_what_was_at_risk_and_what_became_of_it_stand_together() -> None:
    told = {what: cell.text for what, cell in table(*cuts_of(*ARRIVES, *LOST, *OVERWRITTEN)).items()}

    assert told == {
        "acknowledged there, in no other region": "1",
        "the oldest of them": "2.00 s",
        "for how long": "40 s",
        "acknowledged there": "2",
        "asked for there, no reply": "0",
        "had crossed by then": "0",
        "arrived after healing": "1",
        "overwritten by a later write: by design": "1",
        "lost for good": "1",
        "not seen yet, not looked at for long enough": "0",
        "looked for by nobody": "0",
    }


def test_how_late_the_last_one_arrived_is_told() -> None:
    assert table(*cuts_of(*ARRIVES))["arrived after healing"] == Cell("1", "the last 2.00 s after it")


def test_a_loss_stands_with_its_verdict_and_limit() -> None:
    (cut,) = cuts_of(*LOST, check=RecoveryPoint(region=US))

    assert table(cut)["lost for good"] == Cell("1", "limit none", Verdict.FAIL)
    assert cut.verdict is Verdict.FAIL


def test_an_age_stands_with_its_limit() -> None:
    cuts = cuts_of(*ARRIVES, check=RecoveryPoint(region=US, oldest_at_most_s=1.0))

    assert table(*cuts)["the oldest of them"] == Cell("2.00 s", "limit 1 s", Verdict.FAIL)


def test_what_looks_leave_open_is_a_range() -> None:
    """The first look after the cut shows it: it may have arrived before the cut, or at 61 s."""
    cuts = cuts_of(a_write("v", 58, key="v"), a_read("v", 61, key="v"))

    assert table(*cuts)["acknowledged there, in no other region"].text == "0 to 1"
    assert table(*cuts)["the oldest of them"].text == "0.00 to 2.00 s"


def test_with_nothing_at_risk_there_is_no_oldest() -> None:
    assert table(*cuts_of())["the oldest of them"].text == "–"


def test_a_cut_that_was_never_undone_says_so() -> None:
    cuts = cuts_of(*ARRIVES, cut=a_cut(US, healed_s=None))

    assert table(*cuts)["for how long"].text == "never undone"


def test_without_a_claim_there_is_no_verdict() -> None:
    (cut,) = cuts_of(*LOST)

    assert (cut.verdict, table(cut)["lost for good"]) == (None, Cell("1"))


def test_each_cut_of_a_region_has_its_own_findings() -> None:
    """Nothing was at risk in the second one, so nothing is known of it."""
    second = [
        event.__class__(**{**{name: getattr(event, name) for name in event.__struct_fields__}, "fault_id": "second"})
        for event in a_cut(US, cut_s=200, healed_s=240)
    ]
    cuts = cuts_of(*ARRIVES, cut=[*a_cut(US), *second], check=RecoveryPoint(region=US))

    assert [cut.verdict for cut in cuts] == [Verdict.PASS, Verdict.UNKNOWN]


def test_the_sentence_tells_every_fate() -> None:
    (cut,) = cuts_of(*ARRIVES, *OVERWRITTEN)

    assert cut_sentence(cut.cut) == (
        "while us-east-1 was cut off for 40 s, 2 acknowledged writes were at risk:"
        " 1 arrived after healing, 1 overwritten by a later one and none lost"
    )


def test_the_sentence_does_not_hide_a_loss() -> None:
    (cut,) = cuts_of(*LOST)

    assert cut_sentence(cut.cut).endswith("1 acknowledged write was at risk: 1 lost for good")
