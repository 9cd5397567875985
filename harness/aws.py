"""The first of the three doors: AWS APIs through boto3, one reused client per service and region.

Making a client costs 5 ms of CPU and a call on a reused one less than 1 ms, so clients are kept.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import os
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from harness.audit import CallListener
from harness.errors import CredentialsMissing, LabNotRunning, TargetError
from harness.stack import RegionName

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_acm import ACMClient
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

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


class Aws:
    """AWS's APIs at `aws_url`, absent: AWS itself. Threads may share one.

    A server on loopback gets the fixed keys "lab"/"lab" when the environment names none; any other gets only what
    boto3's own credential chain finds.
    """

    def __init__(self, aws_url: str | None) -> None:
        self._aws_url = aws_url
        self._clients: dict[tuple[str, RegionName], Any] = {}
        self._once: dict[RegionName, DynamoDBClient] = {}
        self._lock = threading.Lock()
        self.calls = CallListener()
        """Tells every call that is made through here."""

    def client(self, service: str, region: RegionName) -> Any:
        """The boto3 client, made once. Raises CredentialsMissing at once; boto3 itself would at the first call."""
        found = self._clients.get((service, region))
        if found is None:
            with self._lock:  # boto3 sessions are not thread-safe while they make a client
                found = self._clients.get((service, region)) or self._make(service, region)
                self._clients[service, region] = found
        return found

    def cloudformation(self, region: RegionName) -> CloudFormationClient:
        return cast("CloudFormationClient", self.client("cloudformation", region))

    def apigateway(self, region: RegionName) -> APIGatewayClient:
        return cast("APIGatewayClient", self.client("apigateway", region))

    def dynamodb(self, region: RegionName) -> DynamoDBClient:
        return cast("DynamoDBClient", self.client("dynamodb", region))

    def dynamodb_once(self, region: RegionName) -> DynamoDBClient:
        """Makes one attempt per call: a retry would hide that the attempt before it may have taken effect."""
        found = self._once.get(region)
        if found is None:
            with self._lock:
                found = self._once.get(region) or cast(
                    "DynamoDBClient", self._make("dynamodb", region, attempts=1, read_timeout_s=5, connections=64)
                )
                self._once[region] = found
        return found

    def acm(self, region: RegionName) -> ACMClient:
        return cast("ACMClient", self.client("acm", region))

    def cloudwatch(self, region: RegionName) -> CloudWatchClient:
        return cast("CloudWatchClient", self.client("cloudwatch", region))

    def s3(self) -> S3Client:
        """Buckets are found wherever they are: S3 names the region of one that is elsewhere, and botocore follows."""
        return cast("S3Client", self.client("s3", _GLOBAL_REGION))

    def route53(self) -> Route53Client:
        return cast("Route53Client", self.client("route53", _GLOBAL_REGION))

    def sts(self) -> STSClient:
        return cast("STSClient", self.client("sts", _GLOBAL_REGION))

    def _make(
        self, service: str, region: RegionName, *, attempts: int = 5, read_timeout_s: float = 20, connections: int = 32
    ) -> Any:
        from botocore.config import Config

        config = Config(
            # Not `max_attempts`, which in spite of its name does not count the first.
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=5,
            read_timeout=read_timeout_s,
            max_pool_connections=connections,
            # A lab has one host name for all buckets.
            s3={"addressing_style": "path"} if self._aws_url else None,
        )
        client = self._session.client(
            cast("Any", service), region_name=region, endpoint_url=self._aws_url, config=config
        )
        self.calls.attach(client.meta.events, region)
        return client

    @functools.cached_property
    def _session(self) -> boto3.Session:
        import boto3

        if self._aws_url and is_loopback(self._aws_url) and not _credentials_in_environment():
            # Nothing behind a loopback address checks keys, and asking boto3 for some would go out to the network.
            return boto3.Session(aws_access_key_id="lab", aws_secret_access_key="lab")
        with aws_errors("looking for AWS credentials"):
            session = boto3.Session()
            if session.get_credentials() is None:
                raise CredentialsMissing(f"no AWS credentials were found: {_LOG_IN}")
        return session


@contextlib.contextmanager
def aws_errors(doing: str) -> Iterator[None]:
    """Turns what boto3 raises into our errors. `doing` says what was tried: "reading stage prod of API a1b2".

    Raises:
        CredentialsMissing: no keys, keys that expired, or keys that AWS does not know.
        LabNotRunning: nothing listens at an endpoint on loopback.
        TargetError: anything else that AWS or the way to it says; the ClientError is its cause.
    """
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

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


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _credentials_in_environment() -> bool:
    return any(os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"))
