"""Resource policies of tables: the Deny statements that faults write, evaluated as IAM does.

A pure module. Allow statements are accepted and change nothing: in the lab, everybody may do what no statement denies.
What the lab cannot evaluate is refused when the policy is put, never ignored: a fault that silently does not bite is
worse than one that fails.
"""

from __future__ import annotations

import fnmatch
import functools
import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

Values = tuple[str, ...]


class InvalidPolicy(ValueError):
    """The message says which element is wrong."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """What conditions and principals are compared with."""

    principal_arn: str
    at: datetime
    """Time on the lab's calendar."""
    service_name: str | None = None
    """aws:PrincipalServiceName, for calls that AWS makes on its own behalf."""

    @property
    def account(self) -> str:
        return self.principal_arn.split(":")[4] if self.principal_arn.count(":") >= 5 else ""

    @property
    def role_or_user_arn(self) -> str:
        """aws:PrincipalArn: of a role's session it is the role."""
        session = re.fullmatch(r"arn:([^:]+):sts::(\d+):assumed-role/([^/]+)/.*", self.principal_arn)
        return f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}" if session else self.principal_arn


class Condition(msgspec.Struct, frozen=True):
    operator: str
    key: str
    values: Values


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """One Deny statement."""

    sid: str
    principals: Values | None
    """AWS principals; None: NotPrincipal and services are not for callers of the lab."""
    actions: Values
    resources: Values
    conditions: tuple[Condition, ...]


def is_denied(document: str, caller: Caller, action: str, resource: str) -> bool:
    """Whether a Deny statement of the policy covers `caller` doing `action` (dynamodb:PutItem) to `resource`."""
    return any(_covers(denial, caller, action, resource) for denial in parse_policy(document))


@functools.lru_cache(maxsize=256)
def parse_policy(document: str) -> tuple[Denial, ...]:
    """The policy's Deny statements.

    Raises:
        InvalidPolicy: not JSON, no statement, or an element that the lab cannot evaluate.
    """
    try:
        policy = json.loads(document)
    except ValueError as error:
        raise InvalidPolicy(f"the policy is not JSON: {error}") from None
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not all(isinstance(statement, dict) for statement in statements):
        raise InvalidPolicy("the policy has no list of statements in Statement")
    effects = {statement.get("Effect") for statement in statements}
    if not effects <= {"Allow", "Deny"}:
        raise InvalidPolicy(f"Effect is one of {sorted(map(str, effects))}: must be Allow or Deny")
    return tuple(_denial(statement) for statement in statements if statement["Effect"] == "Deny")


_ELEMENTS = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}


def _denial(statement: dict[str, Any]) -> Denial:
    sid = str(statement.get("Sid", ""))
    unknown = sorted(set(statement) - _ELEMENTS)
    if unknown:
        raise InvalidPolicy(f"statement {sid!r}: the lab does not evaluate {', '.join(unknown)} in a Deny statement")
    for element in ("Principal", "Action"):
        if not statement.get(element):
            raise InvalidPolicy(f"statement {sid!r} has no {element}")
    return Denial(
        sid=sid,
        principals=_principals(sid, statement["Principal"]),
        actions=_strings(sid, "Action", statement["Action"]),
        resources=_strings(sid, "Resource", statement.get("Resource", "*")),
        conditions=tuple(_conditions(sid, statement.get("Condition", {}))),
    )


def _principals(sid: str, principal: Any) -> Values | None:
    if principal == "*":
        return ("*",)
    if not isinstance(principal, dict):
        raise InvalidPolicy(f'statement {sid!r}: Principal {principal!r} is neither "*" nor an object')
    if "AWS" not in principal:
        return None
    return _strings(sid, "Principal.AWS", principal["AWS"])


def _strings(sid: str, element: str, value: Any) -> Values:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(entry, str) for entry in values):
        raise InvalidPolicy(f"statement {sid!r}: {element} must be a string or a list of strings, not {value!r}")
    return tuple(values)


def _conditions(sid: str, block: Any) -> Iterable[Condition]:
    if not isinstance(block, dict):
        raise InvalidPolicy(f"statement {sid!r}: Condition must be an object, not {block!r}")
    for operator, pairs in block.items():
        if operator not in _OPERATORS:
            raise InvalidPolicy(
                f"statement {sid!r}: the lab does not evaluate condition operator {operator!r}, "
                f"only {', '.join(_OPERATORS)}"
            )
        for key, value in pairs.items():
            yield _checked(sid, Condition(operator, key, _strings(sid, f"Condition.{operator}.{key}", value)))


def _checked(sid: str, condition: Condition) -> Condition:
    if condition.key.lower() not in _KEYS:
        raise InvalidPolicy(
            f"statement {sid!r}: the lab does not evaluate condition key {condition.key!r}, only {', '.join(_KEYS)}"
        )
    if condition.operator.startswith("Date"):
        for value in condition.values:
            try:
                _time(value)
            except ValueError:
                raise InvalidPolicy(f"statement {sid!r}: {condition.key} {value!r} is not a date") from None
    return condition


def _time(text: str) -> datetime:
    """IAM takes ISO 8601 and seconds since 1970."""
    if re.fullmatch(r"\d+(\.\d+)?", text) and len(text) > 4:
        return datetime.fromtimestamp(float(text), UTC)
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _like(value: str, pattern: str) -> bool:
    """`*` and `?` as in IAM; brackets are plain characters there."""
    return fnmatch.fnmatchcase(value, re.sub(r"\[", "[[]", pattern))


_KEYS: dict[str, Callable[[Caller], str | None]] = {
    "aws:principalarn": lambda caller: caller.role_or_user_arn,
    "aws:principalaccount": lambda caller: caller.account,
    "aws:principalservicename": lambda caller: caller.service_name,
    "aws:currenttime": lambda caller: caller.at.isoformat(),
}

_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "ArnEquals": _like,  # IAM: ArnEquals and ArnLike behave identically
    "ArnLike": _like,
    "StringEquals": lambda value, wanted: value == wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StringLike": _like,
    "DateLessThan": lambda value, limit: _time(value) < _time(limit),
    "DateLessThanEquals": lambda value, limit: _time(value) <= _time(limit),
    "DateGreaterThan": lambda value, limit: _time(value) > _time(limit),
    "DateGreaterThanEquals": lambda value, limit: _time(value) >= _time(limit),
}


def _covers(denial: Denial, caller: Caller, action: str, resource: str) -> bool:
    """All elements must match; within one element, any value."""
    return (
        denial.principals is not None
        and any(_is_principal(caller, principal) for principal in denial.principals)
        and any(_like(action.lower(), pattern.lower()) for pattern in denial.actions)
        and any(_like(resource, pattern) for pattern in denial.resources)
        and all(_holds(condition, caller) for condition in denial.conditions)
    )


def _is_principal(caller: Caller, principal: str) -> bool:
    """A principal is everybody, an account (by number or by its root's ARN), a role, a user or one session."""
    root = f"arn:aws:iam::{caller.account}:root"
    return principal in {"*", caller.account, root, caller.role_or_user_arn, caller.principal_arn}


def _holds(condition: Condition, caller: Caller) -> bool:
    """False for a key that this caller does not have, as with every operator here in IAM."""
    value = _KEYS[condition.key.lower()](caller)
    return value is not None and any(_OPERATORS[condition.operator](value, wanted) for wanted in condition.values)
