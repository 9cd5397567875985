"""The health checkers' way to the control plane: boto3 on a thread of its own, so that the loop never waits for it."""

from __future__ import annotations

import asyncio
import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from harness.models.health import CHECKER_REGIONS, HealthCheck, HealthCheckType

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_route53.type_defs import HealthCheckTypeDef

_MAIN_REGION = "us-east-1"
"""Route 53 is global, and its metrics are in this region only."""

_SESSION_LOCK = threading.Lock()
"""Sessions are not safe to share between threads; their clients are."""


@functools.cache
def _session() -> boto3.Session:
    """One for all labs of a process: a session reads the services' models, which takes some 150 ms."""
    return boto3.Session(aws_access_key_id="lab", aws_secret_access_key="lab", region_name=_MAIN_REGION)


class ControlPlane:
    """Reads health checks and writes metrics, one call after the other."""

    def __init__(self, loop: asyncio.AbstractEventLoop, aws_url: str) -> None:
        self._loop = loop
        self._aws_url = aws_url
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lab-health")
        self._clients: tuple[Route53Client, CloudWatchClient] | None = None

    async def health_checks(self) -> dict[str, HealthCheck]:
        """All health checks of the account, by id. Raises what boto3 raises."""
        return await self._loop.run_in_executor(self._thread, self._list_health_checks)

    async def put_metrics(self, metrics: list[MetricDatumTypeDef]) -> None:
        """Writes to the namespace AWS/Route53, which only Route 53 may do on AWS. Raises what boto3 raises."""
        await self._loop.run_in_executor(self._thread, self._put_metric_data, metrics)

    async def close(self) -> None:
        """Waits for a call under way, which boto3's timeouts bound."""
        await self._loop.run_in_executor(self._thread, self._close_clients)
        self._thread.shutdown()

    # What follows runs on the thread.

    def _list_health_checks(self) -> dict[str, HealthCheck]:
        pages = self._connected()[0].get_paginator("list_health_checks").paginate()
        checks = (health_check_of(described) for page in pages for described in page["HealthChecks"])
        return {check.health_check_id: check for check in checks}

    def _put_metric_data(self, metrics: list[MetricDatumTypeDef]) -> None:
        if not metrics:
            return
        # One call takes up to 1,000 metrics, and an account has at most 200 health checks.
        self._connected()[1].put_metric_data(Namespace="AWS/Route53", MetricData=metrics)

    def _connected(self) -> tuple[Route53Client, CloudWatchClient]:
        if self._clients is None:
            # No proxy of the user's environment stands between the lab's own parts.
            config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2}, proxies={})
            with _SESSION_LOCK:
                session = _session()
                self._clients = (
                    session.client("route53", endpoint_url=self._aws_url, config=config),
                    session.client("cloudwatch", endpoint_url=self._aws_url, config=config),
                )
        return self._clients

    def _close_clients(self) -> None:
        for client in self._clients or ():
            client.close()


def health_check_of(described: HealthCheckTypeDef) -> HealthCheck:
    """A health check as ListHealthChecks describes it; fields that were left out get AWS's defaults."""
    config = described["HealthCheckConfig"]
    kind = HealthCheckType(config["Type"])
    path = config.get("ResourcePath") or "/"
    return HealthCheck(
        health_check_id=described["Id"],
        type=kind,
        interval_s=config.get("RequestInterval") or 30,
        failure_threshold=config.get("FailureThreshold") or 3,
        inverted=config.get("Inverted", False),
        disabled=config.get("Disabled", False),
        domain_name=config.get("FullyQualifiedDomainName") or None,
        ip_address=config.get("IPAddress") or None,
        port=config.get("Port") or (443 if kind.uses_tls else 80),
        path=path if path.startswith("/") else f"/{path}",
        search_string=config.get("SearchString") or "",
        enable_sni=config.get("EnableSNI", kind.uses_tls),
        # AWS refuses a region without checkers; moto does not, and there is nobody there to probe.
        regions=tuple(region for region in config.get("Regions") or CHECKER_REGIONS if region in CHECKER_REGIONS),
        children=tuple(config.get("ChildHealthChecks") or ()),
        health_threshold=config.get("HealthThreshold") or 0,
    )
