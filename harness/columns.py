"""A saved history read straight into columns, without an object for each event: for histories too large for that.

The engine is DuckDB, in memory. Texts are kept as 64-bit hashes: they are only ever compared. With ten million distinct
ones the chance that any two of them coincide is about one in 400,000.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from harness.errors import InvalidEvent, InvalidHistory
from harness.events import AnyEvent, ExperimentEvent, FaultEvent, RunHeader
from harness.history import History, encode_line

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_DECODER: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)

_FIELDS = {
    "kind": "VARCHAR",
    "start_s": "DOUBLE",
    "end_s": "DOUBLE",
    "client": "VARCHAR",
    "region": "VARCHAR",
    "operation": "VARCHAR",
    "key": "VARCHAR",
    "value": "VARCHAR",
    # The attributes that the workload ("a", "b") or the application ("name", "region") writes; others are not compared.
    "item": "STRUCT(a VARCHAR, b VARCHAR, name VARCHAR, region VARCHAR)",
    "consistent": "BOOLEAN",
    "outcome": "VARCHAR",
}

# An item's attributes are two columns: one hash for "a" or "name", one for "b" or "region". `value` is hashed as if it
# were an attribute "a" or "b", so that both can be compared.
_KINDS = ", ".join(f"'{kind.__struct_config__.tag}'" for kind in get_args(AnyEvent))

_OPERATIONS = f"""
    CREATE TABLE operations AS
    SELECT
        (row_number() OVER () - 1)::UINTEGER AS line,
        kind = 'write' AS writes,
        kind = 'read' AS reads,
        kind IN ('run', 'experiment', 'fault') AS frames,
        start_s,
        end_s,
        hash(key) AS key,
        key = '' AS keyless,
        hash(region) AS region,
        hash(client) AS client,
        hash(value, NULL::VARCHAR) AS value,
        item IS NOT NULL AS has_item,
        hash(item.a, item.name) AS item_a,
        hash(item.b, item.region) AS item_b,
        operation = 'delete' AS deletes,
        operation = 'update' AS updates,
        coalesce(consistent, false) AS consistent,
        outcome = 'ok' AS ok,
        outcome = 'fail' AS failed,
        start_s <= end_s AND isfinite(start_s) AND isfinite(end_s) AND kind IN ({_KINDS}) AND (
            kind NOT IN ('write', 'read')
            OR (key IS NOT NULL AND region IS NOT NULL AND client IS NOT NULL AND outcome IS NOT NULL
                AND (kind = 'read' OR (value IS NOT NULL AND operation IS NOT NULL)))
        ) AS sound
    FROM read_json($path, format = 'newline_delimited', columns = $fields, maximum_object_size = 67108864)
"""


class Columns:
    """The table `operations` of a DuckDB connection, one row a line, and the lines themselves on demand."""

    def __init__(self, path: Path, connection: DuckDBPyConnection) -> None:
        self._path = path
        self._connection = connection
        self._check()
        frames = self.events(line for (line,) in self.rows("SELECT line FROM operations WHERE frames"))
        headers = [(line, event) for line, event in frames.items() if isinstance(event, RunHeader)]
        if len(headers) != 1:
            raise InvalidHistory(f"history {path} has {len(headers)} header lines (kind 'run'), expected one")
        self._header_line, self.header = headers[0]
        self.experiments = [event for event in frames.values() if isinstance(event, ExperimentEvent)]
        self.faults = [event for event in frames.values() if isinstance(event, FaultEvent)]

    def run(self, statement: str, **parameters: object) -> None:
        self._connection.execute(statement, parameters)

    def rows(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, parameters).fetchall()

    def events(self, lines: Iterable[int]) -> dict[int, AnyEvent]:
        """The events of these lines, counted from 0; in order of start, as a `History` has them."""
        events: dict[int, AnyEvent] = {}
        with self._path.open("rb") as file:
            next_line = 0
            for line in sorted(lines):
                events[line] = self._decode(line, next(islice(file, line - next_line, None)))
                next_line = line + 1
        return dict(sorted(events.items(), key=lambda numbered: numbered[1].start_s))

    def indexes(self, lines: Collection[int]) -> dict[int, int]:
        """Of these lines, the indexes that their events have in a `History`."""
        if not lines:
            return {}
        ranked = "row_number() OVER (ORDER BY line <> $header, start_s, line) - 1"
        query = f"SELECT * FROM (SELECT line, {ranked} FROM operations) WHERE line IN (SELECT unnest($lines))"
        return dict(self.rows(query, header=self._header_line, lines=list(lines)))

    def _check(self) -> None:
        """What a History would refuse is refused here too, with the message of its own decoder."""
        bad = self.rows("SELECT min(line) FROM operations WHERE NOT coalesce(sound, false)")[0][0]
        if bad is not None:
            self.events([bad])
            raise InvalidHistory(f"history {self._path}, line {bad + 1}: not an event of this version")

    def _decode(self, line: int, text: bytes) -> AnyEvent:
        try:
            return _DECODER.decode(text)
        except (msgspec.MsgspecError, InvalidEvent) as error:
            raise InvalidHistory(f"history {self._path}, line {line + 1}: {error}") from error


@contextlib.contextmanager
def columns_of_file(path: Path) -> Iterator[Columns]:
    """Reads history.jsonl. A last line that a crash cut short is left out.

    Raises:
        InvalidHistory: missing file, a bad line that is not the last, no header. Names the file, and the line if known.
    """
    import duckdb

    with _whole_lines(path) as whole, duckdb.connect() as connection:
        try:
            connection.execute(_OPERATIONS, {"path": str(whole), "fields": _FIELDS})
        except duckdb.Error as error:
            raise InvalidHistory(f"history {path} cannot be read into columns: {error}") from error
        yield Columns(whole, connection)


@contextlib.contextmanager
def columns_of_history(history: History) -> Iterator[Columns]:
    """By way of a temporary file, so that there is one way to make columns."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        with path.open("wb") as file:
            file.writelines(encode_line(event) for event in history)
        with columns_of_file(path) as columns:
            yield columns


@contextlib.contextmanager
def _whole_lines(path: Path) -> Iterator[Path]:
    """The file, or a copy without its last line when a crash cut that short."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) == b"\n":
                yield path
                return
    except OSError as error:
        raise InvalidHistory(f"history {path} cannot be read: {error.strerror or error}") from error
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        with path.open("rb") as source, copy.open("wb") as target:
            target.writelines(line for line in source if line.endswith(b"\n"))
        yield copy
