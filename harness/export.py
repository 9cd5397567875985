"""A history's item operations for other tools: an EDN history for Elle, or a table as CSV or Parquet.

docs/history-format.md says what each format holds.
"""

from __future__ import annotations

import csv
import enum
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from harness.checkers.versions import Seen, Write, items_of
from harness.errors import InvalidHistory, UsageError
from harness.events import ItemRead, ItemWrite, Operation, Outcome, ReplicationMetric
from harness.history import History

Cell = str | int | float | bool | None

KINDS = (ItemWrite, ItemRead, ReplicationMetric)


class Format(enum.Enum):
    ELLE = "elle"
    CSV = "csv"
    PARQUET = "parquet"


def export(history: History, to: Format, path: Path) -> int:
    """Writes the file whole or not at all, and returns how many events went in.

    Raises:
        InvalidHistory: nothing to export; for Elle also a value written twice, or a client doing two things at once.
        UsageError: the file cannot be written.
    """
    kinds = KINDS[:2] if to is Format.ELLE else KINDS
    count = sum(len(history.of(kind)) for kind in kinds)
    if not count:
        raise InvalidHistory(
            f"the history {history.header.name!r} has no item writes or reads: nothing to export; run a scenario of the"
            " data plane"
        )
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        _WRITERS[to](history, partial)
        partial.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; choose another with --out") from error
    finally:
        partial.unlink(missing_ok=True)
    return count


# Tables: one row an event, one column a field of any kind.


def columns() -> dict[str, type]:
    """Name and type (int, float, bool or str) of each column, from the fields of the item kinds."""
    found: dict[str, type] = {"index": int, "kind": str}
    for kind in KINDS:
        for field in msgspec.structs.fields(kind):
            found.setdefault(field.name, field.type if field.type in (float, bool) else str)
    return found


def _rows(history: History) -> Iterator[tuple[Cell, ...]]:
    names = list(columns())[2:]
    for index, event in enumerate(history):
        if isinstance(event, KINDS):
            kind = str(type(event).__struct_config__.tag)
            yield (index, kind, *(_cell(getattr(event, name, None)) for name in names))


def _cell(value: Any) -> Cell:
    if isinstance(value, enum.Enum):
        return str(value.value)
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else value


def _write_csv(history: History, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns())
        for row in _rows(history):
            writer.writerow(str(cell).lower() if isinstance(cell, bool) else cell for cell in row)


def _write_parquet(history: History, path: Path) -> None:
    """The CSV, typed: DuckDB, which also judges large histories, turns one into the other."""
    import duckdb

    types = {int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN", str: "VARCHAR"}
    schema = {name: types[kind] for name, kind in columns().items()}
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as connection:
        csv_path = Path(scratch) / "history.csv"
        _write_csv(history, csv_path)
        rows = connection.read_csv(str(csv_path), header=True, columns=schema)
        try:
            rows.write_parquet(str(path))
        except duckdb.IOException as error:
            raise OSError(str(error)) from error


# Elle: each operation as its invocation and its completion, in order of time.


def _write_elle(history: History, path: Path) -> None:
    lines = (f"{{:index {index}, {line}}}\n" for index, (_time_ns, _order, line) in enumerate(sorted(_halves(history))))
    with path.open("w", encoding="utf-8") as file:
        file.writelines(lines)


def _halves(history: History) -> Iterator[tuple[int, int, str]]:
    """(time, order among those of one time, EDN without the index): two for each operation."""
    versions = _versions(history)
    operations: list[tuple[int, ItemRead | ItemWrite]] = [*history.indexed(ItemWrite), *history.indexed(ItemRead)]
    operations.sort(key=lambda one: (one[1].start_s, one[1].end_s))
    processes = _Processes({event.client for _, event in operations})
    for order, (index, event) in enumerate(operations):
        process = processes.of(event)
        completion, done = _completed(event, versions.get(index))
        rest = f":process {process}{_beside(event)}"
        yield _half(event.start_s, 2 * order, "invoke", _asked(event), rest)
        yield _half(event.end_s, 2 * order + 1, completion, done, rest)


def _half(at_s: float, order: int, kind: str, value: str, rest: str) -> tuple[int, int, str]:
    time_ns = round(at_s * 1e9)
    return time_ns, order, f":type :{kind}, :f :txn, :value {value}, :time {time_ns}, {rest}"


class _Processes:
    """Jepsen's numbers for clients. After an operation without a known end a process is dead: its client gets another.

    Number modulo the count of clients tells the client.
    """

    def __init__(self, clients: set[str]) -> None:
        self._numbers = {client: number for number, client in enumerate(sorted(clients))}
        self._step = len(clients)
        self._last: dict[str, ItemRead | ItemWrite] = {}

    def of(self, event: ItemRead | ItemWrite) -> int:
        last = self._last.get(event.client)
        if last and last.end_s > event.start_s:
            raise InvalidHistory(
                f"client {event.client!r} began an operation on {event.key!r} at {event.start_s:.6f} s, before its last"
                f" one, on {last.key!r}, ended at {last.end_s:.6f} s: a client does one thing at a time"
            )
        if last and isinstance(last, ItemWrite) and last.outcome is Outcome.UNKNOWN:
            self._numbers[event.client] += self._step
        self._last[event.client] = event
        return self._numbers[event.client]


def _asked(event: ItemRead | ItemWrite) -> str:
    key = _edn(event.key)
    if isinstance(event, ItemRead):
        return f"[[:r {key} nil]]"
    read = f"[:r {key} nil] " if event.operation is Operation.SWAP else ""
    return f"[{read}[:w {key} {_edn(event.value)}]]"


def _completed(event: ItemRead | ItemWrite, version: str | None) -> tuple[str, str]:
    """Type and value. A read of which no one can say what it shows completes as :info: Elle leaves it out."""
    if event.outcome is not Outcome.OK:
        unsure = event.outcome is Outcome.UNKNOWN and isinstance(event, ItemWrite)
        return "info" if unsure else "fail", _asked(event)
    key = _edn(event.key)
    if isinstance(event, ItemRead):
        return ("info", _asked(event)) if version is None else ("ok", f"[[:r {key} {version}]]")
    read = f"[:r {key} {_edn(event.based_on)}] " if event.operation is Operation.SWAP else ""
    return "ok", f"[{read}[:w {key} {_edn(event.value)}]]"


def _versions(history: History) -> dict[int, str]:
    """For each read that can be told, by index: the EDN of the value whose write it shows."""
    looks = (look for key in items_of(history).keys.values() for looks in key.looks.values() for look in looks.by_start)
    return {look.index: version for look in looks if (version := _version(look)) is not None}


def _version(look: Seen) -> str | None:
    if look.event.item is None:
        if not look.writers:
            return "nil"
        return None if look.beginning or len(look.writers) > 1 else _edn(look.writers[0].event.value)
    if not look.explained:
        # A refused write's value, or a mixture: Elle may find what is wrong with it.
        return _edn("+".join(dict.fromkeys(look.event.item.values())))
    latest = [
        one
        for one in look.writers
        if one.event.item == look.event.item or all(other is one or other.surely_before(one) for other in look.writers)
    ]
    return _edn(latest[0].event.value) if latest else _only_update(look.writers)


def _only_update(writers: tuple[Write, ...]) -> str | None:
    """A put sets both attributes, so beside an update's value its own can only be the older."""
    updates = [one for one in writers if one.event.operation is Operation.UPDATE]
    return _edn(updates[0].event.value) if len(updates) == 1 else None


def _beside(event: ItemRead | ItemWrite) -> str:
    """What Elle does not read but people do."""
    operation = event.operation.value if isinstance(event, ItemWrite) else "read"
    told = f", :client {_edn(event.client)}, :region {_edn(event.region)}, :way :{event.way.value}"
    error = f", :error {_edn(event.error)}" if event.error else ""
    return f"{told}, :operation :{operation}{error}"


def _edn(text: str | None) -> str:
    """A string of EDN is written as one of JSON."""
    return "nil" if text is None else msgspec.json.encode(text).decode()


_WRITERS: dict[Format, Callable[[History, Path], None]] = {
    Format.ELLE: _write_elle,
    Format.CSV: _write_csv,
    Format.PARQUET: _write_parquet,
}
