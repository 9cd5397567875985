"""What one of the lab's resolvers is told to be, and what there is of it."""

from __future__ import annotations

import re

import msgspec

from harness.resolving import Behaviour
from harness.stack import RegionName

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class ResolverSettings(Behaviour, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Its behaviour, as of any resolver, and what only a lab can do to one. Seconds are the lab's."""

    region: RegionName = "us-east-1"
    """Where it stands: name servers that get no client subnet from it take its users to be there."""
    reaches_name_servers: bool = True
    """False: no question of its own is answered any more, so nothing can be refreshed."""
    answers: bool = True
    """False: its users get no reply at all."""


class ResolverInfo(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    address: str
    """"127.9.1.2:20053", UDP and TCP."""
    settings: ResolverSettings
    """As in force now."""
    overridden: bool = False
    """By its lever: undoing that gives it back the settings that it was made with."""
    asked: int = 0
    """Questions that it got."""
    refreshed: int = 0
    """Questions that it put to the name server."""
    served_stale: int = 0


class ResolversPage(msgspec.Struct, frozen=True, kw_only=True):
    resolvers: tuple[ResolverInfo, ...]


def is_resolver_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None
