"""Where a mapped header takes its value from: a literal, the request, the backend's reply, `context`, a stage variable.

Source: API Gateway Developer Guide, "API Gateway request and response data mapping reference".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.lab.gateway.call import Backend, Call
from harness.lab.gateway.jsonpath import MISSING, find
from harness.lab.gateway.variables import to_text

ValueSource = Callable[[Call, Backend | None], str | None]
"""None: the value is absent, and so is the header."""


class UnsupportedSource(ValueError):
    """A mapping names a source that the lab does not know."""


def source_of(text: str) -> ValueSource:
    """Raises UnsupportedSource."""
    if len(text) >= 2 and text[0] == text[-1] == "'":
        literal = text[1:-1]
        return lambda _call, _backend: literal
    for prefix, build in _KINDS.items():
        if text == prefix or text.startswith(f"{prefix}."):
            return build(text[len(prefix) + 1 :])
    raise UnsupportedSource(f"mapping source {text!r}: expected a 'literal' or one of {', '.join(_KINDS)}")


def _from_context(path: str) -> ValueSource:
    return lambda call, _backend: nested_text(call.context, path)


def _from_stage_variable(name: str) -> ValueSource:
    return lambda call, _backend: call.stage.variables.get(name) if call.stage else None


def _from_header(name: str) -> ValueSource:
    return lambda call, _backend: call.parameters.header_value(name)


def _from_querystring(name: str) -> ValueSource:
    return lambda call, _backend: call.parameters.querystring.get(name)


def _from_path(name: str) -> ValueSource:
    return lambda call, _backend: call.path_parameters.get(name)


def _from_backend_header(_name: str) -> ValueSource:
    # Neither MOCK nor the in-process tables answer with headers of their own.
    return lambda _call, _backend: None


def _from_backend_body(path: str) -> ValueSource:
    def value(_call: Call, backend: Backend | None) -> str | None:
        found = find(backend.document, f"$.{path}" if path else "$") if backend else MISSING  # type: ignore[arg-type]
        return None if found is MISSING else to_text(found)

    return value


_KINDS: dict[str, Callable[[str], ValueSource]] = {
    "context": _from_context,
    "stageVariables": _from_stage_variable,
    "method.request.header": _from_header,
    "method.request.querystring": _from_querystring,
    "method.request.path": _from_path,
    "integration.response.header": _from_backend_header,
    "integration.response.body": _from_backend_body,
}


def nested_text(values: Mapping[str, object], path: str) -> str | None:
    """The text at "identity.sourceIp" in nested maps, or None."""
    found: object = values
    for name in path.split("."):
        try:
            found = found[name] if isinstance(found, Mapping) else None
        except KeyError:  # Not `get`: a context makes its values when they are indexed.
            return None
    return None if found is None else to_text(found)
