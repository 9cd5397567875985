"""Resource types written as moto models outside moto, such as the lab's own AWS::DynamoDB::GlobalTable.

moto's own models are left alone: most of them drop properties or cannot be updated, which a lab must not hide.
"""

# Every type has the same three calls, whether or not it needs all of their arguments.
# ruff: noqa: ARG002

from __future__ import annotations

from typing import Any

from moto.core.common_models import CloudFormationModel

from harness.lab.controlplane.cloudformation.registry import Context, Made, Properties, ResourceType


class MotoModel(ResourceType):
    """A `CloudFormationModel` subclass behind the lab's interface. Its Ref and Fn::GetAtt are asked when used."""

    properties = None
    attributes = None

    def __init__(self, model: Any) -> None:
        self._model = model
        self._instances: dict[tuple[str, str], Any] = {}

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get(self._model.cloudformation_name_type()) or f"{context.stack_name}-{context.logical_id}"
        instance = self._model.create_from_cloudformation_json(
            name, self._json(context, properties), context.account_id, context.region
        )
        return self._made(context, instance)

    def update(self, context: Context, made: Made, old: Properties, new: Properties) -> Made:
        instance = self._instances[context.stack_id, made.physical_id]
        updated = self._model.update_from_cloudformation_json(
            instance, made.physical_id, self._json(context, new), context.account_id, context.region
        )
        return self._made(context, updated)

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        self._instances.pop((context.stack_id, made.physical_id), None)
        self._model.delete_from_cloudformation_json(
            made.physical_id, self._json(context, properties), context.account_id, context.region
        )

    def _json(self, context: Context, properties: Properties) -> dict[str, Any]:
        return {
            "Type": self._model.cloudformation_type(),
            "Properties": dict(properties),
            "StackTags": context.stack_tags,
        }

    def _made(self, context: Context, instance: Any) -> Made:
        self._instances[context.stack_id, instance.physical_resource_id] = instance
        return Made(physical_id=instance.physical_resource_id, attributes=_Attributes(instance))


class _Attributes(dict[str, str]):
    """Attributes looked up in the model when a template uses them."""

    def __init__(self, instance: Any) -> None:
        super().__init__()
        self._instance = instance

    def __contains__(self, attribute: object) -> bool:
        return bool(self._instance.has_cfn_attr(attribute))

    def __getitem__(self, attribute: str) -> str:
        return str(self._instance.get_cfn_attribute(attribute))


_adapters: dict[str, MotoModel] = {}


def find(type_name: str) -> ResourceType | None:
    model = _models().get(type_name)
    if model is None:
        return None
    return _adapters.setdefault(type_name, MotoModel(model))


def names() -> list[str]:
    return sorted(_models())


def _models() -> dict[str, Any]:
    models = CloudFormationModel.__subclasses__()
    return {model.cloudformation_type(): model for model in models if not model.__module__.startswith("moto.")}
