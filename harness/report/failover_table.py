"""The failover table: a column for each fault and region, a row for each step, limits beside the numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from harness.checkers.moments import Moment
from harness.checkers.statistics import quantile
from harness.findings import Verdict
from harness.report.failovers import DETECT, DETECT_BACK, DNS, DNS_BACK, FAILED, HOME, RECOVER, JudgedFailover
from harness.report.words import number

NOTHING = "–"
"""Nothing was to change, so nothing was to be measured."""


class Cell(msgspec.Struct, frozen=True):
    """One number. The verdict is there where something was claimed of it."""

    text: str
    limit: str = ""
    verdict: Verdict | None = None


class Line(msgspec.Struct, frozen=True):
    what: str
    cells: tuple[Cell, ...]


class Stage(msgspec.Struct, frozen=True):
    """Rows that count from the same moment."""

    title: str
    lines: tuple[Line, ...]


def failover_stages(judged: Sequence[JudgedFailover]) -> list[Stage]:
    def line(what: str, cell: Callable[[JudgedFailover], Cell]) -> Line:
        return Line(what, tuple(cell(one) for one in judged))

    return [
        Stage(
            "after it broke",
            (
                line("Route 53 called it sick", lambda one: _moment(one, DETECT, one.times.detect_s)),
                line("DNS led every vantage elsewhere", lambda one: _moment(one, DNS, one.times.dns_changed_s)),
                line("users well elsewhere, p50", lambda one: _quantile(one.times.clients_s, 0.5)),
                line("users well elsewhere, p95", lambda one: _quantile(one.times.clients_s, 0.95)),
                line("users well elsewhere, slowest", lambda one: _slowest(one, RECOVER, one.times.clients_s)),
                line("vantages that left", lambda one: _changed([seen.recovered for seen in one.times.vantages])),
            ),
        ),
        Stage(
            "after it was mended",
            (
                line("Route 53 called it well", lambda one: _moment(one, DETECT_BACK, one.times.healthy_again_s)),
                line("DNS led every vantage back", lambda one: _moment(one, DNS_BACK, one.times.dns_back_s)),
                line("users home again, p50", lambda one: _quantile(one.times.home_s, 0.5)),
                line("users home again, p95", lambda one: _quantile(one.times.home_s, 0.95)),
                line("users home again, slowest", lambda one: _slowest(one, HOME, one.times.home_s)),
                line("vantages that came home", lambda one: _changed([seen.home for seen in one.times.vantages])),
            ),
        ),
        Stage("all along", (line("requests that failed", _failed),)),
    ]


def _moment(one: JudgedFailover, checker: str, measured_s: float | None) -> Cell:
    finding = one.findings.get(checker)
    if measured_s is None:
        # Where somebody claimed that it would change, that it did not is a result.
        return Cell("not seen" if finding else NOTHING, _limit(one, checker), finding.verdict if finding else None)
    return Cell(number(measured_s, "s"), _limit(one, checker), finding.verdict if finding else None)


def _slowest(one: JudgedFailover, checker: str, all_s: Sequence[float]) -> Cell:
    return _moment(one, checker, max(all_s, default=None))


def _quantile(all_s: Sequence[float], share: float) -> Cell:
    return Cell(number(quantile(all_s, share), "s") if all_s else NOTHING)


def _changed(moments: Sequence[Moment | None]) -> Cell:
    """How many did, of those that had something to change."""
    meant = [moment for moment in moments if moment is not None]
    return Cell(f"{sum(moment.by_s is not None for moment in meant)} of {len(meant)}" if meant else NOTHING)


def _failed(one: JudgedFailover) -> Cell:
    finding, times = one.findings.get(FAILED), one.times
    text = f"{times.failed_requests:,} of {times.requests:,}"
    return Cell(text, _limit(one, FAILED), finding.verdict if finding else None)


def _limit(one: JudgedFailover, checker: str) -> str:
    finding = one.findings.get(checker)
    return f"limit {number(finding.limit, finding.unit)}" if finding and finding.limit is not None else ""
