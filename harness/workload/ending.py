"""After the traffic: what every region says of every item, and the items' removal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from harness.aws import aws_errors
from harness.errors import TargetError
from harness.events import ItemRead, ItemWrite, Outcome
from harness.history import History
from harness.probes.items import KEY, read
from harness.recorder import Recorder
from harness.stack import RegionalStack, RegionName
from harness.target import Target
from harness.workload.preflight import check_opted_in

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef

READ_ATTEMPTS = 3
READ_AGAIN_AFTER_S = 2.0
BATCH = 25
"""DynamoDB's limit for BatchWriteItem."""
PAUSE_WALL_S = 0.2
"""After DynamoDB put some of a batch back."""
REMOVED_WITHIN_WALL_S = 60.0


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a history's items. They were deleted in one region, and the others follow by replication."""

    deleted: int
    left: tuple[str, ...] = ()
    """Keys that could not be deleted."""
    unnamed: int = 0
    """Writes through the application whose reply was lost: an item may be there under a key that nobody knows."""
    reason: str | None = None
    """Why some are left."""


def keys_written(history: History) -> tuple[str, ...]:
    """Of every item that may have been written, in order of the first write; those whose key is not known excepted."""
    writes = (write for write in history.of(ItemWrite) if write.outcome is not Outcome.FAIL and write.key)
    return tuple(dict.fromkeys(write.key for write in writes))


def read_everything(target: Target, recorder: Recorder, keys: Sequence[str]) -> tuple[ItemRead, ...]:
    """One strongly consistent read of each key in each region, recorded; a read that failed is made again, twice.

    For the end of a run, when replication had time to finish: what regions still disagree on now, they disagree on.
    """

    def everything_in(region: RegionName) -> list[ItemRead]:
        return [_read_surely(target, recorder, key, region) for key in keys]

    regions = target.stack.region_names
    with ThreadPoolExecutor(max_workers=len(regions), thread_name_prefix="final") as pool:
        return tuple(seen for found in pool.map(everything_in, regions) for seen in found)


def _read_surely(target: Target, recorder: Recorder, key: str, region: RegionName) -> ItemRead:
    clock = recorder.clock
    for attempt in range(READ_ATTEMPTS):
        if attempt:
            clock.sleep_until_s(clock.now_s() + READ_AGAIN_AFTER_S)
        seen = read(target, clock, key, client=f"final:{region}", region=region, consistent=True)
        recorder.record(seen)
        if seen.outcome is Outcome.OK:
            break
    return seen


def clean_up(target: Target, history: History, *, within_wall_s: float = REMOVED_WITHIN_WALL_S) -> Removal:
    """Deletes the items that the history's writes may have made, in the main region.

    For a stack that is whole: while replication is paused, the deletes come late to the other regions.

    Raises:
        NotOptedIn: the table does not carry the tag that allows it. Nothing was deleted.
    """
    removal = remove_items(target, keys_written(history), within_wall_s=within_wall_s)
    return msgspec.structs.replace(removal, unnamed=_unnamed(history))


def remove_items(target: Target, keys: Sequence[str], *, within_wall_s: float = REMOVED_WITHIN_WALL_S) -> Removal:
    """Deletes the items of these keys, in the main region. Raises NotOptedIn as `clean_up` does."""
    main = target.stack.regions[0]
    check_opted_in(target, main)
    left = list(keys)
    total, reason = len(left), None
    deadline = time.monotonic() + within_wall_s
    while left and reason is None:
        if time.monotonic() > deadline:
            reason = f"not done within {within_wall_s:.0f} s"
        else:
            try:
                unprocessed = _delete(target, main, left[:BATCH])
            except TargetError as error:
                reason = str(error)
            else:
                left = left[BATCH:] + unprocessed
                time.sleep(PAUSE_WALL_S if unprocessed else 0)
    return Removal(deleted=total - len(left), left=tuple(left), reason=reason)


def _delete(target: Target, regional: RegionalStack, keys: Sequence[str]) -> list[str]:
    """The keys that DynamoDB put back, as it does when throttled."""
    requests: list[WriteRequestTypeDef] = [{"DeleteRequest": {"Key": {KEY: {"S": key}}}} for key in keys]
    with aws_errors(f"deleting {len(keys)} items of table {regional.table_name} in {regional.region}"):
        reply = target.dynamodb(regional.region).batch_write_item(RequestItems={regional.table_name: requests})
    put_back = reply.get("UnprocessedItems", {}).get(regional.table_name, [])
    return [request["DeleteRequest"]["Key"][KEY]["S"] for request in put_back]


def _unnamed(history: History) -> int:
    return sum(write.outcome is Outcome.UNKNOWN and not write.key for write in history.of(ItemWrite))
