"""How much the servers of a target are known to carry."""

from __future__ import annotations

from harness.target import Target

API_GATEWAY_PER_S = 10_000.0
"""Default quota of an account in a region, which not all regions have: API Gateway Developer Guide, "Quotas"."""


def capacity_of(target: Target) -> float:
    """Requests a wall second, of all its regions together."""
    return target.endpoints.requests_per_s or API_GATEWAY_PER_S * len(target.stack.regions)
