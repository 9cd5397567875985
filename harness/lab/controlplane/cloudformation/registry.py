"""What the lab knows of each CloudFormation resource type.

A type is a class under `@cfn`:

    @cfn("AWS::X::Y", properties="Name Tags", replaced_by="Name", attributes="Arn")
    class Thing(ResourceType):
        def create(self, context, properties): ...     -> Made(physical_id, attributes)
        def update(self, context, made, old, new): ... -> Made; only for changes outside `replaced_by`
        def delete(self, context, made, properties): ...

Subclasses of moto's CloudFormationModel that live outside moto are taken as types as well (see moto_model.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import msgspec

from harness.stack import RegionName

Properties = Mapping[str, Any]
"""A resource's properties with every intrinsic function resolved; scalars may be numbers or text, as in a template."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Where and for what a resource is made."""

    account_id: str
    region: RegionName
    stack_name: str
    stack_id: str
    logical_id: str
    stack_tags: dict[str, str] = {}

    def tags(self, properties: Properties, key: str = "Tags") -> dict[str, str]:
        """The stack's tags, the resource's own, and those that CloudFormation adds."""
        own = {tag["Key"]: str(tag["Value"]) for tag in properties.get(key) or ()}
        added = {"stack-name": self.stack_name, "stack-id": self.stack_id, "logical-id": self.logical_id}
        return self.stack_tags | own | {f"aws:cloudformation:{name}": value for name, value in added.items()}


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A resource that exists: `physical_id` is its Ref, `attributes` its Fn::GetAtt."""

    physical_id: str
    attributes: dict[str, str] = {}


class ResourceType:
    """Base of every type; `properties`, `replaced_by` and `attributes` come from `@cfn`."""

    type_name: ClassVar[str]
    properties: ClassVar[frozenset[str] | None] = frozenset()
    """The properties the lab models, None for any; another one in a template is refused instead of being dropped."""
    replaced_by: ClassVar[frozenset[str]] = frozenset()
    """Properties whose change replaces the resource."""
    attributes: ClassVar[frozenset[str] | None] = frozenset()
    """What Fn::GetAtt knows; None for any."""

    def replaces(self, old: Properties, new: Properties) -> bool:
        """True when the change needs a new physical resource."""
        return bool(self.replaced_by & set(changed_properties(old, new)))

    def create(self, context: Context, properties: Properties) -> Made:
        raise NotImplementedError

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        raise NotImplementedError

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        raise NotImplementedError


_TYPES: dict[str, ResourceType] = {}
_T = TypeVar("_T", bound=type[ResourceType])


def cfn(type_name: str, *, properties: str = "", replaced_by: str = "", attributes: str = "") -> Callable[[_T], _T]:
    """Registers a class as the lab's implementation of `type_name`; the word lists are separated by blanks."""

    def register(cls: _T) -> _T:
        cls.type_name = type_name
        cls.properties = frozenset(properties.split())
        cls.replaced_by = frozenset(replaced_by.split())
        cls.attributes = frozenset(attributes.split())
        _TYPES[type_name] = cls()
        return cls

    return register


def find_type(type_name: str) -> ResourceType | None:
    """The lab's implementation, or None."""
    from harness.lab.controlplane.cloudformation import moto_model, resources  # noqa: F401  (registers types)

    return _TYPES.get(type_name) or moto_model.find(type_name)


def known_types() -> list[str]:
    from harness.lab.controlplane.cloudformation import moto_model, resources  # noqa: F401

    return sorted({*_TYPES, *moto_model.names()})


def changed_properties(old: Properties, new: Properties) -> tuple[str, ...]:
    """Names whose values differ; a number and its text are the same value."""
    names = sorted(old.keys() | new.keys())
    return tuple(name for name in names if _as_text(old.get(name)) != _as_text(new.get(name)))


def _as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None else str(value)


def as_bool(value: Any) -> bool:
    """Template scalars may be text: "false" is false."""
    return value.lower() == "true" if isinstance(value, str) else bool(value)


def as_int(value: Any) -> int | None:
    return None if value is None else int(value)
