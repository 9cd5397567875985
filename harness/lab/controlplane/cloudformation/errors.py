"""Errors that CloudFormation's API answers with; the code is AWS's."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class ValidationError(ServiceException):  # type: ignore[misc]
    code = "ValidationError"


class AlreadyExists(ServiceException):  # type: ignore[misc]
    code = "AlreadyExistsException"


class ChangeSetNotFound(ServiceException):  # type: ignore[misc]
    code = "ChangeSetNotFound"


class InvalidChangeSetStatus(ServiceException):  # type: ignore[misc]
    code = "InvalidChangeSetStatus"


class InsufficientCapabilities(ServiceException):  # type: ignore[misc]
    code = "InsufficientCapabilitiesException"


class ResourceFailed(Exception):
    """One resource could not be created, updated or deleted: it fails the stack, not the call."""
