"""Durations as people type them: 90s, 5m, 1h30m, or a bare number of seconds."""

from __future__ import annotations

import re
from typing import Any

import click

_PARTS = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic only in later versions of click
    """Becomes seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        match = _PARTS.fullmatch(value.strip())
        if match is None or not any(match.groups()):
            self.fail(f"{value!r}: a duration is like 90s, 5m or 1h30m", param, ctx)
        hours, minutes, seconds = (float(part or 0) for part in match.groups())
        return hours * 3600 + minutes * 60 + seconds


DURATION = Duration()


def in_words(seconds: float) -> str:
    """ "4 min 05 s": of a countdown, so it keeps its width."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    if hours:
        return f"{hours} h {rest // 60:02} min"
    return f"{rest // 60} min {rest % 60:02} s" if whole >= 60 else f"{whole} s"
