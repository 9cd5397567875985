from __future__ import annotations

import base64
import hashlib
import re

from harness.report.html import as_json, render


def test_the_policy_lets_the_pages_own_script_run_and_nothing_else() -> None:
    html = render("base.html", scripts=("page.js",))

    script = re.search(r"<script>(.*)</script>", html, re.DOTALL)
    assert script
    allowed = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{allowed}';" in html
    assert "default-src 'none'" in html


def test_a_page_without_script_lets_none_run() -> None:
    html = render("base.html")

    assert "script-src" not in html
    assert "<script" not in html


def test_data_for_a_script_cannot_end_its_element() -> None:
    assert as_json({"a": "</script>\u2028&"}) == '{"a":"\\u003c/script\\u003e\\u2028\\u0026"}'
