"""A plan file -> a plan, or every reason why it is none, each with its line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec

from harness.errors import InvalidPlan, UsageError
from harness.gameday.plan import GameDayPlan, PlannedExperiment
from harness.gameday.positions import KeyPath, Position, key_positions, position_of
from harness.parameters import (
    breaks_every_region,
    load_scenario,
    parameters_of,
    parameters_taken,
    scenario_file,
    unknown_parameter,
)

_AT = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.(?P<key>[^.\[\]]+)|\[(?P<number>\d+)\]|\[\.\.\.\]")
_UNKNOWN_FIELD = re.compile(r"unknown field `(?P<key>[^`]+)`")
_SYNTAX_AT = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


class LoadedPlan(msgspec.Struct, frozen=True, kw_only=True):
    path: Path
    plan: GameDayPlan
    text: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    path: Path
    at: Position | None
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.at}: {self.what}" if self.at else f"{self.path}: {self.what}"


def load_plan(path: Path) -> LoadedPlan:
    """Raises InvalidPlan, naming file, line and column, and the rule."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidPlan(f"{path}: it is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except OSError as error:
        raise InvalidPlan(
            f"game-day plan {path} cannot be read: {error.strerror}; `harness gameday new FILE` writes one"
        ) from error
    try:
        return LoadedPlan(path=path, plan=decode_plan(path, text), text=text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidPlan(str(_syntax_problem(path, text, error))) from error


def decode_plan(path: Path, text: str) -> GameDayPlan:
    values = tomllib.loads(text)
    try:
        return msgspec.convert(values, GameDayPlan)
    except msgspec.ValidationError as error:
        told, where = _path_in(str(error))
        positions = key_positions(text)
        # A rule of ours is told of the whole table, and begins with the name of the key that broke it.
        named = (*where, told.split()[0].strip("`"))
        at = position_of(named if named in positions else where, positions)
        raise InvalidPlan(str(Problem(path=path, at=at, what=told))) from error


def problems_of(loaded: LoadedPlan, scenarios: Path) -> list[Problem]:
    """What the plan asks of scenarios that they are not or do not take. Nothing is run."""
    positions = key_positions(loaded.text)
    return [
        Problem(path=loaded.path, at=position_of(("experiments", number, *inside), positions), what=what)
        for number, experiment in enumerate(loaded.plan.experiments)
        for inside, what in _experiment_problems(experiment, scenarios)
    ]


def checked_plan(path: Path, scenarios: Path) -> LoadedPlan:
    """Raises InvalidPlan for the first problem, and says how many more there are."""
    loaded = load_plan(path)
    problems = problems_of(loaded, scenarios)
    if problems:
        more = f" (and {len(problems) - 1} more: `harness gameday validate {path}`)" if len(problems) > 1 else ""
        raise InvalidPlan(f"{problems[0]}{more}")
    return loaded


def _experiment_problems(experiment: PlannedExperiment, scenarios: Path) -> list[tuple[KeyPath, str]]:
    try:
        module = load_scenario(scenario_file(scenarios, experiment.scenario))
    except UsageError as error:
        return [(("scenario",), str(error))]
    taken = parameters_taken(module)
    found: list[tuple[KeyPath, str]] = []
    if breaks_every_region(module) and not experiment.all_regions_of:
        told = f"scenario {experiment.scenario} breaks every region at once: name the stack in `all_regions_of`"
        found.append((("scenario",), told))
    for name, value in experiment.settings.items():
        if name not in taken:
            found.append((("parameters", name), f"scenario {experiment.scenario} has {unknown_parameter(name, taken)}"))
            continue
        try:
            parameters_of(module, {name: value})
        except UsageError as error:
            found.append((("parameters", name), str(error)))
    return found


def _path_in(message: str) -> tuple[str, KeyPath]:
    """msgspec's "Expected `float`, got `str` - at `$.experiments[1].pause_s`" -> what and where."""
    found = _AT.search(message)
    told, where = message, ""
    if found:
        told, where = message[: found.start()], found["path"]
    steps = (int(step["number"]) if step["number"] else step["key"] for step in _STEP.finditer(where))
    path: KeyPath = tuple(step for step in steps if step is not None)
    unknown = _UNKNOWN_FIELD.search(told)
    if unknown:
        return f"unknown field `{unknown['key']}`", (*path, unknown["key"])
    last = path[-1] if path else None
    of_value = isinstance(last, str) and told.startswith(("Expected", "Invalid"))
    return (f"`{last}`: {told[0].lower()}{told[1:]}" if of_value else told), path


def _syntax_problem(path: Path, text: str, error: tomllib.TOMLDecodeError) -> Problem:
    message = str(error)
    found = _SYNTAX_AT.search(message)
    what = message[: found.start()] if found else message
    if found and found["line"]:
        at = Position(int(found["line"]), int(found["column"]))
    else:
        at = Position(text.count("\n") + 1, len(text) - text.rfind("\n"))  # at its end
    return Problem(path=path, at=at, what=what)
