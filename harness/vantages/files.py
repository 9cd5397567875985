"""Vantages of the user's own, from a TOML file: docs/vantages.md has the format.

[[vantage]]
name = "berlin office"
latitude = 52.52
longitude = 13.40
client_subnet = "198.51.100.0/24"
resolver = { address = "192.0.2.53", ttl_min_s = 300 }
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from harness.errors import InvalidVantages, TargetError
from harness.nameservers import parse_nameserver
from harness.resolving import DnsWay, Resolver
from harness.stack import RegionName, is_region_name
from harness.vantages.catalogue import catalogue
from harness.vantages.vantage import Place, Vantage

_NAME = re.compile(r"[^\s,#@*?\[\]][^,#@*?\[\]]{0,79}")
"""What the grammar of choosing can name again."""


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    like: str = ""
    """A vantage of the catalogue: what is not said is as there."""
    latitude: float | None = None
    longitude: float | None = None
    city: str = ""
    client_subnet: str | None = None
    rtt_ms: dict[RegionName, float] = {}
    resolver: Resolver = Resolver()
    keeps_connection: bool = False
    connection_max_age_s: float | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    vantage: list[_Entry]


class _Wrong(Exception):
    """One entry breaks a rule."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def load_vantages(path: Path) -> tuple[Vantage, ...]:
    """Raises InvalidVantages: the file cannot be read, or breaks a rule; names file, line, vantage, field and rule."""
    try:
        text = path.read_text(encoding="utf-8")
        file = msgspec.convert(tomllib.loads(text), _File)
    except OSError as error:
        raise InvalidVantages(f"vantage file {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidVantages(f"vantage file {path}: {error}") from error
    except msgspec.ValidationError as error:
        raise InvalidVantages(_where(path, text, str(error))) from error
    if not file.vantage:
        raise InvalidVantages(f"vantage file {path}: it has no [[vantage]]")
    vantages: dict[str, Vantage] = {}
    for number, entry in enumerate(file.vantage):
        try:
            if entry.name in vantages:
                raise _Wrong("name", "another one before it has the same name")  # noqa: TRY301
            vantages[entry.name] = _vantage(entry)
        except _Wrong as wrong:
            line = _line_of(text, number, wrong.field)
            raise InvalidVantages(
                f"vantage file {path}, line {line}: vantage {entry.name!r}: {wrong.field}: {wrong}"
            ) from None
    return tuple(vantages.values())


def _vantage(entry: _Entry) -> Vantage:
    if not _NAME.fullmatch(entry.name):
        raise _Wrong("name", "1 to 80 characters, without any of , # @ * ? [ ]")
    if entry.name in {vantage.name for vantage in catalogue()}:
        raise _Wrong("name", "the catalogue has one of that name already")
    like = _liked(entry)
    _check_resolver(entry.resolver)
    if entry.connection_max_age_s is not None and not (entry.keeps_connection and entry.connection_max_age_s > 0):
        raise _Wrong("connection_max_age_s", "above 0, and only with `keeps_connection = true`")
    return Vantage(
        name=entry.name,
        place=_place(entry, like),
        city=entry.city or (like.city if like else ""),
        client_subnet=_subnet(entry.client_subnet) or (like.client_subnet if like else None),
        rtt_ms=_round_trips(entry) or (like.rtt_ms if like else {}),
        rtt_from="the vantage file" if entry.rtt_ms else f"as from {like.name}: {like.rtt_from}" if like else "",
        resolver=entry.resolver,
        keeps_connection=entry.keeps_connection,
        connection_max_age_s=entry.connection_max_age_s,
    )


def _liked(entry: _Entry) -> Vantage | None:
    if not entry.like:
        return None
    wanted = entry.like.lower().replace(" ", "-")
    for vantage in catalogue():
        if wanted in {vantage.name, vantage.name.partition(":")[2]}:
            return vantage
    raise _Wrong("like", f"{entry.like!r} is no vantage of the catalogue; `harness vantages list` shows all")


def _place(entry: _Entry, like: Vantage | None) -> Place:
    latitude = entry.latitude if entry.latitude is not None or like is None else like.place.latitude
    longitude = entry.longitude if entry.longitude is not None or like is None else like.place.longitude
    if latitude is None or longitude is None:
        raise _Wrong("latitude" if latitude is None else "longitude", "must be said, or `like` a vantage")
    if not -90 <= latitude <= 90:
        raise _Wrong("latitude", f"{latitude:g} is not between -90 and 90")
    if not -180 <= longitude <= 180:
        raise _Wrong("longitude", f"{longitude:g} is not between -180 and 180")
    return Place(latitude=latitude, longitude=longitude)


def _subnet(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise _Wrong("client_subnet", f"{error}; write the network, such as 198.51.100.0/24") from None
    if network.prefixlen == 0:
        raise _Wrong("client_subnet", f"{text} is everybody: leave it out to send none")
    return str(network)


def _round_trips(entry: _Entry) -> dict[RegionName, float]:
    for region, rtt_ms in entry.rtt_ms.items():
        if not is_region_name(region):
            raise _Wrong("rtt_ms", f"{region!r} is not a region name")
        if not rtt_ms > 0:
            raise _Wrong("rtt_ms", f"{region}: {rtt_ms:g} ms is no round trip")
    return entry.rtt_ms


def _check_resolver(resolver: Resolver) -> None:
    if resolver.way is not DnsWay.RECURSIVE:
        return
    try:
        parse_nameserver(resolver.address)
    except TargetError:
        ways = ", ".join(way.value for way in DnsWay if way is not DnsWay.RECURSIVE)
        raise _Wrong(
            "resolver", f"address {resolver.address!r} is not an address, address:port or one of {ways}"
        ) from None


def _where(path: Path, text: str, message: str) -> str:
    """msgspec's message with the line that it is about: "... - at `$.vantage[1].resolver`"."""
    what, _, place = message.partition(" - at `$")
    number = re.match(r"\.vantage\[(\d+)\]", place)
    if number is None:
        return f"vantage file {path}: {what}; it holds [[vantage]] tables and nothing else"
    fields = re.findall(r"`(\w+)`", what) + re.findall(r"\.(\w+)", place[number.end() :])[::-1]
    index = int(number.group(1))
    known = ", ".join((Resolver if ".resolver" in place else _Entry).__struct_fields__)
    hint = f"; the fields are {known}" if "unknown field" in what else ""
    return f"vantage file {path}, line {_line_of(text, index, *fields)}: vantage {index + 1}: {what}{hint}"


def _line_of(text: str, number: int, *fields: str) -> int:
    """The line of the first of `fields` that the `number`-th vantage has, else that of its heading."""
    lines = text.splitlines()
    headings = [at for at, line in enumerate(lines) if re.match(r"\s*\[\[\s*vantage\s*\]\]", line)]
    if number >= len(headings):
        return 1
    first = headings[number]
    last = headings[number + 1] if number + 1 < len(headings) else len(lines)
    return next(_lines_with(lines, first, last, fields), first) + 1


def _lines_with(lines: list[str], first: int, last: int, fields: tuple[str, ...]) -> Iterator[int]:
    for field in fields:
        for at in range(first, last):
            if re.search(rf"(^|[\s{{,.\[]){re.escape(field)}(\s*=|\s*\])", lines[at]):
                yield at
