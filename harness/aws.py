"""The first of the three doors: AWS APIs through boto3, one reused client per service and region.

A client costs 5 ms of CPU to make and a call on a reused one less than 1 ms, so clients are kept.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from harness.errors import CredentialsMissing, TargetError
from harness.stack import Endpoints, RegionName

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_sts import STSClient

GLOBAL_SERVICES_REGION = "us-east-1"
"""Route 53 and its metrics are reached through this region."""


class Aws:
    """AWS's APIs at `endpoints`. Thread-safe.

    A server on loopback gets the fixed keys "lab"/"lab" when the environment has none; any other gets only what
    boto3's own credential chain finds.
    """

    def __init__(self, endpoints: Endpoints | None = None) -> None:
        self.endpoints = endpoints or Endpoints()
        self._clients: dict[tuple[str, RegionName], Any] = {}
        self._lock = threading.Lock()
        self._session: Any = None

    def client(self, service: str, region: RegionName) -> Any:
        """Raises CredentialsMissing when there are no keys to sign with."""
        with self._lock:
            known = self._clients.get((service, region))
            if known is None:
                known = self._clients[service, region] = self._new_client(service, region)
            return known

    def cloudformation(self, region: RegionName) -> CloudFormationClient:
        return cast("CloudFormationClient", self.client("cloudformation", region))

    def apigateway(self, region: RegionName) -> APIGatewayClient:
        return cast("APIGatewayClient", self.client("apigateway", region))

    def dynamodb(self, region: RegionName) -> DynamoDBClient:
        return cast("DynamoDBClient", self.client("dynamodb", region))

    def acm(self, region: RegionName) -> ACMClient:
        return cast("ACMClient", self.client("acm", region))

    def route53(self) -> Route53Client:
        return cast("Route53Client", self.client("route53", GLOBAL_SERVICES_REGION))

    def cloudwatch(self, region: RegionName) -> CloudWatchClient:
        return cast("CloudWatchClient", self.client("cloudwatch", region))

    def sts(self) -> STSClient:
        return cast("STSClient", self.client("sts", GLOBAL_SERVICES_REGION))

    @contextmanager
    def errors(self, what: str) -> Iterator[None]:
        """boto's errors inside the block come out as TargetError or CredentialsMissing, naming `what`."""
        # Imported here: botocore takes a fifth of a second, and `--help` should not.
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

        try:
            yield
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise CredentialsMissing(_NO_CREDENTIALS) from error
        except ClientError as error:
            details = error.response.get("Error", {})
            raise TargetError(
                f"{what}: AWS answered {details.get('Code')} to {error.operation_name}: {details.get('Message')}"
            ) from error
        except BotoCoreError as error:
            raise TargetError(f"{what}: {error}") from error

    def _new_client(self, service: str, region: RegionName) -> Any:
        import boto3
        from botocore.config import Config

        if self._session is None:
            self._session = boto3.session.Session()
        keys: dict[str, str] = {}
        if self._session.get_credentials() is None:
            if not _is_loopback(self.endpoints.aws_url):
                raise CredentialsMissing(_NO_CREDENTIALS)
            keys = {"aws_access_key_id": "lab", "aws_secret_access_key": "lab"}
        config = Config(
            retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=30, max_pool_connections=32
        )
        return self._session.client(
            service, region_name=region, endpoint_url=self.endpoints.aws_url, config=config, **keys
        )


_NO_CREDENTIALS = (
    "no AWS credentials found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in with "
    "`aws sso login`"
)


def _is_loopback(url: str | None) -> bool:
    host = urlsplit(url).hostname if url else None
    if host == "localhost":
        return True
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
