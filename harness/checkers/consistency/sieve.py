"""Which keys could break a property, found in columns: all that do, and few that do not.

The definitions then judge only those keys. So the sieve may let through too much, never too little; a test holds both
engines to the same violations. It is coarser than the definitions in one way: it takes the regions' clocks to agree, so
that every write that began after another was over is later.

One thought carries it. Of each item that a region showed (and of "no item", told apart by the newest delete that can
explain it) take since when it was seen and until when it was asked for, and order these by when their writes began. In
a replica that only gets newer, what began later is seen first after what began earlier was asked for last. Where that
does not hold (`_DISORDERED`) the region went back, or the writes were concurrent: `_SUSPICIOUS` then looks exactly.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from harness.checkers.consistency.judged import Samples
from harness.checkers.consistency.rules import Rules, Stretch
from harness.columns import Columns
from harness.events import ItemWrite
from harness.stack import RegionName

_TABLES = (
    """
    CREATE TEMP TABLE writes AS
    SELECT
        line, key, region, client, value, start_s AS began_s, end_s, ok AS acknowledged, deletes,
        CASE WHEN ok THEN end_s ELSE 'infinity'::DOUBLE END AS over_s,
        updates AND NOT has_item AS unseen,
        CASE WHEN deletes THEN NULL WHEN has_item THEN item_a WHEN NOT updates THEN value END AS item_a,
        CASE WHEN deletes THEN NULL WHEN has_item THEN item_b WHEN NOT updates THEN value END AS item_b
    FROM operations WHERE writes AND NOT failed AND NOT keyless AND start_s <= getvariable('until_s')
    """,
    """
    CREATE TEMP VIEW looks AS
    SELECT *, CASE WHEN consistent THEN start_s ELSE start_s - getvariable('settle_s') END AS asked_s
    FROM operations WHERE reads AND ok AND NOT keyless AND start_s <= getvariable('until_s')
    """,
    # Each item that a region showed, and the write that explains it. An update whose result nobody saw explains every
    # item with its value in one attribute and any written one, or none, in the other.
    """
    CREATE TEMP TABLE items AS
    SELECT key, region, item_a, item_b, min(end_s) AS seen_s, max(asked_s) AS asked_s
    FROM looks WHERE has_item GROUP BY ALL
    """,
    """
    CREATE TEMP TABLE shown AS
    SELECT items.*, writes.began_s, writes.over_s
    FROM items LEFT JOIN writes USING (key, item_a, item_b)
    """,
    """
    CREATE TEMP TABLE unexplained AS SELECT * FROM shown WHERE began_s IS NULL
    """,
    """
    CREATE TEMP TABLE unseen AS
    WITH hinted AS (SELECT DISTINCT key FROM unexplained),
    written AS (
        SELECT key, unnest([item_a, item_b]) AS value FROM writes SEMI JOIN hinted USING (key) WHERE item_a IS NOT NULL
        UNION SELECT key, value FROM writes SEMI JOIN hinted USING (key) WHERE unseen
        UNION SELECT key, hash(NULL::VARCHAR, NULL::VARCHAR) FROM hinted
    ),
    halves AS (
        SELECT *, item_a AS own, item_b AS other FROM unexplained
        UNION ALL SELECT *, item_b, item_a FROM unexplained
    )
    SELECT halves.key, halves.region, item_a, item_b, seen_s, asked_s,
        max(updates.began_s) AS began_s, min(updates.over_s) AS over_s
    FROM halves
    JOIN (SELECT key, value, began_s, over_s FROM writes WHERE unseen) AS updates
        ON updates.key = halves.key AND updates.value = halves.own
    SEMI JOIN written ON written.key = halves.key AND written.value = halves.other
    GROUP BY ALL
    """,
    """
    DELETE FROM shown WHERE began_s IS NULL
    """,
    """
    INSERT INTO shown SELECT * FROM unseen
    """,
    # "No item", by the newest delete that had begun; none is like one before all time.
    """
    CREATE TEMP TABLE deletes AS
    SELECT key, began_s, max(over_s) OVER (PARTITION BY key ORDER BY began_s) AS over_s FROM writes WHERE deletes
    """,
    """
    CREATE TEMP TABLE absences AS
    SELECT looks.key, region, asked_s, end_s,
        coalesce(deletes.began_s, '-infinity'::DOUBLE) AS began_s,
        coalesce(deletes.over_s, '-infinity'::DOUBLE) AS over_s
    FROM (SELECT * FROM looks WHERE NOT has_item) AS looks
    ASOF LEFT JOIN deletes ON deletes.key = looks.key AND deletes.began_s <= looks.end_s
    """,
)

_DISORDERED = """
    CREATE TEMP TABLE disordered AS
    WITH sightings AS (
        SELECT key, region, began_s, seen_s, asked_s FROM shown
        UNION ALL SELECT key, region, began_s, min(end_s), max(asked_s) FROM absences GROUP BY ALL
        -- A region has surely seen the writes that it acknowledged; each comes after its own item in the order below.
        UNION ALL SELECT key, region, began_s, end_s, NULL FROM writes WHERE acknowledged
    ),
    with_later AS (
        SELECT key, region, asked_s, min(seen_s) OVER (
            PARTITION BY key, region ORDER BY began_s DESC, asked_s DESC NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS later_seen_s FROM sightings
    )
    SELECT DISTINCT key, region FROM with_later WHERE later_seen_s <= asked_s
"""

# Moments in the disordered places, in order of time. What is seen comes before (0), an absence (1), what is asked (2).
_SUSPICIOUS = """
    WITH moments AS (
        SELECT key, region, seen_s AS at_s, 0 AS turn, began_s AS seen_began_s,
            CASE WHEN seen_s <= asked_s THEN asked_s END AS stays_until_s,
            CASE WHEN seen_s <= asked_s THEN seen_s END AS shown_from_s,
            NULL AS over_s, NULL AS gone_asked_s, NULL AS seen_s
        FROM shown SEMI JOIN disordered USING (key, region)
        UNION ALL BY NAME
        SELECT key, region, asked_s AS at_s, 2 AS turn, over_s, seen_s,
            CASE WHEN seen_s > asked_s THEN seen_s END AS shown_from_s
        FROM shown SEMI JOIN disordered USING (key, region)
        UNION ALL BY NAME
        SELECT key, region, end_s AS at_s, 0 AS turn, began_s AS seen_began_s
        FROM writes SEMI JOIN disordered USING (key, region) WHERE acknowledged
        UNION ALL BY NAME
        SELECT key, region, end_s AS at_s, 1 AS turn, asked_s AS gone_asked_s
        FROM absences SEMI JOIN disordered USING (key, region)
        UNION ALL BY NAME
        SELECT key, region, asked_s AS at_s, 2 AS turn, over_s
        FROM absences SEMI JOIN disordered USING (key, region)
    ),
    looked_back AS (
        SELECT *,
            max(seen_began_s) OVER so_far AS newest_began_s,
            max(gone_asked_s) OVER so_far AS absence_asked_s,
            max(stays_until_s) OVER (
                PARTITION BY key, region ORDER BY at_s, turn ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS other_until_s
        FROM moments
        WINDOW so_far AS (PARTITION BY key, region ORDER BY at_s, turn ROWS UNBOUNDED PRECEDING)
    )
    SELECT DISTINCT key FROM looked_back
    WHERE newest_began_s > over_s OR other_until_s >= shown_from_s OR absence_asked_s >= seen_s
"""

_UNEXPLAINED = "SELECT DISTINCT key FROM unexplained ANTI JOIN unseen USING (key, region, item_a, item_b)"

_UNTELLABLE = """
    SELECT key FROM writes GROUP BY key, value HAVING count(*) > 1
    UNION SELECT key FROM shown WHERE seen_s < began_s
"""

_TABLE_OF_LAST_LOOKS = """
    CREATE TEMP TABLE last_looks AS
    SELECT key, region, max_by(struct_pack(has_item, item_a, item_b), (start_s, line)) AS shows
    FROM looks WHERE start_s >= $quiet_from_s GROUP BY key, region
"""

_ENDED_BADLY = """
    SELECT key FROM last_looks GROUP BY key HAVING count(DISTINCT shows) > 1
    UNION
    SELECT last_looks.key
    FROM last_looks
    JOIN (SELECT key, max(began_s) AS began_s FROM writes WHERE acknowledged GROUP BY key) AS newest USING (key)
    LEFT JOIN shown ON shown.key = last_looks.key AND shown.region = last_looks.region
        AND shown.item_a = shows.item_a AND shown.item_b = shows.item_b
    LEFT JOIN (SELECT key, max(over_s) AS over_s FROM deletes GROUP BY key) AS deleted USING (key)
    WHERE newest.began_s
        > CASE WHEN shows.has_item THEN shown.over_s ELSE coalesce(deleted.over_s, '-infinity'::DOUBLE) END
"""

_READS = "SELECT count(*), count(*) FILTER (consistent) FROM looks WHERE start_s >= $from_s"

_OWN_READS = """
    SELECT count(*)
    FROM (SELECT client, region, key, start_s FROM looks WHERE consistent AND start_s >= $from_s) AS looked
    JOIN (SELECT client, region, key, min(end_s) AS since_s FROM writes WHERE acknowledged GROUP BY ALL) AS own
        USING (client, region, key)
    WHERE since_s <= start_s
"""

_KEYS = """
    WITH written AS (
        SELECT key, count(*) AS times, bool_or(deletes) AS deleted, min((began_s, line)) AS first
        FROM writes WHERE acknowledged AND began_s >= $from_s GROUP BY key
    ),
    settled AS (
        SELECT key FROM last_looks
        JOIN (SELECT hash(unnest($regions)) AS region) USING (region)
        GROUP BY key HAVING count(*) = len($regions)
    )
    SELECT
        count(*), count(*) FILTER (times > 1), count(*) FILTER (deleted), count(*) FILTER (settled.key IS NOT NULL),
        min(first) FILTER (settled.key IS NULL)
    FROM written LEFT JOIN settled USING (key)
"""


class Sieve:
    """Its tables are made once, in the columns' own connection; it is good for one judgement."""

    def __init__(self, columns: Columns, rules: Rules, stretch: Stretch) -> None:
        self._columns = columns
        self._stretch = stretch
        columns.run("SET VARIABLE settle_s = $value", value=rules.settle_s)
        columns.run("SET VARIABLE until_s = $value", value=stretch.until_s)
        for statement in (*_TABLES, _DISORDERED):
            columns.run(statement)

    def last_write_end_s(self) -> float:
        """Minus infinity when nothing was written."""
        query = "SELECT max(end_s) FROM operations WHERE writes AND NOT failed AND start_s <= getvariable('until_s')"
        ((end_s,),) = self._columns.rows(query)
        return -math.inf if end_s is None else float(end_s)

    def settle(self, quiet_from_s: float) -> None:
        """From then on, what each region shows is final."""
        self._columns.run(_TABLE_OF_LAST_LOOKS, quiet_from_s=quiet_from_s)

    def suspicious_lines(self) -> list[int]:
        """All operations of the keys that could break a property."""
        queries = (_UNEXPLAINED, _UNTELLABLE, _ENDED_BADLY, _SUSPICIOUS)
        keys = {key for query in queries for (key,) in self._columns.rows(query)}
        query = """
            SELECT line FROM operations
            WHERE (writes AND NOT failed OR reads AND ok) AND start_s <= getvariable('until_s') AND NOT keyless
                AND key IN (SELECT unnest($keys::UBIGINT[]))
        """
        return [line for (line,) in self._columns.rows(query, keys=list(keys))] if keys else []

    def samples(self, regions: Collection[RegionName]) -> Samples:
        from_s = self._stretch.from_s
        ((reads, consistent),) = self._columns.rows(_READS, from_s=from_s)
        ((own,),) = self._columns.rows(_OWN_READS, from_s=from_s)
        ((written, rewritten, deleted, settled, unsettled),) = self._columns.rows(
            _KEYS, from_s=from_s, regions=list(regions)
        )
        return Samples(
            reads=reads,
            consistent_reads=consistent,
            own_reads=own,
            keys_written=written,
            keys_rewritten=rewritten,
            keys_deleted=deleted,
            keys_settled=settled,
            unsettled_key=None if unsettled is None else self._key_of(int(unsettled[1])),
        )

    def _key_of(self, line: int) -> str | None:
        write = self._columns.events([line])[line]
        return write.key if isinstance(write, ItemWrite) else None
