"""The resource types of the reference stack; importing this registers them."""

from __future__ import annotations

from harness.lab.controlplane.cloudformation.resources import (  # noqa: F401
    acm,
    apigateway,
    apigateway_edge,
    cdk,
    iam,
    route53,
)
