"""The seam: a stack and the endpoints of the three doors through which it is touched: AWS APIs, DNS, HTTPS.

AWS and a lab differ in `Endpoints`, and in nothing else.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import msgspec

from harness.clock import ScaledClock
from harness.errors import CertificateInvalid, CredentialsMissing, InvalidTargetFile, LabNotRunning, TargetError
from harness.nameservers import Nameserver, addresses_of, parse_nameserver, system_addresses
from harness.stack import Endpoints, RegionName, Stack

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_acm import ACMClient
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_sts import STSClient

ADDRESSES_REFRESHED_EVERY_S = 60.0
"""API Gateway's addresses change: an unknown one is looked up again, at most this often (stack seconds)."""

_GLOBAL_REGION = "us-east-1"
"""Route 53 and STS have one endpoint each for the whole partition; requests to it are signed for this region."""

_CREDENTIAL_CODES = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
     "InvalidAccessKeyId", "SignatureDoesNotMatch"}
)  # fmt: skip
_CREDENTIAL_ERRORS = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError",
     "SSOTokenLoadError", "UnauthorizedSSOTokenError", "ProfileNotFound", "LoginRefreshRequired"}
)  # fmt: skip
_LOG_IN = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, log in with `aws sso login`, "
    "and try it with `aws sts get-caller-identity`"
)


class TargetFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `load_target` and `save_target` keep on disk."""

    name: str
    stack: Stack
    endpoints: Endpoints = Endpoints()


class Target:
    """A stack and the way to it. Threads may share one."""

    def __init__(self, stack: Stack, endpoints: Endpoints | None = None, *, name: str) -> None:
        self.name = name
        self.stack = stack
        self.endpoints = endpoints or Endpoints()
        self._aws = AwsClients(self.endpoints.aws_url)
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
        """The boto3 client for `service` in `region`, made once; see `AwsClients.client`."""
        return self._aws.client(service, region)

    def cloudformation(self, region: RegionName) -> CloudFormationClient:
        return cast("CloudFormationClient", self.client("cloudformation", region))

    def apigateway(self, region: RegionName) -> APIGatewayClient:
        return cast("APIGatewayClient", self.client("apigateway", region))

    def dynamodb(self, region: RegionName) -> DynamoDBClient:
        return cast("DynamoDBClient", self.client("dynamodb", region))

    def acm(self, region: RegionName) -> ACMClient:
        return cast("ACMClient", self.client("acm", region))

    def cloudwatch(self, region: RegionName) -> CloudWatchClient:
        return cast("CloudWatchClient", self.client("cloudwatch", region))

    def route53(self) -> Route53Client:
        return cast("Route53Client", self.client("route53", _GLOBAL_REGION))

    def sts(self) -> STSClient:
        return cast("STSClient", self.client("sts", _GLOBAL_REGION))

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
                f"CA file {ca_file}: {error.strerror or error}; the target's `ca_file` must be a readable PEM certificate"
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def region_of_addresses(self, addresses: Iterable[str]) -> RegionName | None:
        """The region whose domain target has these addresses; None when unknown, or when they are of several."""
        wanted = tuple(addresses)
        if any(address not in self._regions_of_addresses for address in wanted):
            self._refresh_addresses()
        regions = {self._regions_of_addresses.get(address) for address in wanted}
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


class AwsClients:
    """boto3 clients with one retry policy, each made once: making one costs as much as five calls."""

    def __init__(self, aws_url: str | None) -> None:
        self._aws_url = aws_url
        self._clients: dict[tuple[str, RegionName], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, region: RegionName) -> Any:
        """Raises CredentialsMissing before any call is made, since boto3 itself says so only at the first one."""
        found = self._clients.get((service, region))
        if found is None:
            with self._lock:  # boto3 sessions are not thread-safe while they make a client
                found = self._clients.get((service, region)) or self._make(service, region)
                self._clients[service, region] = found
        return found

    def _make(self, service: str, region: RegionName) -> Any:
        from botocore.config import Config  # noqa: PLC0415  # 0.2 s, which `--help` does not pay

        config = Config(
            retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=20, max_pool_connections=32
        )
        return self._session.client(cast("Any", service), region_name=region, endpoint_url=self._aws_url, config=config)

    @functools.cached_property
    def _session(self) -> boto3.Session:
        import boto3  # noqa: PLC0415  # see above

        if self._aws_url and is_loopback(self._aws_url) and not _credentials_in_environment():
            # Nothing behind a loopback address checks keys, and asking boto3 for some would go out to the network.
            return boto3.Session(aws_access_key_id="lab", aws_secret_access_key="lab")
        with aws_errors("looking for AWS credentials"):
            session = boto3.Session()
            if session.get_credentials() is None:
                raise CredentialsMissing(f"no AWS credentials were found: {_LOG_IN}")
        return session


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _credentials_in_environment() -> bool:
    return any(os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"))


@contextlib.contextmanager
def aws_errors(doing: str) -> Iterator[None]:
    """Turns what boto3 raises into our errors. `doing` says what was tried: "reading stage prod of API a1b2".

    Raises:
        CredentialsMissing: no keys, keys that expired, or keys that AWS does not know.
        LabNotRunning: nothing listens at an endpoint on loopback.
        TargetError: anything else that AWS or the way to it says; the ClientError is its cause.
    """
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError  # noqa: PLC0415  # see above

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        message = error.response.get("Error", {}).get("Message", "")
        if code in _CREDENTIAL_CODES:
            raise CredentialsMissing(f"{doing}: AWS refuses the credentials ({code}): {_LOG_IN}") from error
        raise TargetError(f"{doing}: {error.operation_name} failed with {code}: {message}") from error
    except EndpointConnectionError as error:
        url = str(error.kwargs.get("endpoint_url", ""))
        if is_loopback(url):
            raise LabNotRunning(f"{doing}: nothing listens at {url}; start the lab with `harness lab up`") from error
        raise TargetError(f"{doing}: {url} cannot be reached; check the network and the target's `aws_url`") from error
    except BotoCoreError as error:
        if type(error).__name__ in _CREDENTIAL_ERRORS:
            raise CredentialsMissing(f"{doing}: {error}: {_LOG_IN}") from error
        raise TargetError(f"{doing}: {error}") from error
    except socket.gaierror as error:
        raise TargetError(f"{doing}: {error.strerror}") from error


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
    return Target(file.stack, file.endpoints, name=file.name)


def save_target(target: Target, path: Path) -> None:
    """Writes a target file as JSON; a reader never sees half of it.

    Raises:
        InvalidTargetFile: the name ends in .toml, or the file cannot be written.
    """
    if path.suffix == ".toml":
        raise InvalidTargetFile(f"target file {path}: written as JSON only; give it a name that ends in .json")
    file = TargetFile(name=target.name, stack=target.stack, endpoints=target.endpoints)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n")
        partial.replace(path)
    except OSError as error:
        raise InvalidTargetFile(f"target file {path}: cannot be written: {error.strerror or error}") from error
