"""Velocity templates: parsed once, plain text not evaluated at all, and airspeed's departures from Velocity mended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import airspeed
from airspeed import operators


class TemplateFailed(Exception):
    """A mapping template could not be parsed or evaluated; `__cause__` is what went wrong inside."""


class MappingTemplate:
    """A parsed template. `render` may be called any number of times; nothing is kept between calls."""

    __slots__ = ("_parsed", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._parsed: Any = None
        if "$" not in text and "#" not in text:
            return
        self._parsed = airspeed.Template(text)
        try:
            self._parsed.ensure_compiled()
        except (airspeed.TemplateError, RecursionError) as error:
            raise TemplateFailed(f"mapping template cannot be parsed: {error}") from error

    def mentions(self, variable: str) -> bool:
        """False means that rendering cannot need `$variable`, so the caller may leave it out."""
        return self._parsed is not None and variable in self.text

    def render(self, variables: Mapping[str, object]) -> str:
        """Raises TemplateFailed."""
        if self._parsed is None:
            return self.text
        try:
            return str(self._parsed.merge(variables))
        except airspeed.TemplateExecutionError as error:
            raise TemplateFailed(str(error)) from error.__cause__


@lru_cache(maxsize=4096)
def template_of(text: str) -> MappingTemplate:
    """The same text is parsed (about 100 µs) only once, also across replaced configurations and regions."""
    return MappingTemplate(text)


def _java_index_of(text: str, part: str) -> int:
    return text.find(part)


_JAVA_METHODS: dict[type, dict[str, Callable[..., object]]] = {
    str: {
        "endsWith": str.endswith,
        "equals": lambda text, other: text == other,
        "equalsIgnoreCase": lambda text, other: text.lower() == str(other).lower(),
        "indexOf": _java_index_of,
        "isEmpty": lambda text: not text,
        "toLowerCase": str.lower,
        "toString": str,
        "toUpperCase": str.upper,
        "trim": str.strip,
    },
    dict: {
        "containsKey": lambda mapping, key: key in mapping,
        "isEmpty": lambda mapping: not mapping,
        "size": len,
    },
    int: {"toString": str},
    float: {"toString": str},
}


def _mend_airspeed() -> None:
    """Adds the Java methods that templates use, and makes null false in #if and `!`, as in Velocity.

    airspeed-ext takes `#if($missing)` for true and `!$missing` for false; Velocity's user guide, "Conditionals", says
    the opposite, and so does every template that tests whether DynamoDB found an Item.
    """
    for kind, methods in _JAVA_METHODS.items():
        operators.__dict__["__additional_methods__"].setdefault(kind, {}).update(methods)

    def condition(self: Any, namespace: object, loader: object) -> bool:
        return bool(self.expression.calculate(namespace, loader))

    def negation(self: Any, namespace: object, loader: object) -> bool:
        return not self.value.calculate(namespace, loader)

    operators.Condition.calculate = condition
    operators.UnaryOperatorValue.calculate = negation


_mend_airspeed()
