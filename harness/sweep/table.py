"""A map as a Parquet file, one row a subnet: written and read back by DuckDB. docs/sweep.md lists the columns."""

from __future__ import annotations

import contextlib
import csv
import enum
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from harness.errors import UsageError
from harness.findings import Verdict
from harness.probes.flights import Counts
from harness.stack import RegionName
from harness.sweep.asking import Answer, Look, Part
from harness.sweep.places import Places, latency_class
from harness.sweep.subnets import Subnet

FORMAT = "harness-sweep-1"
_ABOUT = "harness_sweep"
"""Key of the file's metadata that holds `About` as JSON."""

COLUMNS = {
    "subnet": "VARCHAR",
    "version": "UTINYINT",
    "network": "UBIGINT",
    "prefix_length": "UTINYINT",
    "status": "VARCHAR",
    "region": "VARCHAR",
    "vantage": "VARCHAR",
    "rtt_ms": "FLOAT",
    "latency_class": "VARCHAR",
    "addresses": "VARCHAR",
    "ttl_s": "FLOAT",
    "scope": "UTINYINT",
    "rcode": "VARCHAR",
    "retries": "UTINYINT",
    "start_s": "DOUBLE",
    "took_s": "FLOAT",
    "error": "VARCHAR",
}


class Status(enum.Enum):
    """What became of a question; only OK rows say who is served by whom."""

    OK = "ok"
    NOT_ECHOED = "not echoed"
    """The reply lacks the client subnet, so the answer need not be the one for it."""
    NO_ADDRESS = "no address"
    """NOERROR, and no A record."""
    UNKNOWN_REGION = "unknown region"
    """Addresses of no region of the stack, or of several at once."""
    REFUSED = "error code"
    """SERVFAIL, REFUSED, NXDOMAIN, ...: `rcode` says which."""
    TRUNCATED = "truncated"
    """And not to be had over TCP: `error` says why."""
    TIMEOUT = "timeout"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a map is of and how it came about; kept in the file."""

    format: str = FORMAT
    target: str
    stack: str
    domain_name: str
    nameserver: str
    regions: tuple[RegionName, ...]
    started_at: str
    """RFC 3339, UTC, of the target's calendar."""
    clock_rate: float
    subnets: str
    """Where they come from: a file, or how many were generated with which seed."""
    asked_for: int
    counts: Counts
    wall_s: float
    ended: str | None = None
    harness_version: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A map by region and by status."""

    about: About
    rows: int
    by_region: dict[RegionName, int]
    """Subnets for which the server named it, OK rows only; regions of the stack that none was given, with 0."""
    by_status: dict[str, int]
    by_latency_class: dict[str, int]
    """Of the OK rows; "unknown" where the place of the subnet is not known."""
    rcodes: dict[str, int]
    """Of the rows that are not OK."""

    @property
    def not_asked(self) -> int:
        return self.about.asked_for - self.rows

    @property
    def verdict(self) -> Verdict:
        """FAIL: a subnet got a refusal or no usable address. UNKNOWN: some could not be asked, or none was."""
        if any(count for status, count in self.by_status.items() if Status(status) not in (Status.OK, Status.TIMEOUT)):
            return Verdict.FAIL
        unknown = self.by_status.get(Status.TIMEOUT.value, 0) or self.not_asked or not self.rows
        return Verdict.UNKNOWN if unknown else Verdict.PASS


def write_map(
    path: Path, part: Part, about: About, *, region_of: Callable[[tuple[str, ...]], RegionName | None], places: Places
) -> Summary:
    """Writes every look as a row, in one step: a file is whole or not there. Returns what it adds up to.

    Raises:
        UsageError: the file cannot be written there.
    """
    regions = [region_of(answer.addresses) if answer.addresses else None for answer in part.answers]
    shared = [_Shared(answer, region) for answer, region in zip(part.answers, regions, strict=True)]
    with _partial(path) as partial:
        _write_parquet(partial, _rows(part.looks, shared, places), about)
        partial.replace(path)
    return summarize(path)


def check_writable(path: Path) -> None:
    """Before a sweep rather than after it. Raises UsageError as `write_map`."""
    with _partial(path) as partial:
        partial.touch()


@contextlib.contextmanager
def _partial(path: Path) -> Iterator[Path]:
    """Where to write before it is whole; gone in the end."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
    except OSError as error:
        raise UsageError(f"sweep {path} cannot be written: {error.strerror or error}; choose with --out") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


class _Shared:
    """What all rows with one answer have in common."""

    def __init__(self, answer: Answer, region: RegionName | None) -> None:
        self.region = region
        self.status = _status(answer, region).value
        self.addresses = " ".join(answer.addresses)
        self.fields = (
            self.addresses,
            "" if answer.ttl_s is None else answer.ttl_s,
            "" if answer.scope is None else answer.scope,
            answer.rcode or "",
        )
        self.error = answer.error or ""


def _status(answer: Answer, region: RegionName | None) -> Status:
    if answer.rcode is None:
        return Status.TIMEOUT
    if answer.error is not None:
        return Status.TRUNCATED
    if answer.rcode != "NOERROR":
        return Status.REFUSED
    if not answer.addresses:
        return Status.NO_ADDRESS
    if region is None:
        return Status.UNKNOWN_REGION
    return Status.NOT_ECHOED if answer.scope is None else Status.OK


def _rows(looks: Iterable[Look], shared: list[_Shared], places: Places) -> Iterator[tuple[object, ...]]:
    for look in looks:
        subnet, common = look.subnet, shared[look.answer]
        vantage = places.vantage_of(subnet)
        rtt_ms = places.rtt_ms(vantage, common.region)
        yield (
            subnet.text,
            subnet.version,
            network_number(subnet),
            subnet.prefix_length,
            common.status,
            common.region or "",
            vantage or "",
            "" if rtt_ms is None else rtt_ms,
            latency_class(rtt_ms) or "",
            *common.fields,
            look.tries - 1,
            f"{look.start_s:.6f}",
            f"{look.took_s:.6f}",
            common.error,
        )


def network_number(subnet: Subnet) -> int:
    """The address as a number: all 32 bits of IPv4, the first 64 of IPv6. Neighbours have numbers close together."""
    return int.from_bytes(subnet.octets[:8].ljust(4 if subnet.version == 4 else 8, bytes(1)))


def _write_parquet(path: Path, rows: Iterable[tuple[object, ...]], about: About) -> None:
    """By way of a CSV file: inserting row by row takes DuckDB forty times as long."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        rows_path = Path(folder) / "rows.csv"
        with rows_path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
        told = msgspec.json.encode(about).decode().replace("'", "''")
        try:
            connection.read_csv(str(rows_path), header=False, columns=COLUMNS, quotechar='"').create_view("rows")
            connection.execute(
                "COPY (SELECT * REPLACE (string_split(addresses, ' ') AS addresses) FROM rows "
                "ORDER BY version, network, prefix_length) "
                f"TO $path (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{_ABOUT}: '{told}'}})",
                {"path": str(path)},
            )
        except duckdb.IOException as error:
            raise OSError(str(error).splitlines()[0]) from error


def read_about(path: Path) -> About:
    """Raises UsageError when `path` is no file that `write_map` wrote."""
    import duckdb

    try:
        with duckdb.connect() as connection:
            found = connection.execute(
                "SELECT decode(value) FROM parquet_kv_metadata($path) WHERE decode(key) = $key",
                {"path": str(path), "key": _ABOUT},
            ).fetchone()
    except duckdb.Error as error:
        raise UsageError(f"sweep {path} cannot be read: {str(error).splitlines()[0]}") from error
    if found is None:
        raise UsageError(f"{path} is no file that `harness sweep` wrote: its metadata lacks {_ABOUT!r}")
    try:
        return msgspec.json.decode(found[0], type=About)
    except msgspec.MsgspecError as error:
        raise UsageError(f"sweep {path} is of another version: {error}") from error


def summarize(path: Path) -> Summary:
    """Raises UsageError as `read_about`."""
    import duckdb

    about = read_about(path)
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT status, region, latency_class, rcode, count(*) FROM read_parquet($path) GROUP BY ALL",
            {"path": str(path)},
        ).fetchall()
    by_region: Counter[str] = Counter(dict.fromkeys(about.regions, 0))
    by_status: Counter[str] = Counter()
    by_class: Counter[str] = Counter()
    rcodes: Counter[str] = Counter()
    for status, region, latency, rcode, count in rows:
        by_status[status] += count
        if status == Status.OK.value:
            by_region[region] += count
            by_class[latency or "unknown"] += count
        elif status == Status.REFUSED.value:
            rcodes[rcode] += count
    return Summary(
        about=about,
        rows=sum(by_status.values()),
        by_region=dict(by_region),
        by_status=dict(by_status),
        by_latency_class=dict(by_class),
        rcodes=dict(rcodes),
    )
