"""A session's exit code: the gravest thing that happened, in this program's numbers."""

from __future__ import annotations

import pytest

from harness.cli.exit_codes import session_exit_code


@pytest.mark.parametrize(
    ("pytest_code", "told", "code"),
    [
        (0, {0}, 0),
        (1, {1}, 1),
        (1, {3}, 3),
        (1, {0}, 1),  # a test that failed for reasons of its own
        (1, {3, 1}, 1),
        (1, {1, 4}, 4),
        (1, {2}, 2),
        (1, {1, 6, 4}, 6),
        (0, {1}, 1),
        (2, {4}, 4),  # xdist's controller, stopped by a worker
        (2, set(), 2),  # an error in collection
        (3, set(), 3),  # an error inside pytest
        (4, set(), 2),  # pytest's number for usage
        (5, set(), 5),
    ],
)
def test_the_gravest_thing_counts(pytest_code: int, told: set[int], code: int) -> None:
    assert session_exit_code(pytest_code, told=told) == code


def test_an_interruption_is_130_whatever_the_verdict() -> None:
    assert session_exit_code(2, told={1}, interrupted=True) == 130


def test_an_incomplete_rollback_is_graver_than_an_interruption() -> None:
    assert session_exit_code(2, told={6}, interrupted=True) == 6


def test_scenarios_that_were_all_skipped_are_no_success() -> None:
    assert session_exit_code(0, told=(), nothing_ran=True) == 5


def test_an_error_before_anything_ran_says_more_than_that_nothing_ran() -> None:
    assert session_exit_code(1, told={2}, nothing_ran=True) == 2
