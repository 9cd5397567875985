"""Parameters of scenarios: what a run may set without editing a file.

A scenario file that takes some declares them, all with defaults, as a frozen struct called `Parameters`; its tests get
one by the fixture `parameters`. A test with the fixture `region` runs once for each region of the target: there
`region` is a parameter too, which chooses one. `pytest --set name=value` and game-day plans give the values.
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FunctionType, ModuleType

import msgspec

from harness.errors import UsageError

REGION = "region"
_CLASS = "Parameters"
_FILE_PREFIX = "test_"


class NoParameters(msgspec.Struct, frozen=True):
    """Of a scenario that declares none."""


def parse_settings(texts: Iterable[str]) -> dict[str, str]:
    """["hold_more_s=30"] -> {"hold_more_s": "30"}. Raises UsageError for what is not of that form, or given twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--set {text}: give it as name=value, for example --set hold_more_s=30")
        if name in found:
            raise UsageError(f"--set {text}: {name} was set to {found[name]!r} before; set it once")
        found[name] = value
    return found


def parameters_taken(module: ModuleType) -> tuple[str, ...]:
    """The names of what a scenario file takes, in the order in which it declares them."""
    declared = msgspec.structs.fields(_declared(module))
    names = dict.fromkeys(field.name for field in declared)
    return tuple(names if REGION in names or not _runs_for_each_region(module) else (REGION, *names))


def parameters_of(module: ModuleType, given: Mapping[str, str]) -> msgspec.Struct:
    """The scenario's own parameters, those of `given` that it takes in place of their defaults.

    Raises:
        UsageError: a value that its type does not take.
    """
    kind = _declared(module)
    names = {field.name for field in msgspec.structs.fields(kind)}
    mine = {name: value for name, value in given.items() if name in names}
    for name, value in mine.items():
        # One at a time, so that the error can name it.
        try:
            msgspec.convert({name: value}, kind, strict=False)
        except msgspec.ValidationError as error:
            raise UsageError(
                f"scenario {scenario_name(module)}: {name} = {value}: {str(error).partition(' - at')[0]}"
            ) from error
    return msgspec.convert(mine, kind, strict=False)


def refuse_unknown(given: Iterable[str], modules: Sequence[ModuleType]) -> None:
    """Raises UsageError for a name that none of these scenario files takes, with the closest that one does."""
    taken = dict.fromkeys(name for module in modules for name in parameters_taken(module))
    for name in given:
        if name not in taken:
            raise UsageError(f"{unknown_parameter(name, tuple(taken))}: {_who(modules)}")


def unknown_parameter(name: str, taken: Sequence[str]) -> str:
    """ "no parameter 'hold_s'; did you mean hold_more_s?" """
    near = difflib.get_close_matches(name, taken, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(taken)}" if taken else "there is none"
    return f"no parameter {name!r}; {hint}"


def scenario_name(module: ModuleType) -> str:
    """ "session-continuity" of the file test_session_continuity.py."""
    return Path(module.__file__ or module.__name__).stem.removeprefix(_FILE_PREFIX).replace("_", "-")


def scenario_names(folder: Path) -> tuple[str, ...]:
    """Every scenario of a folder, by name."""
    stems = sorted(path.stem for path in folder.glob(f"{_FILE_PREFIX}*.py"))
    return tuple(stem.removeprefix(_FILE_PREFIX).replace("_", "-") for stem in stems)


def scenario_file(folder: Path, name: str) -> Path:
    """Raises UsageError when there is none of that name, with the closest."""
    path = folder / f"{_FILE_PREFIX}{name.replace('-', '_')}.py"
    if path.is_file():
        return path
    names = scenario_names(folder)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(names)}" if names else "it has none"
    raise UsageError(f"no scenario {name!r} in {folder}; {hint}")


def load_scenario(path: Path) -> ModuleType:
    """The scenario file as a module, to read what it declares. Its tests are not run.

    Raises:
        UsageError: it cannot be imported.
    """
    name = f"scenario_{zlib.crc32(str(path.absolute()).encode()):08x}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    root = str(path.absolute().parent.parent)  # as pytest's `pythonpath`: scenarios import what they share from there
    if root not in sys.path:
        sys.path.append(root)
    sys.modules[name] = module  # where msgspec looks for the names in its annotations
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a file of the user's, which may fail in any way
        raise UsageError(f"scenario {path} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def breaks_every_region(module: ModuleType) -> bool:
    """Whether some test of it is marked so: it runs only when somebody confirms it."""
    marks = (mark for test in _tests(module) for mark in getattr(test, "pytestmark", ()))
    return any(mark.name == "every_region" for mark in marks)


def _declared(module: ModuleType) -> type[msgspec.Struct]:
    kind: type[msgspec.Struct] = getattr(module, _CLASS, NoParameters)
    return kind


def _runs_for_each_region(module: ModuleType) -> bool:
    return any(REGION in inspect.signature(test).parameters for test in _tests(module))


def _tests(module: ModuleType) -> list[FunctionType]:
    found = (test for name, test in vars(module).items() if name.startswith(_FILE_PREFIX))
    return [test for test in found if inspect.isfunction(test)]


def _who(modules: Sequence[ModuleType]) -> str:
    names = dict.fromkeys(scenario_name(module) for module in modules)
    return f"looked for in {', '.join(names)}" if names else "no scenario was collected"
