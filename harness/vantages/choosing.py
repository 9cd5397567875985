"""The grammar by which vantages are chosen, the same wherever they are: `--from eu,tokyo,aws:us-* --limit 20`.

Words between commas, each of them one of:

    *                        all of the catalogue
    eu, asia, north-america  an area
    tokyo, city:tokyo        a city
    eu-west-1, aws:eu-west-1 an AWS region
    us-*, city:s*            a glob over names, with or without what stands before the colon
    @office.toml             all vantages of a file; @office.toml#berlin-*: those whose names match
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import UsageError
from harness.vantages.catalogue import catalogue
from harness.vantages.files import load_vantages
from harness.vantages.vantage import Vantage

DEFAULT_CHOICE = "aws:*"
"""What is looked from when nothing is said: one vantage in each AWS region."""


def patterns_of(text: str) -> list[str]:
    """ "eu, tokyo" -> ["eu", "tokyo"]"""
    return [word.strip() for word in text.split(",") if word.strip()]


def choose(patterns: Sequence[str] = (DEFAULT_CHOICE,), limit: int | None = None) -> tuple[Vantage, ...]:
    """The vantages that match any pattern, each once, at most `limit`, spread evenly over those that match.

    Raises:
        UsageError: a pattern matches no vantage, two vantages have one name, or `limit` is below 1.
        InvalidVantages: a file of vantages breaks a rule.
    """
    if not patterns:
        raise UsageError(f"no vantage is named; say for instance {DEFAULT_CHOICE}, eu or tokyo")
    if limit is not None and limit < 1:
        raise UsageError(f"vantage limit {limit}: at least 1 is needed to see anything")
    chosen: dict[str, Vantage] = {}
    for vantage in (found for pattern in patterns for found in _found(pattern)):
        if chosen.setdefault(vantage.name, vantage) != vantage:
            raise UsageError(f"vantage {vantage.name!r} is in two files, and not the same in both; rename one of them")
    order = {vantage.name: number for number, vantage in enumerate(catalogue())}
    matching = sorted(chosen.values(), key=lambda vantage: order.get(vantage.name, len(order)))
    if limit is None or limit >= len(matching):
        return tuple(matching)
    # The catalogue goes from continent to continent, so taking every n-th keeps all; the first `limit` are neighbours.
    return tuple(matching[index * len(matching) // limit] for index in range(limit))


def _found(pattern: str) -> list[Vantage]:
    if pattern.startswith("@"):
        return _from_file(pattern)
    found = [vantage for vantage in catalogue() if pattern in vantage.areas] or [
        vantage for vantage in catalogue() if _matches(vantage, pattern)
    ]
    if not found:
        raise UsageError(_explain(pattern))
    return found


def _from_file(pattern: str) -> list[Vantage]:
    path, _, glob = pattern[1:].partition("#")
    vantages = load_vantages(Path(path))
    found = [vantage for vantage in vantages if fnmatch.fnmatchcase(vantage.name, glob or "*")]
    if not found:
        names = ", ".join(vantage.name for vantage in vantages)
        raise UsageError(f"vantage {glob!r} matches none of {path}; there are: {names}")
    return found


def _matches(vantage: Vantage, pattern: str) -> bool:
    slug = pattern.lower().replace(" ", "-")
    return any(fnmatch.fnmatchcase(name, slug) for name in _names(vantage))


def _names(vantage: Vantage) -> Iterator[str]:
    yield vantage.name
    yield vantage.name.partition(":")[2]


def _explain(pattern: str) -> str:
    words = sorted({word for vantage in catalogue() for word in vantage.areas})
    names = [name for vantage in catalogue() for name in _names(vantage)]
    near = difflib.get_close_matches(pattern.lower(), [*words, *names], n=3, cutoff=0.6)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    return (
        f"vantage {pattern!r} matches none of the catalogue; {meant}areas are {', '.join(words)}; "
        "`harness vantages list` shows all names, and @FILE takes vantages of your own"
    )
