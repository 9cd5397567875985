"""A region's configuration ready to serve: trees, parsed templates, token buckets. Built whole, then swapped in."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType

from harness.lab.gateway.call import ACCOUNT
from harness.lab.gateway.config import BasePathMapping, Method, RegionConfig, Stage, Throttle
from harness.lab.gateway.errors import GatewayResponses
from harness.lab.gateway.integrations import serve_integration
from harness.lab.gateway.policy import ResourcePolicy
from harness.lab.gateway.routing import PathTree
from harness.lab.gateway.throttle import TokenBucket
from harness.lab.gateway.validation import RequestValidation
from harness.lab.ports import Tables
from harness.stack import RegionName

_LOG = logging.getLogger(__name__)

BucketKey = tuple[str, str, str, str]
"""API, stage, resource path, HTTP method."""


class ServedMethod:
    def __init__(self, method: Method, key: BucketKey, stage: Stage, tables: Tables) -> None:
        api_id, stage_name, resource_path, http_method = key
        self.resource_path: str = resource_path
        self.authorization_type = method.authorization_type
        self.api_key_required = method.api_key_required
        self.bucket: TokenBucket | None = None
        self.validation = RequestValidation(method, stage.snapshot.models)
        label = f"{api_id}/{stage_name} {http_method} {resource_path}"
        self.integration = serve_integration(method, label, stage.variables, tables)


class ServedStage:
    def __init__(self, region: RegionName, api_id: str, stage: Stage) -> None:
        self.api_id: str = api_id
        self.name: str = stage.name
        # Templates see the very mapping that other requests see, so they must not be able to write to it.
        self.variables = MappingProxyType(stage.variables)
        self.execute_api_disabled = stage.snapshot.execute_api_disabled
        self.gateway_responses = GatewayResponses(stage.snapshot.gateway_responses)
        self.arn = f"arn:aws:execute-api:{region}:{ACCOUNT}:{api_id}"
        self.policy = _policy_of(stage.snapshot.policy, self.arn)
        self.tree: PathTree[dict[str, ServedMethod]] = PathTree()


class ServedRegion:
    """Everything that answers in one region."""

    def __init__(self, config: RegionConfig, tables: Tables, now_s: float, earlier: ServedRegion | None) -> None:
        self.config = config
        self.stages: dict[tuple[str, str], ServedStage] = {}
        self.buckets: dict[BucketKey, TokenBucket] = {}
        self.domains: dict[str, dict[str, BasePathMapping]] = {
            domain.name.lower(): {mapping.base_path: mapping for mapping in domain.mappings}
            for domain in config.domains
        }
        suffix = f".execute-api.{config.region}.amazonaws.com"
        self.apis_by_host = {f"{api.api_id}{suffix}".lower(): api.api_id for api in config.apis}
        self.hosts = frozenset(self.apis_by_host) | {domain.regional_target.lower() for domain in config.domains}
        for api in config.apis:
            for stage in api.stages:
                self._add_stage(api.api_id, stage, tables, now_s, earlier.buckets if earlier else {})

    def _add_stage(
        self, api_id: str, stage: Stage, tables: Tables, now_s: float, earlier: Mapping[BucketKey, TokenBucket]
    ) -> None:
        served = self.stages[api_id, stage.name] = ServedStage(self.config.region, api_id, stage)
        for resource in stage.snapshot.resources:
            methods: dict[str, ServedMethod] = {}
            for method in resource.methods:
                key = (api_id, stage.name, resource.path, method.http_method)
                served_method = methods[method.http_method] = ServedMethod(method, key, stage, tables)
                bucket = _bucket(stage.throttles, key, now_s, earlier)
                if bucket:
                    served_method.bucket = self.buckets[key] = bucket
            if methods:
                served.tree.add(resource.path, methods)


def _bucket(
    throttles: Mapping[str, Throttle], key: BucketKey, now_s: float, earlier: Mapping[BucketKey, TokenBucket]
) -> TokenBucket | None:
    """The earlier bucket while its setting is the same: an unrelated change must not refill it."""
    _api_id, _stage, path, http_method = key
    throttle = throttles.get(f"{path}/{http_method}".lstrip("/")) or throttles.get("*/*")
    if throttle is None:
        return None
    kept = earlier.get(key)
    return kept if kept and kept.throttle == throttle else TokenBucket(throttle, now_s)


def _policy_of(text: str, arn: str) -> ResourcePolicy | None:
    if not text:
        return None
    try:
        return ResourcePolicy(text, arn)
    except ValueError as error:
        # AWS would not have accepted it; refusing everybody is what an unreadable policy must mean.
        _LOG.error("%s: resource policy cannot be read (%s); everybody is refused", arn, error)
        return ResourcePolicy('{"Statement": []}', arn)
