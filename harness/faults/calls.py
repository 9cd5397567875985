"""What a fault calls, as data: executed on a target, shown to a person, counted for permissions. One seam for all.

A fault says what it will call before it calls it, and `carry_out()` makes exactly those calls: so a dry run cannot
lie, the command in an error message is the one that would have run, and the permissions needed are those of the calls.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from harness.aws import aws_errors
from harness.clock import Clock
from harness.errors import TargetError
from harness.faults.settling import settle
from harness.levers import LeverMethod
from harness.stack import RegionName
from harness.target import Target

GLOBAL_REGION = "us-east-1"
"""Route 53's API has one endpoint for the whole partition; its requests are signed for this region."""

BUSY_CODES = (
    "ResourceInUseException", "LimitExceededException", "ThrottlingException", "Throttling", "PriorRequestNotComplete",
    "TooManyRequestsException",
)  # fmt: skip
"""Refusals that pass: another change of the same resource is not over, or the API's rate limit was met.

AWS does not publish with which of them it refuses a resource policy within 15 s of the last change.
"""
BUSY_AT_MOST_S = 17.0
RETRY_EVERY_S = 2.0

_API_GATEWAY_METHODS = {
    "Get": "GET", "Update": "PATCH", "Create": "POST", "Put": "PUT", "Delete": "DELETE", "Tag": "PUT",
}  # fmt: skip
"""API Gateway's permissions are named after the HTTP methods of its API."""
_MORE_ACTIONS = {
    ("route53", "ChangeResourceRecordSets"): ("route53:GetChange",),
    ("dynamodb", "UpdateTable"): ("dynamodb:DescribeTable",),
    ("fis", "CreateExperimentTemplate"): ("iam:PassRole",),
    ("fis", "StartExperiment"): ("fis:TagResource", "fis:GetExperiment"),
    ("fis", "StopExperiment"): ("fis:GetExperiment",),
}
"""What AWS asks for beside the action that has the operation's name, or what waiting for its end calls."""


class AwsCall(msgspec.Struct, frozen=True, kw_only=True, tag_field="call", tag="aws"):
    """One call of an AWS API. Made by `aws_call()`."""

    service: str
    """As boto3 and the AWS command line name it: "apigateway"."""
    region: RegionName
    operation: str
    """As AWS's API reference names it: "UpdateStage"."""
    parameters: msgspec.Raw
    """A JSON object of the operation's parameters."""

    @property
    def iam_actions(self) -> tuple[str, ...]:
        """What the caller must be allowed to do."""
        return (self._action(), *_MORE_ACTIONS.get((self.service, self.operation), ()))

    def shell(self) -> str:
        """The command that a person can run instead."""
        options = [f"--region {self.region}"]
        options += [_option(name, value) for name, value in msgspec.json.decode(self.parameters).items()]
        return f"aws {self.service} {_dashed(self.operation)} {' '.join(options)}"

    def execute(self, target: Target) -> None:
        """Makes the call and waits until AWS says that it has taken effect, where AWS tells.

        Raises:
            TargetError and its kinds: as `aws_errors` says.
        """
        method = getattr(target.client(self.service, self.region), _dashed(self.operation).replace("-", "_"))
        with aws_errors(f"{self.service} {self.operation} in {self.region}"):
            reply = method(**msgspec.json.decode(self.parameters))
        settle(target, self.service, self.region, self.operation, reply)

    def _action(self) -> str:
        if self.service != "apigateway":
            return f"{self.service}:{self.operation}"
        verb = next(verb for verb in _API_GATEWAY_METHODS if self.operation.startswith(verb))
        return f"apigateway:{_API_GATEWAY_METHODS[verb]}"


class LeverCall(msgspec.Struct, frozen=True, kw_only=True, tag_field="call", tag="lever"):
    """One lever of the target turned, for what no API of AWS can do. Only a lab has levers."""

    method: LeverMethod
    path: str
    """"partition/us-east-1/eu-west-1": below the endpoints' `levers_url`."""
    body: msgspec.Raw = msgspec.Raw()
    """JSON; empty: there is nothing to say."""
    levers_url: str = ""
    """For people only: the target's own is used."""

    @property
    def iam_actions(self) -> tuple[str, ...]:
        return ()

    def shell(self) -> str:
        data = f" -d {shlex.quote(bytes(self.body).decode())}" if bytes(self.body) else ""
        return f"curl -X {self.method}{data} {self.levers_url}/{self.path}"

    def execute(self, target: Target) -> None:
        """Raises NeedsLevers: the target has none."""
        target.levers().turn(self.method, self.path, bytes(self.body) or None)


Call = AwsCall | LeverCall


def aws_call(service: str, region: RegionName, operation: str, parameters: Mapping[str, Any]) -> AwsCall:
    return AwsCall(
        service=service,
        region=region,
        operation=operation,
        parameters=msgspec.Raw(msgspec.json.encode(parameters)),
    )


def carry_out(calls: Sequence[Call], target: Target) -> None:
    """Makes the calls in order. One that AWS is too busy for is tried again for a while.

    Raises:
        TargetError and its kinds: calls before the one that failed have been made.
    """
    clock = target.new_clock()
    for call in calls:
        _execute_patiently(call, target, clock)


def actions_of(calls: Sequence[Call]) -> tuple[str, ...]:
    """The IAM actions that the calls need, each once."""
    return tuple(dict.fromkeys(action for call in calls for action in call.iam_actions))


def _execute_patiently(call: Call, target: Target, clock: Clock) -> None:
    deadline_s = clock.now_s() + BUSY_AT_MOST_S
    while True:
        try:
            return call.execute(target)
        except TargetError as error:
            if error_code(error) not in BUSY_CODES or clock.now_s() > deadline_s:
                raise
        clock.sleep_until_s(clock.now_s() + RETRY_EVERY_S)


def error_code(error: BaseException) -> str:
    """AWS's code of what caused the error; empty when AWS did not."""
    from botocore.exceptions import ClientError

    cause = error.__cause__
    return str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else ""


def _option(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"--{'' if value else 'no-'}{_dashed(name)}"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"--{_dashed(name)} {shlex.quote(text)}"


def _dashed(name: str) -> str:
    """ "UpdateStage", "restApiId" -> "update-stage", "rest-api-id", as AWS's command line has them."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()
