"""Histories of items for tests: single writes and reads with plain defaults."""

from __future__ import annotations

from builders import EU

from harness.events import Item, ItemRead, ItemWrite, Operation, Outcome


def both(value: str) -> Item:
    """The item that a put of `value` leaves."""
    return {"a": value, "b": value}


def wrote(
    value: str,
    at_s: tuple[float, float],
    *,
    region: str = EU,
    key: str = "k",
    operation: Operation = Operation.PUT,
    item: Item | None = None,
    outcome: Outcome = Outcome.OK,
    client: str | None = None,
    based_on: str | None = None,
) -> ItemWrite:
    """A put unless told otherwise. The item of a put is known from its value; of an update, only when given."""
    puts = operation not in (Operation.DELETE, Operation.UPDATE)
    return ItemWrite(
        start_s=at_s[0],
        end_s=at_s[1],
        source="items",
        client=client or f"writer-{region}",
        region=region,
        operation=operation,
        key=key,
        value=value,
        item=both(value) if puts and item is None and outcome is not Outcome.FAIL else item,
        based_on=based_on,
        outcome=outcome,
    )


def deleted(value: str, at_s: tuple[float, float], **fields) -> ItemWrite:
    return wrote(value, at_s, operation=Operation.DELETE, **fields)


def saw(
    shown: str | Item | None,
    at_s: tuple[float, float],
    *,
    region: str = EU,
    key: str = "k",
    consistent: bool = True,
    outcome: Outcome = Outcome.OK,
    client: str | None = None,
) -> ItemRead:
    """A consistent read that showed an item, the item of a put of that value, or none."""
    return ItemRead(
        start_s=at_s[0],
        end_s=at_s[1],
        source="items",
        client=client or f"reader-{region}",
        region=region,
        key=key,
        consistent=consistent,
        item=both(shown) if isinstance(shown, str) else shown,
        outcome=outcome,
    )
