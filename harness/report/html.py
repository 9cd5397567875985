"""What all pages share: one style, one way to render, and a policy that forbids every request.

A page is a template that extends `base.html` and fills its blocks `title`, `header`, `main` and, for what its script
reads, `data`. `parts.html` has the small pieces (verdicts, banner, colour chips) that make pages look alike.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from pathlib import Path

import jinja2
import msgspec
from markupsafe import Markup

from harness.findings import Verdict
from harness.report.palette import COLOURS
from harness.report.words import MARKS, count, limit, measured, number

_HERE = Path(__file__).parent
_IN_SCRIPTS = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def render(template: str, *, styles: tuple[str, ...] = (), scripts: tuple[str, ...] = (), **values: object) -> str:
    """The page as one file that needs no other: `styles` (after page.css) and `scripts`, of static/, are inside it.

    The page's own Content-Security-Policy lets exactly these scripts run, and asks nobody for anything.
    """
    script = "\n".join(_static(name) for name in scripts)
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup("\n".join(_static(name) for name in ("page.css", *styles))),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() if script else "",
            **values,
        )
    )


def as_json(value: object) -> Markup:
    """JSON that no text in it can end the script element with."""
    return Markup(msgspec.json.encode(value).decode().translate(_IN_SCRIPTS))


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = {"MARKS": MARKS, "Verdict": Verdict, "number": number, "measured": measured, "limit": limit, "count": count}
    environment.globals.update(**words, colours=COLOURS)
    return environment


@functools.cache
def _static(name: str) -> str:
    return (_HERE / "static" / name).read_text("utf-8")
