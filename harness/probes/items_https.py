"""The application's own API in one region, past DNS: POST /data makes an item, GET /data/{pk} reads one."""

from __future__ import annotations

import contextlib
import http.client
from urllib.parse import quote

import msgspec

from harness.errors import TargetError
from harness.events import Item
from harness.probes.endpoint import PinnedConnection
from harness.probes.refusals import ACCESS_DENIED, THROTTLED, Failure, refused, unsure
from harness.stack import RegionName
from harness.target import Target


class Made(msgspec.Struct, frozen=True):
    key: str
    item: Item


class _Shown(msgspec.Struct):
    """What the application replies, errors included; each reply has some of it."""

    pk: str = ""
    name: str = ""
    region: str = ""
    error: str = ""
    cause: str = ""


class _Reply(msgspec.Struct, frozen=True):
    status: int
    shown: _Shown


def post_item(target: Target, region: RegionName, value: str) -> Made | Failure:
    """Makes an item of that name; its key is the application's choice."""
    reply = _ask(target, region, "POST", "/data", msgspec.json.encode({"name": value}))
    if isinstance(reply, Failure):
        return reply
    if reply.status == 200 and reply.shown.pk:
        return Made(reply.shown.pk, {"name": value, "region": reply.shown.region})
    return _judge(reply)


def get_item(target: Target, region: RegionName, key: str) -> Item | Failure | None:
    """None when there is no such item."""
    reply = _ask(target, region, "GET", f"/data/{quote(key, safe='')}")
    if isinstance(reply, Failure):
        return reply
    if reply.status == 200 and reply.shown.pk == key:
        return {"name": reply.shown.name, "region": reply.shown.region}
    # Only the application's own 404 says so: the gateway has one too, for a path or host that it does not know.
    if reply.status == 404 and reply.shown.error == "Not found":
        return None
    return _judge(reply)


def _ask(target: Target, region: RegionName, method: str, path: str, body: bytes | None = None) -> _Reply | Failure:
    """One request on a connection of its own: on a kept one a failure would not tell whether it was sent."""
    host = target.stack.domain_name
    try:
        address = target.resolve_host(target.stack.in_region(region).domain_target)[0]
        connection = PinnedConnection(address, host, target)
        connection.connect()
    except (OSError, TargetError) as error:
        return refused(f"not sent: {error}")
    headers = {"Host": host, "Connection": "close"} | ({"Content-Type": "application/json"} if body else {})
    with contextlib.closing(connection):
        try:
            connection.request(method, path, body=body, headers=headers)
            reply = connection.getresponse()
            content = reply.read()
        except (OSError, http.client.HTTPException) as error:
            return unsure(str(error) or type(error).__name__)
    return _Reply(reply.status, _shown(content))


def _shown(content: bytes) -> _Shown:
    try:
        return msgspec.json.decode(content, type=_Shown)
    except msgspec.MsgspecError:
        return _Shown()


def _judge(reply: _Reply) -> Failure:
    """Of a 5xx, only one that names DynamoDB's refusal as its cause surely had no effect."""
    if reply.status == 429:
        return refused(THROTTLED)
    if reply.shown.cause == "AccessDeniedException":
        return refused(ACCESS_DENIED)
    explained = " ".join(word for word in (f"status {reply.status}", reply.shown.error, reply.shown.cause) if word)
    return refused(explained) if 400 <= reply.status < 500 or reply.shown.cause else unsure(explained)
