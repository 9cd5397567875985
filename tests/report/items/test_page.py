"""The page of a run that read and wrote items."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import msgspec
import pytest
from builders import EU, US, a_header, a_history, a_stack, an_experiment, reply
from data_builders import a_cut, a_metric, a_read, a_write, polled_writes

from harness.checkers.checks import judge
from harness.checkers.consistency.check import Consistent
from harness.checkers.replication import ReplicatedInTime
from harness.checkers.rpo import RecoveryPoint
from harness.checkers.session import SessionContinuity
from harness.events import AnyEvent
from harness.findings import Finding
from harness.report.page import render_page
from harness.run import RunRecord

TWO_REGIONS = a_header(stack=a_stack(US, EU), vantages=())
CHECKS = (ReplicatedInTime(at_least_samples=10), RecoveryPoint(region=US), SessionContinuity(), Consistent())
HOSTILE = "<script>alert(1)</script><img src='http://127.0.0.1/x'>"
HEADINGS = (
    "Promises that were broken",
    "What the cut put at risk",
    "Clients that moved",
    "Conflicts",
    "Replication latency",
)

Rendered = Callable[..., str]


def events(name: str = "x") -> list[AnyEvent]:
    """Something for every section: late writes, a cut, a move, a conflict, a value that nobody wrote."""
    return [
        *polled_writes(30, from_s=5.0),
        a_metric(880, 5.0),
        *a_cut(US),
        a_write(f"{name}-risk", 70.0, key="risk"),
        a_read(None, 80.0, key="risk"),
        a_read(f"{name}-risk", 102.0, key="risk"),
        a_write(f"{name}-one", 110.0, took_s=0.1, key=f"{name}-hot", client=name),
        a_write(f"{name}-two", 110.05, took_s=0.1, key=f"{name}-hot", region=EU, client=name),
        a_read(f"{name}-one", 111.0, key=f"{name}-hot", region=EU, client=name),
        a_read(f"{name}-nobody", 120.0, key=f"{name}-hot"),
    ]


@pytest.fixture
def rendered(a_record: Callable[..., RunRecord]) -> Rendered:
    def render(*given: AnyEvent) -> str:
        history = a_history(an_experiment(), given, header=TWO_REGIONS)
        findings: list[Finding] = judge(history, "e", CHECKS)
        return render_page(history, a_record(findings), findings, folder="x")

    return render


def words(page: str) -> str:
    text = re.sub(r"<(style|script).*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def headings(page: str) -> list[str]:
    return re.findall("<h3>(.*?)</h3>", page)


def test_there_is_a_section_for_everything_that_was_seen_the_worst_first(rendered: Rendered) -> None:
    assert headings(rendered(*events())) == list(HEADINGS)


def test_a_run_without_items_has_none_of_them(rendered: Rendered) -> None:
    page = rendered(reply("dublin", EU, 5))

    assert headings(page) == []
    assert "Items" not in words(page)
    assert '<table class="matrix">' not in page


def test_sections_are_readable_without_a_script(rendered: Rendered) -> None:
    text = words(rendered(*events()))

    assert "✘ FAIL No read showed a value that nobody wrote : 1 violation on 1 key" in text
    assert "CloudWatch: 0.88 s on average (0.44 to 1.76)" in text
    assert "arrived after healing 1 the last 2.00 s after it" in text
    assert "1 conflict between regions on 1 key" in text


def test_hostile_names_stay_text(rendered: Rendered) -> None:
    page = rendered(*events(HOSTILE))

    assert "<img" not in page
    assert page.count("<script") == 2
    assert HOSTILE in words(page)


def test_every_word_of_colour_is_said_too(rendered: Rendered) -> None:
    """The matrix's cell has its class, and its p95 as a number."""
    page = rendered(*events())

    (cell,) = re.findall(r'<td class="late\d">.*?</td>\n</tr>|<td class="late\d">.*?</table>', page, flags=re.DOTALL)
    assert re.search(r"p95 0\.\d\d s", words(cell))


def test_two_writes_of_one_value_are_told_instead_of_numbers(rendered: Rendered) -> None:
    page = rendered(a_write("v", 1), a_write("v", 2), a_read("v", 3))

    assert "Nothing can be told of what clients read and wrote: the value 'v' was written twice" in words(page)


def test_each_experiment_tells_of_its_own_items(a_record: Callable[..., RunRecord]) -> None:
    first = an_experiment("first", end_s=300)
    second = an_experiment("second", start_s=400, steady_until_s=410, end_s=500)
    history = a_history(first, second, events(), a_write("later", 450, key="later"), header=TWO_REGIONS)

    page = render_page(history, a_record([], "first", "second"), [], folder="x")

    assert sorted(headings(page)) == sorted(HEADINGS[1:])


def test_drawings_stay_inside_the_page(rendered: Rendered) -> None:
    """No number that a browser could not draw."""
    page = rendered(*events(), a_write("lost", 40, key="lost"), a_read(None, 59, key="lost"))

    assert not re.search(r'="[^"<]*\b(nan|inf)\b[^"]*"', page)


def test_a_cut_without_a_claim_is_shown_when_it_put_something_at_risk(a_record: Callable[..., RunRecord]) -> None:
    quiet = [msgspec.structs.replace(one, fault_id="quiet") for one in a_cut(EU, cut_s=200, healed_s=210)]
    history = a_history(an_experiment(), events()[:-4], quiet, header=TWO_REGIONS)

    text = words(render_page(history, a_record(), [], folder="x"))

    assert "replication-paused, at 60 s" in text
    assert "replication-paused, at 200 s" not in text
    assert "and 1 more cut" in text
