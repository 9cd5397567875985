"""A REST API's resource policy, judged for an anonymous caller.

Source: IAM User Guide, "Policy evaluation logic": an explicit deny wins, then an allow; nothing said is a denial.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

from harness.events import Json

_LOG = logging.getLogger(__name__)

Facts = Mapping[str, str]
"""Condition keys, lower case, and their values: {"aws:currenttime": "2026-01-01T00:00:00Z", "aws:sourceip": ...}."""


class ResourcePolicy:
    """A parsed policy document; raises ValueError when it is not one."""

    def __init__(self, text: str, arn_prefix: str) -> None:
        """`arn_prefix` completes the short form "execute-api:/stage/GET/path" of a resource."""
        document = msgspec.json.decode(text)
        statements = document.get("Statement") if isinstance(document, dict) else None
        if statements is None:
            raise ValueError(f"resource policy has no Statement: {text[:200]!r}")
        self._statements = [
            _Statement(statement, arn_prefix) for statement in _as_list(statements) if isinstance(statement, dict)
        ]

    def refusal(self, arn: str, facts: Facts) -> str | None:
        """Why an anonymous caller may not invoke `arn`: "explicit", "implicit", or None when it may."""
        effects = {statement.effect for statement in self._statements if statement.applies(arn, facts)}
        if "Deny" in effects:
            return "explicit"
        return None if "Allow" in effects else "implicit"


class _Statement:
    def __init__(self, statement: dict[str, Json], arn_prefix: str) -> None:
        self.effect = statement.get("Effect")
        self._everybody = _names_everybody(statement.get("Principal"))
        self._invokes = any(_matches("execute-api:Invoke", str(each)) for each in _as_list(statement.get("Action")))
        resources = [str(each) for each in _as_list(statement.get("Resource"))]
        self._resources = [arn_prefix + each[12:] if each.startswith("execute-api:/") else each for each in resources]
        self._conditions = _conditions_of(statement.get("Condition"))

    def applies(self, arn: str, facts: Facts) -> bool:
        return (
            self._everybody
            and self._invokes
            and any(_matches(arn, resource) for resource in self._resources)
            and all(condition(facts) for condition in self._conditions)
        )


def _names_everybody(principal: Json) -> bool:
    return principal == "*" or (isinstance(principal, dict) and "*" in _as_list(principal.get("AWS")))


def _as_list(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _matches(value: str, pattern: str) -> bool:
    # IAM knows * and ? only; [ is a letter like any other.
    return re.match(fnmatch.translate(pattern.replace("[", "[[]")), value) is not None


_Condition = Callable[[Facts], bool]


def _conditions_of(block: Json) -> list[_Condition]:
    return [
        _condition(operator, key.lower(), [str(each) for each in _as_list(wanted)])
        for operator, keys in (block.items() if isinstance(block, dict) else ())
        for key, wanted in (keys.items() if isinstance(keys, dict) else ())
    ]


def _condition(operator: str, key: str, wanted: list[str]) -> _Condition:
    test = _OPERATORS.get(operator.removesuffix("IfExists"))
    if test is None:
        _LOG.warning("resource policy: condition operator %s is not known to the lab and never holds", operator)
        return lambda _facts: False
    negated = "Not" in operator

    def holds(facts: Facts) -> bool:
        value = facts.get(key)
        if value is None:
            return negated or operator.endswith("IfExists")
        return any(test(value, each) for each in wanted) != negated

    return holds


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _in_network(value: str, network: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)


# The "Not" forms share a test with the plain ones; _condition turns the result round.
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringNotEquals": str.__eq__,
    "StringLike": _matches,
    "StringNotLike": _matches,
    "IpAddress": _in_network,
    "NotIpAddress": _in_network,
    "DateLessThan": lambda value, limit: _time(value) < _time(limit),
    "DateLessThanEquals": lambda value, limit: _time(value) <= _time(limit),
    "DateGreaterThan": lambda value, limit: _time(value) > _time(limit),
    "DateGreaterThanEquals": lambda value, limit: _time(value) >= _time(limit),
}
