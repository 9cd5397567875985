"""An undo journal in S3, for runs from several machines: `s3://bucket/key`, and its lock beside it at `key.lock`.

The journal is one object of lines, rewritten under its ETag (`IfMatch`): of two writers that read the same lines, S3
lets one win. One object rather than one for each entry, because a single strongly consistent read then tells all that
is open, the ETag fences off a writer that lost its lock without knowing, and `aws s3 cp` makes it a journal file.

The lock is an object, too: made with `IfNoneMatch`, renewed and taken over with `IfMatch`. Its lease is counted by S3's
own clock (Date against Last-Modified), so machines whose clocks disagree do not disagree about it. It needs
s3:GetObject and s3:PutObject on both keys, and s3:ListBucket, without which S3 says 403 of a key that is not there.
"""

from __future__ import annotations

import re
import threading
import time
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from harness.aws import Aws, aws_errors
from harness.errors import HarnessError, JournalOpen, JournalUnwritable, TargetError, UsageError
from harness.faults.journal_store import Holder

LEASE_WALL_S = 60.0
RENEW_EVERY_WALL_S = 15.0
WRITE_ATTEMPTS = 8
COMPACT_ABOVE_BYTES = 256 * 1024
"""Each line writes the whole object again: above this, entries that were closed are left out of it."""

_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^/].*)")
_NOT_THERE = frozenset({"NoSuchKey", "404"})
_LOST_THE_RACE = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409", "NoSuchKey"})


class _Lock(msgspec.Struct, frozen=True, kw_only=True):
    """What the lock object holds; without a holder it is free."""

    holder: Holder | None


class _Object(msgspec.Struct, frozen=True, kw_only=True):
    body: bytes
    etag: str | None
    """None: there is no such object."""
    age_s: float = 0.0
    """Since it was written, by S3's clock."""


class S3Store:
    """Raises UsageError when `where` is no s3://bucket/key."""

    def __init__(self, where: str, aws: Aws) -> None:
        match = _ADDRESS.fullmatch(where)
        if not match:
            raise UsageError(f"undo journal {where}: an address in S3 is s3://bucket/key, with a key")
        self.where = where
        self._bucket, self._key = match.groups()
        self._aws = aws
        self._lock_etag: str | None = None
        self._holder: Holder | None = None
        self._renewed_s = 0.0
        self._lost: str | None = None
        self._seen: _Object | None = None
        self._ending = threading.Event()
        self._renewing: threading.Thread | None = None

    # The lock

    def lock(self, holder: Holder) -> None:
        mine = _encode(_Lock(holder=holder))
        for attempt in range(WRITE_ATTEMPTS):
            there = self._get(self._lock_key)
            if attempt and there.body == mine and there.etag:
                # The attempt before took effect, and its reply did not come back.
                return self._hold(holder, there.etag)
            self._refuse_if_held(there)
            etag = self._put(self._lock_key, mine, there.etag)
            if etag:
                return self._hold(holder, etag)
        raise JournalOpen(f"undo journal {self.where}: others were quicker {WRITE_ATTEMPTS} times; try again")

    def free_in_s(self) -> float:
        there = self._get(self._lock_key)
        return 0.0 if _holder_of(there) is None else max(0.0, LEASE_WALL_S - there.age_s)

    def _refuse_if_held(self, there: _Object) -> None:
        holder = _holder_of(there)
        if holder is None or there.age_s > LEASE_WALL_S or holder.is_dead:
            return
        raise JournalOpen(
            f"{holder} is injecting faults into this target (it holds {self.where}, last renewed {there.age_s:.0f} s "
            f"ago): wait for it to end, or stop it. If it is dead, its lease ends after {LEASE_WALL_S:.0f} s"
        )

    def _hold(self, holder: Holder, etag: str) -> None:
        self._holder, self._lock_etag, self._renewed_s = holder, etag, time.monotonic()
        self._renewing = threading.Thread(target=self._renew, name="journal-lease", daemon=True)
        self._renewing.start()

    def _renew(self) -> None:
        """Until release. A lease that could not be renewed in time is lost: others may hold the journal by now."""
        while not self._ending.wait(RENEW_EVERY_WALL_S):
            began_s = time.monotonic()
            try:
                etag = self._renewed()
            except HarnessError as error:
                if time.monotonic() - self._renewed_s > LEASE_WALL_S:
                    self._lost = f"its lease could not be renewed for {LEASE_WALL_S:.0f} s: {error}"
                    return
                continue
            if etag is None:
                self._lost = "another process has taken it over"
                return
            self._lock_etag, self._renewed_s = etag, began_s

    def _renewed(self) -> str | None:
        """The lock's new ETag; None when somebody else's is there."""
        mine = _encode(_Lock(holder=self._holder))
        etag = self._put(self._lock_key, mine, self._lock_etag)
        if etag is None:
            there = self._get(self._lock_key)
            etag = there.etag if there.body == mine else None
        return etag

    def lost(self) -> str | None:
        if self._lost is None and self._holder and time.monotonic() - self._renewed_s > LEASE_WALL_S:
            # Also after the machine slept, when the thread had no chance to notice.
            self._lost = f"its lease was not renewed for {LEASE_WALL_S:.0f} s"
        return self._lost

    def release(self) -> None:
        self._ending.set()
        if self._renewing:
            self._renewing.join(LEASE_WALL_S)
            self._renewing = None
        if self._holder and self._lost is None:
            self._holder = None
            try:
                self._put(self._lock_key, _encode(_Lock(holder=None)), self._lock_etag)
            except HarnessError:
                return  # Its lease ends by itself.

    # The lines

    def read(self) -> bytes:
        self._seen = self._get(self._key)
        return self._seen.body

    def append(self, line: bytes, *, only_if_ours: bool) -> None:
        if only_if_ours and self.lost():
            raise JournalOpen(f"undo journal {self.where} is not this run's any more: {self._lost}")
        try:
            self._append(line, only_if_ours=only_if_ours)
        except TargetError as error:
            raise JournalUnwritable(f"undo journal {self.where} cannot be written: {error}") from error

    def _append(self, line: bytes, *, only_if_ours: bool) -> None:
        there = self._seen or self._get(self._key)
        for _attempt in range(WRITE_ATTEMPTS):
            body = compacted(there.body) + line + b"\n"
            etag = self._put(self._key, body, there.etag)
            if etag:
                self._seen = _Object(body=body, etag=etag)
                return
            there = self._seen = self._get(self._key)
            if line in there.body.split(b"\n"):
                return  # An attempt took effect whose reply did not come back.
            if only_if_ours and self._get(self._lock_key).etag != self._lock_etag:
                raise JournalOpen(f"undo journal {self.where} was taken over by another process")
        raise JournalUnwritable(f"undo journal {self.where}: others were quicker {WRITE_ATTEMPTS} times")

    # S3

    @property
    def _lock_key(self) -> str:
        return f"{self._key}.lock"

    def _get(self, key: str) -> _Object:
        from botocore.exceptions import ClientError

        with aws_errors(f"reading s3://{self._bucket}/{key}"):
            try:
                reply = self._aws.s3().get_object(Bucket=self._bucket, Key=key)
                body = reply["Body"].read()
            except ClientError as error:
                if _code(error) in _NOT_THERE:
                    return _Object(body=b"", etag=None)
                raise
        now = parsedate_to_datetime(reply["ResponseMetadata"]["HTTPHeaders"]["date"])
        return _Object(body=body, etag=reply["ETag"], age_s=(now - reply["LastModified"]).total_seconds())

    def _put(self, key: str, body: bytes, etag: str | None) -> str | None:
        """The new ETag; None when the object is not any more what `etag` says (None: not there)."""
        from botocore.exceptions import ClientError

        condition: dict[str, Any] = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        with aws_errors(f"writing s3://{self._bucket}/{key}"):
            try:
                return self._aws.s3().put_object(Bucket=self._bucket, Key=key, Body=body, **condition)["ETag"]
            except ClientError as error:
                if _code(error) in _LOST_THE_RACE:
                    return None
                raise


class _Line(msgspec.Struct):
    entry: str
    id: str


def compacted(body: bytes) -> bytes:
    """The lines of entries that are open, when all are too many; what cannot be read is kept for a person to see."""
    if len(body) <= COMPACT_ABOVE_BYTES:
        return body
    kept: dict[bytes, str] = {}
    closed: set[str] = set()
    for line in filter(None, body.split(b"\n")):
        try:
            read = msgspec.json.decode(line, type=_Line)
        except msgspec.MsgspecError:
            kept[line] = ""
            continue
        if read.entry == "closed":
            closed.add(read.id)
        else:
            kept[line] = read.id
    return b"".join(line + b"\n" for line, of in kept.items() if of not in closed)


def _holder_of(lock: _Object) -> Holder | None:
    if not lock.etag:
        return None
    try:
        return msgspec.json.decode(lock.body, type=_Lock).holder
    except msgspec.MsgspecError:
        # Of another version: somebody, until the lease is over.
        return Holder(run="of another version", host="?", pid=0)


def _encode(lock: _Lock) -> bytes:
    return msgspec.json.encode(lock)


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
