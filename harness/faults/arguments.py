"""A fault from what a person typed: a name and NAME=VALUE pairs, typed by the fault's own fields."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from harness.errors import InvalidPlan
from harness.faults.catalogue import AnyFault, kinds


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a kind of fault."""

    name: str
    takes: str
    """In words: "text", "number", "one of all, reads, writes"."""
    default: str | None = None
    """None: it must be given."""


def kind_of(name: str) -> type[AnyFault]:
    """Raises InvalidPlan for a name that is no fault's, with the nearest ones."""
    found = kinds().get(name)
    if found is None:
        near = difflib.get_close_matches(name, kinds(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(kinds())}"
        raise InvalidPlan(f"no fault is called {name!r}: {hint} (`harness faults list`)")
    return found


def parameters_of_kind(kind: type[AnyFault]) -> tuple[Parameter, ...]:
    """In the order of its fields, `region` first."""
    hints = get_type_hints(kind)
    fields = msgspec.structs.fields(kind)
    return tuple(
        Parameter(name=field.name, takes=_in_words(hints[field.name]), default=_default(field)) for field in fields
    )


def fault_of(name: str, given: Mapping[str, str]) -> AnyFault:
    """The fault `name` with these parameters, lists separated by commas.

    Raises:
        InvalidPlan: no such fault or parameter, one is missing, or a value breaks its rule; says what it takes.
    """
    kind = kind_of(name)
    known = parameters_of_kind(kind)
    takes = "; ".join(_told(parameter) for parameter in known)
    for parameter in given:
        if parameter not in {one.name for one in known}:
            raise InvalidPlan(f"fault {name!r} has no parameter {parameter!r}; it takes {takes}")
    missing = [one.name for one in known if one.default is None and one.name not in given]
    if missing:
        raise InvalidPlan(f"fault {name!r} needs {' and '.join(f'{one}=...' for one in missing)}; it takes {takes}")
    hints = get_type_hints(kind)
    values = {parameter: _split(hints[parameter], text) for parameter, text in given.items()}
    try:
        # Not strict: a shell knows text only, and "8" is the number 8.
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$.")
        where = f"{place.rstrip('`').partition('[')[0]}: " if place else ""
        raise InvalidPlan(f"fault {name!r}: {where}{message}; it takes {takes}") from error


def assignments(texts: Sequence[str]) -> dict[str, str]:
    """["region=eu-west-1", ...] -> a mapping. Raises InvalidPlan for one without "=", and for a name given twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidPlan(f"{text!r}: parameters are given as NAME=VALUE, such as region=eu-west-1")
        if name in found:
            raise InvalidPlan(f"{name} is given twice: {found[name]!r} and {value!r}")
        found[name] = value
    return found


def _told(parameter: Parameter) -> str:
    default = "" if parameter.default is None else f", {parameter.default or 'empty'} by default"
    return f"{parameter.name} ({parameter.takes}{default})"


def _default(field: msgspec.structs.FieldInfo) -> str | None:
    if field.required:
        return None
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else "none" if value is None else str(value)


def _split(hint: Any, text: str) -> str | list[str]:
    return [part.strip() for part in text.split(",") if part.strip()] if get_origin(hint) is tuple else text


def _in_words(hint: Any) -> str:
    if hint in _WORDS:
        return _WORDS[hint]
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        return f"{_in_words(arguments[0])}, several with commas"
    if arguments and all(isinstance(argument, str) for argument in arguments):
        return f"one of {', '.join(arguments)}"
    words = [_in_words(argument) for argument in arguments if argument is not type(None)]
    return " or ".join(words) or "text"


_WORDS: dict[Any, str] = {str: "text", int: "whole number", float: "number", bool: "true or false"}
