"""The committed templates as CloudFormation would deploy them, and API Gateway's mapping templates rendered.

`$input` and `$util` are written here once more, from AWS's documentation, and not taken from the lab: a misreading
shared with the lab's gateway would go unseen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import airspeed
import pytest

from infra.templates import DEFAULT_REGIONS, template_path


class Template:
    """One region's template; intrinsic functions are resolved with the given parameters."""

    def __init__(self, region: str, **parameters: str) -> None:
        self.region = region
        self.raw = json.loads(template_path(region).read_text("utf-8"))
        self.resources: dict[str, dict[str, Any]] = self.raw["Resources"]
        defaults = {name: str(parameter.get("Default", "")) for name, parameter in self.raw["Parameters"].items()}
        pseudo = {"AWS::Region": region, "AWS::Partition": "aws", "AWS::AccountId": "123456789012"}
        pseudo |= {"AWS::URLSuffix": "amazonaws.com", "AWS::StackName": "GlobalApplication"}
        given = {"HostedZoneId": "Z0123456789ABC", "DomainName": "api.example.com"}
        self._values = {**pseudo, **defaults, **given, **parameters}

    def resolve(self, value: Any) -> Any:
        """What CloudFormation makes of it; a reference to a resource becomes its name, or <logical id>."""
        match value:
            case {"Ref": name}:
                return self._values.get(name) or self._name_of(name)
            case {"Fn::GetAtt": [logical_id, attribute]}:
                return f"<{logical_id}.{attribute}>"
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self.resolve(part) for part in parts)
            case {"Fn::Sub": text}:
                return re.sub(r"\$\{([\w:]+)\}", lambda found: self._values[found[1]], text)
            case dict():
                return {key: self.resolve(item) for key, item in value.items()}
            case list():
                return [self.resolve(item) for item in value]
        return value

    def _name_of(self, logical_id: str) -> str:
        properties = self.resources[logical_id]["Properties"]
        name = properties.get("TableName") or properties.get("StageName") or properties.get("DomainName")
        return str(self.resolve(name)) if name else f"<{logical_id}>"

    def of_type(self, resource_type: str) -> dict[str, dict[str, Any]]:
        """Logical id -> resolved properties."""
        return {
            logical_id: self.resolve(resource["Properties"])
            for logical_id, resource in self.resources.items()
            if resource["Type"] == resource_type
        }

    def only(self, resource_type: str) -> dict[str, Any]:
        (properties,) = self.of_type(resource_type).values()
        return properties

    def outputs(self) -> dict[str, str]:
        return {name: self.resolve(output["Value"]) for name, output in self.raw["Outputs"].items()}

    def methods(self) -> dict[str, dict[str, Any]]:
        """ "GET /data/{pk}" -> resolved properties of the method."""
        paths = dict(self._paths())
        return {
            f"{method['HttpMethod']} {paths[self.resources[logical_id]['Properties']['ResourceId']['Ref']]}": method
            for logical_id, method in self.of_type("AWS::ApiGateway::Method").items()
        }

    def _paths(self) -> Iterator[tuple[str, str]]:
        for logical_id, resource in self.resources.items():
            if resource["Type"] == "AWS::ApiGateway::Resource":
                yield logical_id, self._path(resource["Properties"])

    def _path(self, properties: dict[str, Any]) -> str:
        parent = properties["ParentId"].get("Ref")
        above = self._path(self.resources[parent]["Properties"]) if parent else ""
        return f"{above}/{properties['PathPart']}"


class _Input:
    """$input of a mapping template."""

    def __init__(self, body: Any, path_parameters: dict[str, str]) -> None:
        self._body = body
        self._path_parameters = path_parameters

    def path(self, expression: str) -> Any:
        value = self._body
        for key in expression.removeprefix("$").strip(".").split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def json(self, expression: str) -> str:
        return json.dumps("" if (value := self.path(expression)) is None else value)

    def params(self, name: str) -> str:
        return self._path_parameters.get(name, "")


class _Util:
    """$util of a mapping template."""

    def escapeJavaScript(self, text: str) -> str:  # noqa: N802 - AWS's name
        """As Apache Commons Lang does: ' and / too, and everything outside of ASCII."""
        inner = json.dumps(str(text))[1:-1]
        return inner.replace("'", "\\'").replace("/", "\\/")


class Rendered:
    def __init__(self, text: str, status: int | None) -> None:
        self.text = text
        self.status = status
        """$context.responseOverride.status; None where the template left it alone."""

    def json(self) -> Any:
        return json.loads(self.text)


@lru_cache
def _parsed(vtl: str) -> airspeed.Template:
    return airspeed.Template(vtl)


def render_template(vtl: str, *, body: Any = None, path: dict[str, str] | None = None, health: str = "200") -> Rendered:
    context: dict[str, Any] = {"extendedRequestId": "JKJaXmPLvHcESHA=", "requestId": "chosen-by-caller"}
    context["responseOverride"] = {}
    names = {
        "input": _Input(body, path or {}),
        "util": _Util(),
        "context": context,
        "stageVariables": {"HEALTH": health, "TABLE": "GlobalApplication"},
    }
    text = _parsed(vtl).merge(names)
    return Rendered(text, context["responseOverride"].get("status"))


@pytest.fixture(params=DEFAULT_REGIONS)
def template(request: pytest.FixtureRequest) -> Template:
    """Every region's template in turn."""
    return Template(request.param)


@pytest.fixture
def ireland() -> Template:
    return Template("eu-west-1")


@pytest.fixture
def main_template() -> Template:
    return Template(DEFAULT_REGIONS[0])


@pytest.fixture
def template_with() -> Callable[..., Template]:
    """Template of a region with other parameters."""
    return Template


@pytest.fixture(scope="session")
def render() -> Callable[..., Rendered]:
    return render_template


@pytest.fixture(scope="session")
def escape_template() -> str:
    """The request template of GET /data/{pk}."""
    return str(Template("eu-west-1").methods()["GET /data/{pk}"]["Integration"]["RequestTemplates"]["application/json"])
