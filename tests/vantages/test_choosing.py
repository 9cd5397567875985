"""The grammar by which vantages are chosen."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.vantages import catalogue, choose, patterns_of, region_vantages


def names(*patterns, limit=None):
    return [vantage.name for vantage in choose(patterns, limit)]


@pytest.fixture
def office(tmp_path):
    """A file of two vantages."""
    path = tmp_path / "office.toml"
    path.write_text(
        '[[vantage]]\nname = "berlin-1"\nlike = "frankfurt"\n\n[[vantage]]\nname = "lyon"\nlike = "paris"\n'
    )
    return path


def test_what_is_said_on_a_command_line_is_cut_at_commas():
    assert patterns_of(" eu, New York ,,aws:us-*") == ["eu", "New York", "aws:us-*"]


def test_nothing_said_is_one_in_each_region():
    assert choose() == region_vantages()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("eu-west-1", ["aws:eu-west-1"]),
        ("aws:eu-west-1", ["aws:eu-west-1"]),
        ("tokyo", ["city:tokyo"]),
        ("Tokyo", ["city:tokyo"]),
        ("New York", ["city:new-york"]),
        ("us-*", ["aws:us-east-1", "aws:us-east-2", "aws:us-west-1", "aws:us-west-2"]),
        ("city:s*o", ["city:santiago", "city:sao-paulo"]),
        ("me", ["aws:il-central-1", "aws:me-central-1", "aws:me-south-1", "city:dubai", "city:riyadh"]),
        ("oceania", ["aws:ap-southeast-2", "aws:ap-southeast-4", "city:sydney", "city:melbourne", "city:auckland"]),
    ],
)
def test_a_word_is_a_name_a_glob_or_an_area(pattern, expected):
    assert names(pattern) == expected


def test_an_area_has_regions_and_cities_and_wider_ones_have_those_of_narrower():
    assert {"aws:us-east-1", "aws:ca-central-1", "aws:mx-central-1", "city:toronto"} <= set(names("north-america"))
    assert set(names("oceania")) < set(names("ap"))
    assert "city:sydney" not in names("asia")


def test_everything_is_a_star():
    assert choose(["*"]) == catalogue()


def test_a_vantage_that_two_patterns_match_comes_once():
    assert len(choose(["eu-west-1", "eu-west-*"])) == 3


@pytest.mark.parametrize("pattern", ["aws:*", "city:*"])
def test_a_limit_spreads_over_the_world(pattern):
    assert len(names(pattern, limit=8)) == 8
    assert len({vantage.areas[-1] for vantage in choose([pattern], 8)}) >= 5


def test_a_file_of_ones_own_gives_all_or_those_whose_names_match(office):
    assert names(f"@{office}") == ["berlin-1", "lyon"]
    assert names(f"@{office}#berlin-*", "tokyo") == ["city:tokyo", "berlin-1"]


def test_a_name_that_a_file_does_not_have_is_told_with_those_that_it_has(office):
    with pytest.raises(UsageError, match=r"'rome' matches none of .*; there are: berlin-1, lyon"):
        choose([f"@{office}#rome"])


def test_two_files_with_different_vantages_of_one_name_are_refused(office, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text('[[vantage]]\nname = "lyon"\nlike = "madrid"\n')

    assert len(choose([f"@{office}", f"@{office}"])) == 2
    with pytest.raises(UsageError, match="'lyon' is in two files"):
        choose([f"@{office}", f"@{other}"])


def test_an_unknown_vantage_is_named_with_what_was_meant():
    with pytest.raises(UsageError, match=r"'tokio' matches none of the catalogue; did you mean tokyo"):
        choose(["us-east-1", "tokio"])


@pytest.mark.parametrize(("patterns", "limit", "message"), [(["*"], 0, "limit 0"), ([], None, "no vantage is named")])
def test_no_vantage_at_all_is_refused(patterns, limit, message):
    with pytest.raises(UsageError, match=message):
        choose(patterns, limit)
