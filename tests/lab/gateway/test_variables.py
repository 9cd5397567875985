from __future__ import annotations

import pytest

from harness.lab.gateway.variables import Input, Parameters, UnreadableBody, Util

DOCUMENT = {"name": "bob", "tags": ["a", "b"], "count": 2, "none": None}


@pytest.fixture
def parameters():
    return Parameters({"id": "path"}, {"id": "query", "q": "1"}, lambda: {"X-Name": "header", "q": "header"})


@pytest.fixture
def given(parameters):
    return Input(parameters, text='{"name": "bob", "tags": ["a", "b"], "count": 2, "none": null}')


def test_params_looks_in_path_then_query_then_header(given):
    assert [given.params(name) for name in ("id", "q", "x-name", "absent")] == ["path", "1", "header", ""]


def test_params_without_a_name_shows_all_places(given):
    assert given.params() == {
        "path": {"id": "path"}, "querystring": {"id": "query", "q": "1"}, "header": {"X-Name": "header", "q": "header"},
    }  # fmt: skip


def test_path_gives_values_and_an_empty_string_for_what_is_absent(given):
    assert [given.path(path) for path in ("$", "$.name", "$.tags[1]", "$.none", "$.absent")] == [
        DOCUMENT, "bob", "b", None, "",
    ]  # fmt: skip


def test_json_gives_json_text(given):
    assert [given.json(path) for path in ("$.name", "$.tags", "$.count", "$.none", "$.absent")] == [
        '"bob"', '["a","b"]', "2", "null", '""',
    ]  # fmt: skip


def test_a_document_becomes_text_only_when_asked(parameters):
    assert Input(parameters, document=DOCUMENT).body == '{"name":"bob","tags":["a","b"],"count":2,"none":null}'


def test_an_empty_body_is_an_empty_object(parameters):
    assert Input(parameters, text="").json("$") == "{}"


def test_a_body_that_is_not_json_cannot_be_read_in_parts(parameters):
    broken = Input(parameters, text="{broken")

    assert broken.body == "{broken"
    with pytest.raises(UnreadableBody):
        broken.path("$.name")


def test_escape_java_script_escapes_as_aws_does_apostrophes_included():
    assert Util.escapeJavaScript("a\"b'c/d\\\n\té😀\x01") == r"a\"b\'c\/d\\\n\t\u00E9\uD83D\uDE00\u0001"


def test_url_and_base64_go_both_ways():
    assert Util.urlEncode("a b&é*") == "a+b%26%C3%A9*"
    assert Util.urlDecode("a+b%26%C3%A9*") == "a b&é*"
    assert Util.base64Decode(Util.base64Encode("é")) == "é"


def test_parse_json_gives_values():
    assert Util.parseJson('{"a": [1]}') == {"a": [1]}
