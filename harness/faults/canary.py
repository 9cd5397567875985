"""An item that is written in one region and looked for in others: what replication does, seen from outside."""

from __future__ import annotations

import contextlib
import uuid
from types import TracebackType
from typing import Self

from botocore.exceptions import ClientError

from harness.aws import aws_errors
from harness.errors import TargetError
from harness.stack import RegionName
from harness.target import Target

LOOK_EVERY_S = 0.25
CANARY_ACTIONS = ("dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:DeleteItem")


class Canary:
    """One item of a key of its own; when the block ends it is deleted in every region that can be reached."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._clock = target.new_clock()
        self._key = {"pk": {"S": f"harness#canary#{uuid.uuid4().hex}"}}
        self._written_in: list[RegionName] = []

    def write(self, region: RegionName, value: str, *, once: bool = False) -> float:
        """Returns when it was acknowledged, on the canary's own clock. `once`: a refusal is not tried again."""
        table = self._table(region)
        self._written_in.append(region)
        client = self._target.aws.dynamodb_once(region) if once else self._target.dynamodb(region)
        with aws_errors(f"writing a canary to table {table} in {region}"):
            client.put_item(TableName=table, Item={**self._key, "value": {"S": value}})
        return self._clock.now_s()

    def read(self, region: RegionName) -> str | None:
        """The value there; None when the item is not there."""
        table = self._table(region)
        try:
            found = self._target.dynamodb(region).get_item(TableName=table, Key=self._key).get("Item", {})
        except ClientError as error:
            raise TargetError(f"reading a canary from table {table} in {region}: {error}") from error
        value = found.get("value")
        return value["S"] if value else None

    def arrives(self, value: str, *regions: RegionName, since_s: float, within_s: float) -> float | None:
        """Seconds after `since_s` at which one of them was seen to have `value`; None when not within `within_s`."""
        while True:
            here = any(self.read(region) == value for region in regions)
            after_s = self._clock.now_s() - since_s
            if here or after_s > within_s:
                return after_s if here else None
            self._clock.sleep_until_s(self._clock.now_s() + LOOK_EVERY_S)

    def wait_s(self, seconds: float) -> None:
        self._clock.sleep_until_s(self._clock.now_s() + seconds)

    def _table(self, region: RegionName) -> str:
        return self._target.stack.in_region(region).table_name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for region in dict.fromkeys((*self._written_in, *self._target.stack.region_names)):
            # One that cannot be reached just now gets the deletion by replication, later.
            with contextlib.suppress(TargetError), aws_errors("deleting a canary"):
                self._target.dynamodb(region).delete_item(TableName=self._table(region), Key=self._key)
