"""The WSGI application: /lab/ paths to the lab's own routes, the rest to the AWS service that it is signed for.

The services that the lab relies on are called directly, without moto's Flask applications; that also leaves Flask out
of the start-up time. Any other service goes through moto's server as it is.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from moto.core.request import Request

from harness.lab.controlplane import replies
from harness.lab.controlplane.replies import Reply, StartResponse
from harness.lab.controlplane.requests import Scope, changes_configuration, scope_of
from harness.lab.ports import Change

WsgiApp = Callable[..., Iterable[bytes]]

_log = logging.getLogger(__name__)

_OURS = "harness.lab.controlplane"
_DIRECT = {
    "acm": f"{_OURS}.services.acm:LabAcm",
    "apigateway": f"{_OURS}.services.apigateway:LabApiGateway",
    "cloudformation": f"{_OURS}.cloudformation.api:LabCloudFormation",
    "dynamodb": "moto.dynamodb.responses:DynamoHandler",
    "dynamodbstreams": "moto.dynamodbstreams.responses:DynamoDBStreamsHandler",
    "fis": "moto.fis.responses:FISResponse",
    "iam": "moto.iam.responses:IamResponse",
    "monitoring": f"{_OURS}.services.cloudwatch:LabCloudWatch",
    "route53": f"{_OURS}.services.route53:LabRoute53",
    "sts": "moto.sts.responses:TokenResponse",
    "tagging": f"{_OURS}.services.tagging:LabTagging",
}


class Dispatcher:
    """Answers requests; tells `changed` of every successful call that may have changed configuration."""

    def __init__(self, lab_routes: Mapping[str, WsgiApp], changed: Callable[[Change], None]) -> None:
        self._lab_routes = sorted(lab_routes.items(), key=lambda item: -len(item[0]))
        self._changed = changed
        self._moto: WsgiApp | None = None

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith("/lab/"):
            return self._lab(path, environ, start_response)
        # moto matches paths as they were sent; cheroot keeps that under another name.
        environ["RAW_URI"] = environ.get("REQUEST_URI", path)
        scope = scope_of(environ)
        if scope is not None and scope.service in _DIRECT:
            return self._direct(scope, environ).send(start_response)
        return self._other(scope, environ, start_response)

    def _lab(self, path: str, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        for prefix, app in self._lab_routes:
            if path == prefix or path.startswith(prefix.rstrip("/") + "/"):
                return app(environ, start_response)
        message = f"no lab route {path}; there are {', '.join(prefix for prefix, _ in self._lab_routes)}"
        return replies.error("lab", 404, "NotFound", message).send(start_response)

    def _direct(self, scope: Scope, environ: dict[str, Any]) -> Reply:
        handler = _handler(scope.service, environ)
        request = Request(environ)
        request.from_wsgi_server = True
        try:
            status, headers, body = handler._dispatch(request)
        except Exception as error:  # noqa: BLE001
            # A defect of moto's or ours must look like AWS's internal failure to a client, not like HTML.
            return _failure(scope, handler, request, error)
        if int(status) == 404 and not body:
            return _unknown_operation(scope, request)
        if int(status) < 400:
            self._tell(scope, _action_of(handler), environ)
        return _reply(int(status), headers, body)

    def _other(self, scope: Scope | None, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        service = scope.service if scope else "unsigned"
        began: list[tuple[str, list[tuple[str, str]]]] = []
        try:
            chunks = self._moto_app()(environ, lambda status, headers, *_: began.append((status, headers)))
            body = b"".join(chunks)
        except Exception as error:  # noqa: BLE001  (whatever moto raises becomes AWS's error)
            code = "NotImplemented" if isinstance(error, NotImplementedError) else "InternalFailure"
            return replies.error(service, 501, code, f"the lab does not do this: {error!r}").send(start_response)
        status, headers = began[-1]
        number = int(status.split()[0])
        if number >= 400 and "text/html" in dict(headers).get("Content-Type", ""):
            message = f"the lab does not know {environ['REQUEST_METHOD']} {environ.get('PATH_INFO')} of {service}"
            return replies.error(service, number, "UnknownOperationException", message).send(start_response)
        if number < 400 and scope is not None:
            self._tell(scope, None, environ)
        start_response(status, headers)
        return [body]

    def _tell(self, scope: Scope, action: str | None, environ: dict[str, Any]) -> None:
        method = environ["REQUEST_METHOD"]
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        name = action or target.rpartition(".")[2] or None
        if changes_configuration(name, method):
            described = name or f"{method} {environ.get('PATH_INFO', '')}"
            self._changed(Change(service=scope.service, region=scope.region, action=described))

    def _moto_app(self) -> WsgiApp:
        if self._moto is None:
            # Imported on first use: Flask is not needed by the services above.
            from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

            self._moto = DomainDispatcherApplication(create_backend_app)
        return self._moto


def preload() -> None:
    """Imports every service, so that the first calls are not slower than the rest."""
    for path in _DIRECT.values():
        importlib.import_module(path.partition(":")[0])


def _handler(service: str, environ: Mapping[str, Any]) -> Any:
    if service == "dynamodb" and environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDBStreams"):
        service = "dynamodbstreams"
    module, _, name = _DIRECT[service].partition(":")
    return getattr(importlib.import_module(module), name)()


def _failure(scope: Scope, handler: Any, request: Any, error: Exception) -> Reply:
    """AWS's error for a request that moto failed on: not JSON, no such operation, not implemented, or a defect."""
    if _is_broken_json(request):
        return replies.error(scope.service, 400, "SerializationException", "the request body is not JSON")
    if _action_of(handler) is None:
        return _unknown_operation(scope, request)
    if isinstance(error, NotImplementedError):
        return replies.error(scope.service, 501, "NotImplemented", f"the lab does not do this: {error}")
    _log.error("%s %s %s", scope.service, request.method, request.path, exc_info=error)
    return replies.error(scope.service, 500, "InternalFailure", f"the lab failed: {error!r}")


def _unknown_operation(scope: Scope, request: Any) -> Reply:
    message = f"{scope.service} has no operation {request.method} {request.path}"
    return replies.error(scope.service, 404, "UnknownOperationException", message)


def _is_broken_json(request: Any) -> bool:
    if not request.headers.get("Content-Type", "").startswith("application/x-amz-json"):
        return False
    try:
        msgspec.json.decode(request.get_data() or b"{}")
    except msgspec.DecodeError:
        return True
    return False


def _action_of(handler: Any) -> str | None:
    try:
        action: str | None = handler._get_action()
    except AttributeError:  # It failed before it knew the request.
        return None
    return action


def _reply(status: int, headers: Mapping[str, Any], body: str | bytes) -> Reply:
    kept = {key: str(value) for key, value in headers.items() if key.lower() not in {"status", "content-length"}}
    data = body.encode() if isinstance(body, str) else body
    return Reply(status=status, headers=kept, body=data)
