from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from builders import DUBLIN, EU, Story, a_header, a_history, a_stack, an_experiment, deployment, reply

from harness.findings import Finding, Verdict
from harness.history import History
from harness.report.page import PAGE_FILE, render_page, write_page
from harness.run import RunRecord

HOSTILE = """</script><script>alert(1)</script><img src="http://127.0.0.1/x" onerror='alert(2)'>"""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page(HTMLParser):
    """What a browser would make of the page: its text, its elements and what they point at."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.links: list[str] = []
        self.idents: list[str] = []
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.text += " "
        self._hidden = tag in {"script", "style"}
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "action"}]
        self.idents += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def page_of(history: History, record: RunRecord, findings: list[Finding]) -> Page:
    return Page(render_page(history, record, findings, folder="reports/x"))


def test_the_verdict_stands_first_and_in_words(
    story: History, story_findings: list[Finding], a_record: Callable[..., RunRecord]
) -> None:
    words = page_of(story, a_record(story_findings), story_findings).words
    answered = "Yes: the users of eu-west-1 were well again at most 118 s after /health broke (limit 184 s)"

    assert words.index("✔ PASS The one question was answered with yes.") < words.index(answered)
    assert words.index(answered) < words.index("All findings")


def test_every_finding_is_in_the_table_with_its_number(
    story: History, story_findings: list[Finding], a_record: Callable[..., RunRecord]
) -> None:
    words = page_of(story, a_record(story_findings), story_findings).words

    assert all(finding.claim in words and finding.explanation in words for finding in story_findings)
    assert "83 s up to 5 s less 104 s" in words


def test_what_is_not_a_pass_is_named_in_the_headline(
    story: History, a_finding: Callable[..., Finding], a_record: Callable[..., RunRecord]
) -> None:
    findings = [a_finding(Verdict.FAIL), a_finding(Verdict.UNKNOWN, experiment="f"), a_finding(experiment="g")]

    words = page_of(story, a_record(findings, "e", "f", "g"), findings).words

    assert "✘ FAIL 1 of 3 questions answered with yes; no for e, cannot tell for f." in words


def test_hostile_text_stays_text(story: History, a_record: Callable[..., RunRecord]) -> None:
    finding = Finding(
        checker=HOSTILE, claim=HOSTILE, verdict=Verdict.FAIL, explanation=HOSTILE, subject="x" + HOSTILE, experiment="e"
    )
    evil = msgspec.structs.replace(reply(DUBLIN, HOSTILE, 1005, ok=False), error=HOSTILE, address=HOSTILE)
    served = [reply(DUBLIN, HOSTILE, at_s) for at_s in (1010, 1050)]
    history = a_history(
        list(story)[1:], an_experiment("f", start_s=1000, steady_until_s=1000, end_s=1100), evil, served
    )
    record = msgspec.structs.replace(a_record([finding], "e", "f"), name=HOSTILE, target=HOSTILE)
    with_evidence = msgspec.structs.replace(finding, evidence=(list(history).index(evil),))

    page = page_of(history, record, [with_evidence])

    assert "img" not in page.tags
    assert page.tags.count("script") == 3
    assert "alert(1)</script>" in page.text


def test_no_text_can_end_the_data_of_the_script(story: History, a_record: Callable[..., RunRecord]) -> None:
    evil = msgspec.structs.replace(reply(DUBLIN, EU, 5, ok=False), error="</script ><!--<script>")
    html = render_page(a_history(list(story)[1:], evil), a_record(), [], folder="x")

    data = html.partition('id="hovers">')[2].partition("</script>\n")[0]

    assert "--\\u003cscript" in data
    assert "<" not in data


def test_the_page_points_at_nothing_but_itself(
    story: History, story_findings: list[Finding], a_record: Callable[..., RunRecord]
) -> None:
    html = render_page(story, a_record(story_findings), story_findings, folder="reports/x")
    page = Page(html)

    assert {link for link in page.links if not link.startswith("#")} == {"data:,"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.idents)
    assert set(re.findall(r"url\(([^)]*)\)", html)) <= {f"#{ident}" for ident in page.idents}
    assert "default-src 'none'" in html


def test_a_history_of_nothing_but_its_header_makes_a_page(a_record: Callable[..., RunRecord]) -> None:
    record = msgspec.structs.replace(a_record(), experiments=())

    assert "Nothing was asked, so nothing is known." in page_of(a_history(), record, []).words


def test_an_experiment_that_left_no_trace_has_a_card(a_record: Callable[..., RunRecord]) -> None:
    words = page_of(a_history(), a_record(), []).words

    assert "? UNKNOWN e" in words
    assert "Cannot tell: nothing was checked." in words


def test_an_aborted_experiment_says_why(a_finding: Callable[..., Finding], a_record: Callable[..., RunRecord]) -> None:
    history = a_history(an_experiment(aborted="no steady state within 120 s", end_s=130), reply(DUBLIN, EU, 5))
    stopped = a_finding(Verdict.UNKNOWN, checker="aborted", explanation="it was stopped: no steady state within 120 s")

    page = page_of(history, a_record([stopped]), [stopped])

    assert "Cannot tell: it was stopped: no steady state within 120 s." in page.words
    assert "Timeline of e" in render_page(history, a_record([stopped]), [stopped], folder="x")


def test_a_run_cut_short_says_so_first(
    story: History, story_findings: list[Finding], a_record: Callable[..., RunRecord]
) -> None:
    words = page_of(story, a_record(story_findings, interrupted=True), story_findings).words

    assert "The run was interrupted" in words


def test_a_deployment_needs_no_timeline(a_finding: Callable[..., Finding], a_record: Callable[..., RunRecord]) -> None:
    rules = [a_finding(checker=f"deployment/{number}") for number in range(104)]
    page = page_of(a_history(deployment(), an_experiment()), a_record(rules), rules)

    assert "all 104 rules of 'deployment' hold" in page.words
    assert "figure" not in page.tags


def test_more_regions_than_colours_are_still_told_apart(a_record: Callable[..., RunRecord]) -> None:
    regions = [f"eu-west-{number}" for number in range(1, 9)]
    history = a_history(
        an_experiment(), reply(DUBLIN, regions[7], 5), header=a_header(stack=a_stack(*regions), vantages=())
    )

    assert 'class="r7"' in render_page(history, a_record(), [], folder="x")


def test_the_page_is_written_beside_the_history(
    story: History, story_findings: list[Finding], a_record: Callable[..., RunRecord], tmp_path: Path
) -> None:
    folder = tmp_path / "reports" / "2026-run"
    folder.mkdir(parents=True)

    write_page(folder / PAGE_FILE, story, a_record(story_findings), story_findings)

    assert "harness check reports/2026-run" in (folder / PAGE_FILE).read_text("utf-8")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_draws_the_lanes_and_asks_nobody(
    story_findings: list[Finding], a_record: Callable[..., RunRecord], tmp_path: Path
) -> None:
    """The page's script shows the controls as its last act; hostile text points at a server that nobody may ask."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        evil = f'<img src="http://127.0.0.1:{server.getsockname()[1]}/x">'
        findings = [*story_findings, Finding(checker="c", claim=evil, verdict=Verdict.FAIL, explanation=evil)]
        page = tmp_path / PAGE_FILE
        write_page(page, Story().history(), a_record(findings), findings)

        dom, said = load(page, tmp_path / "profile")

        with pytest.raises(BlockingIOError):
            server.accept()
    assert "CONSOLE" not in said
    assert '<span class="zoom">' in dom
    assert dom.count('class="r1"') > 4


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize(
    ("press", "shows"),
    [
        ("", "300.0 s health-broken in eu-west-1 in force; Route 53 calls eu-west-1 unhealthy | 3,0,1 | 1 sick"),
        (
            'slider.value = 70; slider.dispatchEvent(new Event("input"))',
            "70.0 s health-broken in eu-west-1 in force | 1,2,1 | 0 sick",
        ),
        ("steer(1).click()", "302.0 s Route 53 calls eu-west-1 unhealthy | 3,0,1 | 1 sick"),
        (
            "steer(-1).click()",
            "180.0 s health-broken in eu-west-1 in force; Route 53 calls eu-west-1 unhealthy | 3,0,1 | 1 sick",
        ),
    ],
    ids=["still", "moved", "next change", "change before"],
)
def test_the_slider_moves_the_map(a_record: Callable[..., RunRecord], tmp_path: Path, press: str, shows: str) -> None:
    """At 70 s eu-west-1 is broken, but still serves its two; at 302 s it is mended, and still called unhealthy.

    Counted are the vantages that each region serves, by the legend; the lines that are shown must say the same. The
    test's own script comes after the page's, under a policy that lets it run.
    """
    driver = f"""<script>
      const slider = document.querySelector(".strip input");
      const steer = (step) => document.querySelector(`[data-step="${{step}}"]`);
      {press};
      const counted = [...document.querySelectorAll(".tally")].slice(0, 3).map((one) => one.innerText);
      const lines = [0, 1, 2].map((region) => document.querySelectorAll(`.route.on.r${{region}}`).length);
      const sick = document.querySelectorAll(".is-sick").length;
      document.body.dataset.shows = `${{document.querySelector(".now").innerText}} | ${{counted}} | ${{sick}} sick`;
      document.body.dataset.lines = `${{lines}}`;
    </script>"""
    dom, said = drive(render_page(Story().history(), a_record(), [], folder="x"), driver, tmp_path)

    told = dict(re.findall(r'data-(shows|lines)="([^"]*)"', dom))
    assert "CONSOLE" not in said
    assert told == {"shows": shows, "lines": shows.split(" | ")[1]}


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_places_unfold_and_are_sorted_within_their_group(
    a_record: Callable[..., RunRecord], tmp_path: Path
) -> None:
    """Thirty places nearest to no known region: folded at first; the slowest was looked at first."""
    replies = [reply(f"v{number:02}", EU, 10.0, took_s=3.0 - number / 10) for number in range(30)]
    driver = """<script>
      const shown = () => [...document.querySelectorAll(".origin")].filter((row) => !row.hidden);
      const folded = shown().length;
      document.querySelector(".fold").click();
      document.querySelector('.origins [data-sort="1"]').click();
      const names = shown().map((row) => row.cells[0].textContent);
      document.body.dataset.shows = `${folded} then ${names.length} from ${names[0]} to ${names.at(-1)}`;
    </script>"""
    dom, said = drive(render_page(a_history(replies), a_record(), [], folder="x"), driver, tmp_path)

    assert "CONSOLE" not in said
    assert re.findall(r'data-shows="([^"]*)"', dom) == ["0 then 30 from v29 to v00"]


def drive(html: str, driver: str, folder: Path) -> tuple[str, str]:
    """Loads the page with a script behind its own, under a policy that lets both run."""
    page = folder / PAGE_FILE
    page.write_text(re.sub(r"script-src '[^']*'", "script-src 'unsafe-inline'", html) + driver, "utf-8")
    return load(page, folder / "profile")


def load(page: Path, profile: Path) -> tuple[str, str]:
    """The document as the browser has it after loading, and what it said meanwhile."""
    quiet = ("background-networking", "component-update", "sync", "gpu", "quic")
    options = ["--headless", "--no-sandbox", "--no-first-run", *(f"--disable-{what}" for what in quiet)]
    # Only loopback can be reached, so that the browser's own errands leave this machine alone.
    options += [f"--user-data-dir={profile}", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    options += ["--enable-logging=stderr", "--dump-dom"]
    assert CHROMIUM
    done = subprocess.run([CHROMIUM, *options, page.as_uri()], capture_output=True, timeout=30, check=False)
    return done.stdout.decode(), done.stderr.decode()
