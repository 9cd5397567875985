"""stage-throttled and method-throttled: API Gateway refuses requests with 429, all of a region's or only some methods'.

A rate of 0 lets nothing pass, one above it lets some pass: a gray failure. Method settings of a stage need no redeploy
(API Gateway Developer Guide, "Redeploy a REST API"); a method's own setting counts instead of the stage's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import msgspec

from harness.aws import aws_errors
from harness.errors import InvalidPlan, NotDeployed
from harness.faults.about import About, Confidence
from harness.faults.calls import Call
from harness.faults.stage import PatchOperation, patch_stage, read_stage
from harness.faults.values import RegionalFault, Values
from harness.probes.endpoint import get_status, request_in_region
from harness.stack import Stack
from harness.target import Target

EVERY_METHOD = "*/*"
ASKED_AT_MOST = 50
"""Requests of one proof: a bucket with a large burst may let all of them pass, and then nothing was proven."""
ASKED_AT_ONCE = 10

_NEUTRAL = {
    "metricsEnabled": False,
    "loggingLevel": "OFF",
    "dataTraceEnabled": False,
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}
"""What AWS shows of a method setting of which only the throttling was set."""
_METHOD = re.compile(r"(GET|PUT|POST|PATCH|DELETE|HEAD|OPTIONS|ANY) (/\S*)")

_ABOUT = About(
    summary="API Gateway answers 429 to every request in the region, the health check's too",
    iam_actions=("apigateway:GET", "apigateway:PATCH"),
    aws="throttling is a token bucket, on a best-effort basis; a throttled request is answered 429, which a health "
    "check takes for a failure",
    confidence=Confidence.DERIVED,
    unknown="that a rate of 0 refuses everything was seen on HTTP APIs, not on REST APIs; how soon it takes effect",
)


class _Throttled(RegionalFault, frozen=True, kw_only=True):
    """Method settings of the region's stage get this rate and burst."""

    rate_per_s: float = 0.0
    burst: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rate_per_s <= 10_000 or not 0 <= self.burst <= 5_000:
            raise InvalidPlan(
                f"throttling to {self.rate_per_s:g} requests a second with a burst of {self.burst}: the rate must be "
                "from 0 to 10000 and the burst from 0 to 5000, which is what an account has"
            )

    @property
    def settings(self) -> tuple[str, ...]:
        """Keys of the method settings that it changes: "*/*", "data/{pk}/GET"."""
        raise NotImplementedError

    def resources(self, stack: Stack) -> tuple[str, ...]:
        regional = stack.in_region(self.region)
        place = f"apigateway:{self.region}:{regional.rest_api_id}/{regional.stage}/settings"
        return tuple(f"{place}/{setting}" for setting in self.settings)

    def read(self, target: Target) -> Values:
        """Of each setting its rate, its burst, and what else of it is not as AWS has it by itself."""
        shown = read_stage(target, self.region).get("methodSettings", {})
        by_key = {_key(name): settings for name, settings in shown.items()}
        found: Values = {}
        for setting in self.settings:
            found |= _values(setting, by_key.get(setting))
        return found

    def broken(self, snapshot: Values) -> Values:
        """The rest of a setting stays as it was: where somebody changed it, that is theirs, and reported."""
        ours = {"rateLimit": f"{self.rate_per_s:g}", "burstLimit": f"{self.burst}"}
        broken = snapshot | {f"{setting} {name}": value for setting in self.settings for name, value in ours.items()}
        return {name: "{}" if name.endswith("the rest") and not value else value for name, value in broken.items()}

    def changes(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:  # noqa: ARG002
        operations = (
            operation
            for setting in self.settings
            for operation in _throttling(setting, f"{self.rate_per_s:g}", f"{self.burst}")
        )
        return (patch_stage(stack.in_region(self.region), *operations),)

    def undoing(self, stack: Stack, snapshot: Values) -> tuple[Call, ...]:
        operations: list[PatchOperation] = []
        for setting in self.settings:
            rate, burst = (snapshot[f"{setting} {name}"] for name in ("rateLimit", "burstLimit"))
            absent = not (rate or burst)
            operations += [{"op": "remove", "path": _path(setting)}] if absent else _throttling(setting, rate, burst)
        return (patch_stage(stack.in_region(self.region), *operations),)

    def prove(self, target: Target) -> str | None:
        """How many of some requests in a row were answered 429; None while none was."""
        asked = min(ASKED_AT_MOST, 5 + 2 * self.burst) if self.rate_per_s else 1
        # At once: asked one after the other, they might come no faster than the rate lets them pass.
        with ThreadPoolExecutor(min(ASKED_AT_ONCE, asked)) as askers:
            statuses = list(askers.map(lambda _: self._ask(target), range(asked)))
        refused = statuses.count(429)
        return f"{refused} of {asked} requests for {self._what} were answered 429" if refused else None

    def prove_removed(self, target: Target) -> bool:
        return all(self._ask(target) not in {429, None} for _ in range(3))

    @property
    def _what(self) -> str:
        raise NotImplementedError

    def _ask(self, target: Target) -> int | None:
        raise NotImplementedError


class StageThrottled(_Throttled, frozen=True, kw_only=True, tag="stage-throttled"):
    """Every method of the region's stage is throttled, the health route too: its health check goes red."""

    name: ClassVar[str] = "stage-throttled"
    about: ClassVar[About] = _ABOUT

    @property
    def settings(self) -> tuple[str, ...]:
        return (EVERY_METHOD,)

    @property
    def _what(self) -> str:
        return "the health route"

    def _ask(self, target: Target) -> int | None:
        regional = target.stack.in_region(self.region)
        return get_status(target, regional.execute_api_host, f"/{regional.stage}{target.stack.health_check_path}")


class MethodThrottled(_Throttled, frozen=True, kw_only=True, tag="method-throttled"):
    """Some methods of the region's stage are throttled and the health route is not: its health check stays green."""

    methods: tuple[str, ...] = ("GET /data/{pk}", "POST /data")

    name: ClassVar[str] = "method-throttled"
    about: ClassVar[About] = msgspec.structs.replace(
        _ABOUT,
        summary="API Gateway answers 429 to some methods in the region; the health check stays green (gray)",
        aws="throttling is a token bucket, on a best-effort basis; a method's own setting counts instead of the "
        "stage's, and the health route keeps its own",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for method in self.methods:
            if not _METHOD.fullmatch(method):
                raise InvalidPlan(f"method-throttled methods: {method!r} is not like 'GET /data/{{pk}}'")
        if not self.methods or len(set(self.methods)) != len(self.methods):
            raise InvalidPlan(f"method-throttled methods {list(self.methods)}: name at least one, and each once")

    @property
    def settings(self) -> tuple[str, ...]:
        return tuple(f"{path.strip('/')}/{verb}" for verb, path in map(str.split, self.methods))

    def snapshot(self, target: Target) -> Values:
        """Raises NotDeployed when the API has no such method: a throttle on nothing would bite nobody."""
        regional = target.stack.in_region(self.region)
        with aws_errors(f"reading the methods of REST API {regional.rest_api_id} in {self.region}"):
            pages = target.apigateway(self.region).get_paginator("get_resources")
            found = [
                f"{verb} {resource['path']}"
                for page in pages.paginate(restApiId=regional.rest_api_id)
                for resource in page["items"]
                for verb in resource.get("resourceMethods", {})
            ]
        for method in self.methods:
            if method not in found:
                raise NotDeployed(
                    f"REST API {regional.rest_api_id} in {self.region} has no method {method!r}: it has "
                    f"{', '.join(sorted(found))}"
                )
        return super().snapshot(target)

    @property
    def _asked(self) -> tuple[str, str]:
        """A method that changes nothing, where there is one."""
        verb, path = min(self.methods, key=lambda method: not method.startswith(("GET", "HEAD"))).split()
        return verb.replace("ANY", "GET"), re.sub(r"{[^}]*}", "harness", path)

    @property
    def _what(self) -> str:
        return " ".join(self._asked)

    def _ask(self, target: Target) -> int | None:
        """Over the custom domain. An empty object is no body that the reference stack would write."""
        verb, path = self._asked
        body = None if verb in {"GET", "HEAD", "DELETE", "OPTIONS"} else b"{}"
        reply = request_in_region(target, self.region, verb, path, body)
        return reply[0] if reply else None


def _key(shown: str) -> str:
    """A method setting's name as AWS shows it, its path with "~1" or with slashes."""
    return shown.replace("~1", "/").strip("/")


def _values(setting: str, settings: Mapping[str, object] | None) -> Values:
    """All empty where there is no such setting."""
    if settings is None:
        return {f"{setting} {name}": "" for name in ("rateLimit", "burstLimit", "the rest")}
    rest = {name: value for name, value in settings.items() if value != _NEUTRAL.get(name)}
    rate, burst = rest.pop("throttlingRateLimit", -1), rest.pop("throttlingBurstLimit", -1)
    return {
        f"{setting} rateLimit": f"{rate:g}",
        f"{setting} burstLimit": f"{burst}",
        f"{setting} the rest": msgspec.json.encode(rest, order="sorted").decode(),
    }


def _throttling(setting: str, rate: str, burst: str) -> list[PatchOperation]:
    return [
        {"op": "replace", "path": f"{_path(setting)}/throttling/rateLimit", "value": rate},
        {"op": "replace", "path": f"{_path(setting)}/throttling/burstLimit", "value": burst},
    ]


def _path(setting: str) -> str:
    """ "data/{pk}/GET" -> "/~1data~1{pk}/GET", as AWS's command line reference writes it."""
    if setting == EVERY_METHOD:
        return f"/{setting}"
    path, _, verb = setting.rpartition("/")
    return f"/~1{path.replace('/', '~1')}/{verb}"
