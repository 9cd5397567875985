"""How a pytest session ended -> this program's exit code."""

from __future__ import annotations

from collections.abc import Collection

PASSED, DEVIATED, USAGE, UNKNOWN, STOPPED_BY_GUARD, NOTHING_RAN, ROLLBACK_INCOMPLETE = range(7)
INTERRUPTED = 130

_PYTEST_STOPPED = 2
"""By an error in collection, or by xdist's controller when a worker's session failed."""
_PYTEST_USAGE_ERROR = 4
_MOST_TELLING_FIRST = (STOPPED_BY_GUARD, DEVIATED, USAGE, UNKNOWN)


def session_exit_code(
    pytest_code: int, *, told: Collection[int], interrupted: bool = False, nothing_ran: bool = False
) -> int:
    """One code for a session of many tests.

    `told` are the exit codes of its runs' verdicts and of the errors that tests ended with. `nothing_ran`: every
    scenario was skipped, which pytest itself counts as success.
    """
    if ROLLBACK_INCOMPLETE in told:
        return ROLLBACK_INCOMPLETE
    if interrupted:
        return INTERRUPTED
    if pytest_code not in (0, 1, _PYTEST_STOPPED):
        return USAGE if pytest_code == _PYTEST_USAGE_ERROR else pytest_code
    if nothing_ran and not told:
        return NOTHING_RAN
    return next((code for code in _MOST_TELLING_FIRST if code in told), pytest_code)
