"""Two maps of one service: who moved, to their second best region or elsewhere, and who stayed who should have moved.

What should have become of a subnet is known by one of these bases, and each row says by which:

- catalogue: the measured round trips of the vantage that the subnet lies in: it belongs to the nearest in service;
- region out: the region that serves it is out of service, so it belongs anywhere else;
- region in service: the region that served it is still there, and none came back, so it had no reason to move;
- neighbours: nearly all subnets near it in the address space, served as it was before, are now served there.

The first two prove something. The third may be Route 53's own new measurements, so it makes a verdict UNKNOWN at worst;
the last is evidence alone, as neighbours in number need not be neighbours on earth, and never decides a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.errors import UsageError
from harness.findings import Verdict
from harness.stack import RegionName
from harness.sweep.table import About, read_about
from harness.vantages import Vantage

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MARGIN_MS = 10.0
"""Regions whose round trips differ by no more are equally near: measured medians move by as much."""
OUT_BELOW = 0.1
"""A region that serves less than this share of the subnets that it serves in the other map counts as out of service."""
NEIGHBOURS = 20
"""At least as many other subnets of a block, served by the same region before, tell where one should be now ..."""
AGREEMENT = 0.95
"""... when this share of them are served by the same region now."""
_BLOCK_BITS = {4: (16, 20, 24, 32), 6: (16, 24, 32, 63)}
"""Low bits of `network` that a block leaves open, smallest block first: IPv4 /16, /12, /8, all; IPv6 /48, /40, /32, /1.
"""
ENOUGH_JUDGED = 5
"""So many movers must be judged by the catalogue before all others are believed to have moved as well."""

STAYED, SHOULD_HAVE_MOVED = "stayed", "should have moved"
HOME, SECOND_BEST, ELSEWHERE = "moved home", "moved to second best", "moved elsewhere"
WITHOUT_NEED, UNJUDGED = "moved without need", "moved, not judged"
LOST, FOUND, NEVER = "lost", "found", "never answered"

CATALOGUE, REGION_OUT, IN_SERVICE, BY_NEIGHBOURS = "catalogue", "region out", "region in service", "neighbours"
MISPLACED = (SHOULD_HAVE_MOVED, ELSEWHERE, WITHOUT_NEED)
MOVED = (HOME, SECOND_BEST, ELSEWHERE, WITHOUT_NEED, UNJUDGED)
_PROOF = (CATALOGUE, REGION_OUT)


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """Subnets with one fate."""

    before: RegionName | None
    after: RegionName | None
    change: str
    basis: str | None
    subnets: int


class Misplaced(msgspec.Struct, frozen=True, kw_only=True):
    """One subnet that is not where it should be."""

    subnet: str
    vantage: str | None
    before: RegionName
    after: RegionName
    expected: RegionName | None
    change: str
    basis: str | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    before: About
    after: About
    compared: int
    """Subnets in both maps, with a region in both."""
    only_before: int
    only_after: int
    out: tuple[RegionName, ...]
    """Regions out of service in the second map."""
    out_given: tuple[RegionName, ...]
    """Those of `out` that the user named; the others are inferred from the shares."""
    returned: tuple[RegionName, ...]
    """Regions out of service in the first map that are in service in the second."""
    flows: tuple[Flow, ...]
    misplaced: tuple[Misplaced, ...]
    """Those that should have moved, moved elsewhere or without need, the proven ones first; at most `MOST_SHOWN`."""

    def count(self, *changes: str, basis: Sequence[str | None] | None = None) -> int:
        return sum(
            flow.subnets for flow in self.flows if flow.change in changes and (basis is None or flow.basis in basis)
        )

    @property
    def verdict(self) -> Verdict:
        """FAIL: a subnet is proven not to be where it should. UNKNOWN: too little to judge by, or answers missing."""
        return self._judged()[0]

    @property
    def explanation(self) -> str:
        return self._judged()[1]

    def _judged(self) -> tuple[Verdict, str]:
        if wrong := self.count(*MISPLACED, basis=_PROOF):
            return Verdict.FAIL, f"{wrong:,} subnets are proven not to be where they should be"
        moved, known = self.count(*MOVED), self.count(*MOVED, basis=(CATALOGUE,))
        if lost := self.count(LOST):
            return Verdict.UNKNOWN, f"{lost:,} subnets have no region in the second map that had one in the first"
        if unneeded := self.count(WITHOUT_NEED):
            return Verdict.UNKNOWN, f"{unneeded:,} subnets moved though their region is in service"
        if moved and known < ENOUGH_JUDGED:
            return Verdict.UNKNOWN, f"of {moved:,} subnets that moved, the catalogue knows the place of {known}"
        if not self.count(STAYED, *MOVED, basis=(CATALOGUE,)):
            return Verdict.UNKNOWN, "the catalogue knows the place of none of these subnets"
        if not moved:
            return Verdict.PASS, "nobody moved, and nobody should have"
        return Verdict.PASS, f"of {moved:,} subnets that moved, all {known:,} in known places are where they should be"


MOST_SHOWN = 1000


def compare(
    before: Path,
    after: Path,
    vantages: Iterable[Vantage],
    *,
    out: Sequence[RegionName] = (),
    save: Path | None = None,
) -> Comparison:
    """`out`: regions known to be out of service in the second map; empty: inferred. `save`: every row, as Parquet.

    Raises:
        UsageError: a file is no map, they are of different services, have no subnet in common, or `save` fails.
    """
    import duckdb

    about_before, about_after = read_about(before), read_about(after)
    if about_before.domain_name != about_after.domain_name:
        raise UsageError(
            f"{before} is a map of {about_before.domain_name} and {after} of {about_after.domain_name}: "
            "compare two maps of one name"
        )
    with duckdb.connect() as connection:
        only_before, only_after = _join(connection, before, after)
        served = _served(connection)
        in_use = sorted({region for region, _, _ in served} | {*about_before.regions, *about_after.regions})
        if unknown := [region for region in out if region not in in_use]:
            raise UsageError(f"region {unknown[0]!r} is in neither map; they have {', '.join(in_use)}")
        compared = sum(was for _, was, _ in served)
        left = {region for region, was, now in served if now < OUT_BELOW * was and was > _few(compared)}
        gone = tuple(region for region in in_use if region in left or region in out)
        returned = tuple(region for region, was, now in served if was < OUT_BELOW * now and now > _few(compared))
        _judge(connection, _orders(vantages, in_use, out=gone, returned=returned), gone, returned)
        if save is not None:
            _save(connection, save)
        return Comparison(
            before=about_before,
            after=about_after,
            compared=compared,
            only_before=only_before,
            only_after=only_after,
            out=gone,
            out_given=tuple(out),
            returned=returned,
            flows=tuple(_flows(connection)),
            misplaced=tuple(_misplaced(connection)),
        )


def _join(connection: DuckDBPyConnection, before: Path, after: Path) -> tuple[int, int]:
    """Makes the table `pairs` of subnets in both maps; returns how many are in one alone."""
    connection.execute(
        """
        CREATE TABLE pairs AS
        SELECT b.subnet, b.version, b.network, coalesce(a.vantage, b.vantage) AS vantage,
               CASE b.status WHEN 'ok' THEN b.region END AS was, CASE a.status WHEN 'ok' THEN a.region END AS now
        FROM read_parquet($before) b JOIN read_parquet($after) a USING (version, network, prefix_length)
        """,
        {"before": str(before), "after": str(after)},
    )
    (common,) = connection.execute("SELECT count(*) FROM pairs").fetchone() or (0,)
    sizes = [
        (connection.execute("SELECT count(*) FROM read_parquet($path)", {"path": str(path)}).fetchone() or (0,))[0]
        for path in (before, after)
    ]
    if not common:
        raise UsageError(
            f"{before} and {after} have no subnet in common: sweep both with the same --subnets and --seed"
        )
    return sizes[0] - common, sizes[1] - common


def _served(connection: DuckDBPyConnection) -> list[tuple[RegionName, int, int]]:
    """(region, subnets before, subnets after), of those that have a region in both maps."""
    return connection.execute(
        """
        SELECT region, count(*) FILTER (side = 'was'), count(*) FILTER (side = 'now')
        FROM (UNPIVOT (SELECT was, now FROM pairs WHERE was IS NOT NULL AND now IS NOT NULL)
              ON was, now INTO NAME side VALUE region)
        GROUP BY region ORDER BY region
        """
    ).fetchall()


def _few(compared: int) -> float:
    """So many subnets may be mistakes: what so few do says nothing about a region."""
    return max(1.0, compared / 1000)


class _Order(msgspec.Struct, frozen=True):
    """Of one vantage and the region that served it before: where it should be served now, by its round trips."""

    vantage: str
    was: RegionName
    expected: RegionName
    """The nearest in service."""
    accepted: tuple[RegionName, ...]
    """It, and what is as near within the margin."""
    home: tuple[RegionName, ...]
    """The nearest of all, in service or not, and what is as near."""
    must_move: bool
    """A region that came back is nearer than the one that served it before, by more than the margin."""


def _orders(
    vantages: Iterable[Vantage],
    regions: Sequence[RegionName],
    *,
    out: Sequence[RegionName],
    returned: Sequence[RegionName],
) -> list[_Order]:
    """None of a vantage from which the catalogue lacks a round trip, or when no region is in service."""
    serving = [region for region in regions if region not in out]
    back = [region for region in returned if region in serving]
    return [
        _Order(
            vantage=vantage.name,
            was=was,
            expected=min(serving, key=vantage.rtt_ms.__getitem__),
            accepted=_nearest(serving, vantage.rtt_ms),
            home=_nearest(regions, vantage.rtt_ms),
            must_move=any(vantage.rtt_ms[was] - vantage.rtt_ms[region] > MARGIN_MS for region in back),
        )
        for vantage in vantages
        if serving and all(region in vantage.rtt_ms for region in regions)
        for was in regions
    ]


def _nearest(regions: Sequence[RegionName], rtt_ms: Mapping[RegionName, float]) -> tuple[RegionName, ...]:
    least_ms = min(rtt_ms[region] for region in regions)
    return tuple(region for region in regions if rtt_ms[region] - least_ms <= MARGIN_MS)


def _judge(
    connection: DuckDBPyConnection,
    orders: Sequence[_Order],
    out: Sequence[RegionName],
    returned: Sequence[RegionName],
) -> None:
    """Makes the table `judged`: `pairs`, each with its change, its basis and the region expected."""
    connection.execute(
        "CREATE TABLE orders (vantage VARCHAR, was VARCHAR, expected VARCHAR, accepted VARCHAR[], home VARCHAR[], "
        "must_move BOOLEAN)"
    )
    if orders:
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", [list(_fields(one)) for one in orders])
    _neighbours(connection)
    connection.execute(
        f"""
        CREATE TABLE judged AS
        WITH known AS (
            SELECT *, was = now AS same, list_contains($out, was) AS gone, list_contains($returned, now) AS back
            FROM pairs LEFT JOIN orders USING (vantage, was) LEFT JOIN near USING (version, network, subnet)
        )
        SELECT subnet, version, network, vantage, was, now,
            CASE
                WHEN was IS NULL AND now IS NULL THEN '{NEVER}'
                WHEN now IS NULL THEN '{LOST}'
                WHEN was IS NULL THEN '{FOUND}'
                WHEN same AND gone THEN '{SHOULD_HAVE_MOVED}'
                WHEN same AND expected IS NOT NULL THEN if(must_move, '{SHOULD_HAVE_MOVED}', '{STAYED}')
                WHEN same THEN if(near <> now, '{SHOULD_HAVE_MOVED}', '{STAYED}')
                WHEN expected IS NOT NULL THEN
                    CASE WHEN list_contains(accepted, now) THEN if(list_contains(home, now), '{HOME}', '{SECOND_BEST}')
                         WHEN list_contains(accepted, was) THEN '{WITHOUT_NEED}'
                         ELSE '{ELSEWHERE}' END
                WHEN NOT gone AND NOT back THEN '{WITHOUT_NEED}'
                WHEN near = now THEN if(back, '{HOME}', '{SECOND_BEST}')
                WHEN near IS NOT NULL AND NOT back THEN '{ELSEWHERE}'
                ELSE '{UNJUDGED}'
            END AS change,
            CASE
                WHEN was IS NULL OR now IS NULL THEN NULL
                WHEN same AND gone THEN '{REGION_OUT}'
                WHEN expected IS NOT NULL THEN '{CATALOGUE}'
                WHEN NOT same AND NOT gone AND NOT back THEN '{IN_SERVICE}'
                WHEN near = now OR (near IS NOT NULL AND NOT back) THEN '{BY_NEIGHBOURS}'
            END AS basis,
            CASE
                WHEN was IS NULL OR now IS NULL THEN NULL
                WHEN expected IS NOT NULL THEN expected
                WHEN NOT same AND NOT gone AND NOT back THEN was
                WHEN NOT list_contains($out, near) THEN near
            END AS expected
        FROM known
        """,
        {"out": list(out), "returned": list(returned)},
    )


def _fields(order: _Order) -> Iterable[object]:
    return (list(value) if isinstance(value, tuple) else value for value in msgspec.structs.astuple(order))


def _neighbours(connection: DuckDBPyConnection) -> None:
    """Makes the table `near`: where those of the smallest telling block are now that were served alike before."""
    connection.execute("CREATE TABLE near (version UTINYINT, network UBIGINT, subnet VARCHAR, near VARCHAR)")
    for v4_bits, v6_bits in zip(_BLOCK_BITS[4], _BLOCK_BITS[6], strict=True):
        connection.execute(
            f"""
            INSERT INTO near
            WITH open AS (
                SELECT *, network >> if(version = 4, {v4_bits}, {v6_bits}) AS block
                FROM pairs ANTI JOIN near USING (version, network, subnet)
                WHERE was IS NOT NULL AND now IS NOT NULL
            ),
            everyone AS (
                SELECT version, network >> if(version = 4, {v4_bits}, {v6_bits}) AS block, was, now, count(*) AS n
                FROM pairs WHERE was IS NOT NULL AND now IS NOT NULL GROUP BY ALL
            ),
            blocks AS (
                SELECT version, block, was, sum(n) AS n, arg_max(now, n) AS near, max(n) AS most
                FROM everyone GROUP BY ALL
            )
            SELECT version, network, subnet, near FROM open JOIN blocks USING (version, block, was)
            WHERE n - 1 >= {NEIGHBOURS} AND (most - (now = near)::INTEGER) >= {AGREEMENT} * (n - 1)
            """
        )


def _flows(connection: DuckDBPyConnection) -> Iterable[Flow]:
    rows = connection.execute(
        "SELECT was, now, change, basis, count(*) FROM judged GROUP BY ALL ORDER BY 5 DESC, was, now, change, basis"
    ).fetchall()
    return (
        Flow(before=was, after=now, change=change, basis=basis, subnets=count)
        for was, now, change, basis, count in rows
    )


def _misplaced(connection: DuckDBPyConnection) -> Iterable[Misplaced]:
    rows = connection.execute(
        f"""
        SELECT subnet, vantage, was, now, expected, change, basis FROM judged
        WHERE list_contains($misplaced, change)
        ORDER BY NOT list_contains($proof, basis), change DESC, version, network LIMIT {MOST_SHOWN}
        """,
        {"misplaced": list(MISPLACED), "proof": list(_PROOF)},
    ).fetchall()
    return (
        Misplaced(subnet=subnet, vantage=vantage, before=was, after=now, expected=expected, change=change, basis=basis)
        for subnet, vantage, was, now, expected, change, basis in rows
    )


def _save(connection: DuckDBPyConnection, path: Path) -> None:
    import duckdb

    try:
        connection.execute(
            "COPY (SELECT subnet, vantage, was AS before, now AS after, change, basis, expected FROM judged "
            "ORDER BY version, network) TO $path (FORMAT parquet, COMPRESSION zstd)",
            {"path": str(path)},
        )
    except duckdb.IOException as error:
        raise UsageError(f"comparison {path} cannot be written: {str(error).splitlines()[0]}") from error
