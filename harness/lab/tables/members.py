"""A global table's members, and what travels between them."""

from __future__ import annotations

import msgspec
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models.dynamo_type import Item

from harness.errors import UnknownRegion
from harness.lab.tables.items import ItemKey
from harness.models.replicas import Replica, Stamp
from harness.models.wan import rtt_ms
from harness.stack import RegionName

GlobalTableId = tuple[str, str]
"""(account, table name)."""


class GlobalTable:
    """One table name with a replica in each of several regions of an account."""

    def __init__(self, account: str, name: str) -> None:
        self.account = account
        self.name = name
        self.replicas: dict[RegionName, Replica[ItemKey]] = {}
        """Replaced when it changes, never altered, so that it can be read without a lock."""

    @property
    def id(self) -> GlobalTableId:
        return (self.account, self.name)

    @property
    def regions(self) -> tuple[RegionName, ...]:
        return tuple(self.replicas)


class ReplicatedWrite(msgspec.Struct, frozen=True, kw_only=True):
    """What travels between regions: the whole item as written, or None where it was deleted."""

    table: GlobalTable
    key: ItemKey
    stamp: Stamp
    item: Item | None
    written_s: float | None = None
    """True time at which it was accepted; None when a new replica is being filled."""
    before: Item | None = None
    """The item that it replaced where it was written."""
    stamp_before: Stamp | None = None
    undoes: bool = False
    """Takes itself back where it was written: only ever made by a planted defect."""


def require_measured(region: RegionName) -> None:
    """Raises AWS's validation error for a region that the lab knows no distances of."""
    try:
        rtt_ms(region, region)
    except UnknownRegion as error:
        raise MockValidationException(str(error)) from error
