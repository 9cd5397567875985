"""Guards as the TOML that `--guards` takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from harness.guards import AnyGuard


def write_guards(path: Path, guards: Sequence[AnyGuard]) -> None:
    """The file is read back as the same guards."""
    lines = ["# What must stay true, or the experiment is stopped and healed."]
    for guard in guards:
        lines.append("\n[[guards]]")
        values = msgspec.to_builtins(guard, builtin_types=(date,))
        lines += [f"{name} = {_toml(value)}" for name, value in values.items()]
    path.write_text("\n".join(lines) + "\n" if guards else "guards = []\n", encoding="utf-8")


def _toml(value: object) -> str:
    match value:
        case bool() | int() | float() | str():
            return json.dumps(value, ensure_ascii=False)  # of these, JSON is TOML
        case date():
            return value.isoformat()
        case list() | tuple():
            return f"[{', '.join(_toml(one) for one in value)}]"
        case dict():
            return f"{{{', '.join(f'{name} = {_toml(one)}' for name, one in value.items())}}}"
        case _:
            raise TypeError(f"{value!r} is no value of TOML")
