"""The seam: a stack and the endpoints of the three doors through which it is touched: AWS APIs, DNS, HTTPS.

AWS and a lab differ in `Endpoints`, and in nothing else.
"""

from __future__ import annotations

import contextlib
import functools
import os
import ssl
import threading
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.aws import Aws, aws_errors
from harness.clock import ScaledClock
from harness.errors import CertificateInvalid, InvalidTargetFile, TargetError
from harness.ip_ranges import AddressRanges, load_ranges
from harness.levers import Levers, need_levers
from harness.nameservers import Nameserver, addresses_of, parse_nameserver, system_addresses
from harness.stack import Endpoints, RegionName, ServedRegion, Stack

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_sts import STSClient

ADDRESSES_REFRESHED_EVERY_S = 60.0
"""API Gateway's addresses change: an unknown one is looked up again, at most this often (stack seconds)."""


class TargetFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `load_target` and `save_target` keep on disk."""

    name: str
    stack: Stack
    endpoints: Endpoints = Endpoints()
    served_region: ServedRegion = ServedRegion()
    journal: str | None = None
    """Where undo journals of faults on it are kept: a path or s3://bucket/key; absent: on the machine that runs."""


class Target:
    """A stack and the way to it. Threads may share one."""

    def __init__(
        self,
        stack: Stack,
        endpoints: Endpoints | None = None,
        *,
        name: str,
        served_region: ServedRegion | None = None,
        journal: str | None = None,
    ) -> None:
        self.name = name
        self.journal = journal
        self.served_region = served_region or ServedRegion()
        self.stack = stack
        self.endpoints = endpoints or Endpoints()
        self.aws = Aws(self.endpoints.aws_url)
        self._regions_of_addresses: dict[str, RegionName] = {}
        self._addresses_clock = self.new_clock()
        self._addresses_at_s = float("-inf")
        self._addresses_lock = threading.Lock()

    @property
    def https_port(self) -> int:
        return self.endpoints.https_port

    def new_clock(self) -> ScaledClock:
        """A clock that starts now and runs at the target's rate, its calendar agreeing with the target's."""
        origin = self.endpoints.clock_origin_at
        return ScaledClock(self.endpoints.clock_rate, datetime.fromisoformat(origin) if origin else None)

    def client(self, service: str, region: RegionName) -> Any:
        return self.aws.client(service, region)

    def cloudformation(self, region: RegionName) -> CloudFormationClient:
        return self.aws.cloudformation(region)

    def apigateway(self, region: RegionName) -> APIGatewayClient:
        return self.aws.apigateway(region)

    def dynamodb(self, region: RegionName) -> DynamoDBClient:
        return self.aws.dynamodb(region)

    def acm(self, region: RegionName) -> ACMClient:
        return self.aws.acm(region)

    def cloudwatch(self, region: RegionName) -> CloudWatchClient:
        return self.aws.cloudwatch(region)

    def route53(self) -> Route53Client:
        return self.aws.route53()

    def sts(self) -> STSClient:
        return self.aws.sts()

    @functools.cache  # noqa: B019  # a Target lives as long as its process
    def levers(self) -> Levers:
        """Raises NeedsLevers when the target has none: it is AWS."""
        return Levers(need_levers(self.endpoints.levers_url, f"target {self.name!r}: this"))

    @functools.cache  # noqa: B019  # a Target lives as long as its process
    def nameservers(self) -> tuple[Nameserver, ...]:
        """(address, port) of the servers that are authoritative for the stack's domain.

        Those of the endpoints, else the hosted zone's delegation set as the system resolves it.
        """
        if self.endpoints.nameservers:
            return tuple(parse_nameserver(text) for text in self.endpoints.nameservers)
        zone_id = self.stack.hosted_zone_id
        with aws_errors(f"reading the name servers of hosted zone {zone_id}"):
            zone = self.route53().get_hosted_zone(Id=zone_id)
        hosts = zone.get("DelegationSet", {}).get("NameServers", [])
        if not hosts:
            raise TargetError(
                f"hosted zone {zone_id} has no delegation set: it is private, and vantages need a public one"
            )
        return tuple((address, 53) for host in hosts for address in system_addresses(host))

    def resolve_host(self, host: str) -> tuple[str, ...]:
        """IPv4 addresses of an AWS host, such as an execute-api host or a regional domain target.

        Asked of the endpoints' name servers when they are given, else of the system resolver.

        Raises:
            NameserverUnreachable: no server answered.
            TargetError: the name has no address.
        """
        if self.endpoints.nameservers:
            return addresses_of(host, self.nameservers())
        return system_addresses(host)

    @functools.cache  # noqa: B019  # a Target lives as long as its process
    def tls_context(self) -> ssl.SSLContext:
        """Verifies chain and host name against the endpoints' CA file, absent: the system's. TLS 1.2 or later.

        Raises:
            CertificateInvalid: the CA file is missing or is no PEM certificate.
        """
        ca_file = self.endpoints.ca_file
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise CertificateInvalid(
                f"CA file {ca_file}: {error.strerror or error}; the target's `ca_file` must be a PEM file"
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    @functools.cache  # noqa: B019  # a Target lives as long as its process
    def address_ranges(self) -> AddressRanges:
        """Those of `served_region.ip_ranges_file`; none when it names no file.

        Raises:
            InvalidTargetFile: the file cannot be read, or is not in the format of ip-ranges.json.
        """
        file = self.served_region.ip_ranges_file
        return load_ranges(Path(file)) if file else AddressRanges({})

    def region_of_addresses(self, addresses: Iterable[str]) -> RegionName | None:
        """The region whose domain target has these addresses, or else whose published ranges they are in.

        None when unknown, or when they are of several.
        """
        wanted = tuple(addresses)
        if any(address not in self._regions_of_addresses for address in wanted):
            self._refresh_addresses()
        ranges = self.address_ranges()
        regions = {self._regions_of_addresses.get(address) or ranges.region_of(address) for address in wanted}
        return regions.pop() if len(regions) == 1 else None

    def _refresh_addresses(self) -> None:
        """Adds the domain targets' addresses of today to those known; they rotate, so old ones are kept."""
        with self._addresses_lock:
            now_s = self._addresses_clock.now_s()
            if now_s - self._addresses_at_s < ADDRESSES_REFRESHED_EVERY_S:
                return
            self._addresses_at_s = now_s
            for regional in self.stack.regions:
                # A target that does not resolve just now leaves its answers without a region, which is what is known.
                with contextlib.suppress(TargetError):
                    for address in self.resolve_host(regional.domain_target):
                        self._regions_of_addresses[address] = regional.region


def load_target(path: Path) -> Target:
    """Reads a target file, TOML when its name ends so, else JSON.

    Raises:
        InvalidTargetFile: it cannot be read, or breaks a rule; names file, field and rule.
    """
    try:
        data = path.read_bytes()
        decode = msgspec.toml.decode if path.suffix == ".toml" else msgspec.json.decode
        file = decode(data, type=TargetFile)
    except OSError as error:
        raise InvalidTargetFile(
            f"target file {path}: {error.strerror or error}; `harness deploy` writes one, or name `lab` or `aws`"
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidTargetFile(f"target file {path}: {error}") from error
    return Target(file.stack, file.endpoints, name=file.name, served_region=file.served_region, journal=file.journal)


def save_target(target: Target, path: Path) -> None:
    """Writes a target file as JSON; a reader never sees half of it.

    Raises:
        InvalidTargetFile: the name ends in .toml, or the file cannot be written.
    """
    if path.suffix == ".toml":
        raise InvalidTargetFile(f"target file {path}: written as JSON only; give it a name that ends in .json")
    file = TargetFile(
        name=target.name,
        stack=target.stack,
        endpoints=target.endpoints,
        served_region=target.served_region,
        journal=target.journal,
    )
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n")
        partial.replace(path)
    except OSError as error:
        raise InvalidTargetFile(f"target file {path}: cannot be written: {error.strerror or error}") from error
