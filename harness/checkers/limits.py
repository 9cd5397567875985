"""How long each step of a failover may take, from the stack's own interval, threshold and TTL.

Route 53 promises none of these times: they follow from the documented rules, plus allowances that are stated.
"""

from __future__ import annotations

import msgspec

from harness.stack import Stack


class Allowances(msgspec.Struct, frozen=True, kw_only=True):
    """What the documented rules leave open."""

    response_s: float = 1.0
    """A checker counts its interval from the last response: how long a response may take."""
    propagation_s: float = 10.0
    """From a health check's flip until every name server answers by it; AWS publishes no figure."""
    probe_interval_s: float = 10.0
    """How often a vantage asks over HTTPS: a user who asks seldom notices late."""
    margin_s: float = 10.0


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    at_most_s: float
    because: str
    """The sum that makes it."""

    @property
    def sentence(self) -> str:
        return f"limit {self.at_most_s:.1f} s = {self.because}"


def detection_limit(stack: Stack, allowances: Allowances) -> Limit:
    """Until the last of the checkers has flipped, to unhealthy or back: `threshold` probes in a row.

    The unluckiest checker asked just before the change, so it waits a whole interval for each of `threshold` probes;
    the first of them may have been on its way when the change came, which costs one response more.
    """
    interval_s, threshold = stack.health_check_interval_s, stack.failure_threshold
    slowest_s = threshold * (interval_s + allowances.response_s) + allowances.response_s
    return Limit(
        at_most_s=slowest_s + allowances.margin_s,
        because=f"{threshold} probes × ({interval_s:g} s interval + {allowances.response_s:g} s response)"
        f" + {allowances.response_s:g} s + {allowances.margin_s:g} s margin",
    )


def dns_limit(stack: Stack, allowances: Allowances) -> Limit:
    """Until every name server answers by the new health."""
    detection = detection_limit(stack, allowances)
    return Limit(
        at_most_s=detection.at_most_s + allowances.propagation_s,
        because=f"{detection.because} + {allowances.propagation_s:g} s to the name servers",
    )


def client_limit(stack: Stack, allowances: Allowances) -> Limit:
    """Until a user whose resolver cached the old answer at the last moment has asked again."""
    dns = dns_limit(stack, allowances)
    return Limit(
        at_most_s=dns.at_most_s + stack.record_ttl_s + allowances.probe_interval_s,
        because=f"{dns.because} + {stack.record_ttl_s:g} s TTL + {allowances.probe_interval_s:g} s between requests",
    )


def agreement_limit(stack: Stack, allowances: Allowances, *, cached: bool = False) -> Limit:
    """For how long two users with the same nearest regions may be led to, or served by, different ones.

    Not all name servers learn at the same moment; `cached`: and not all caches expire at the same one.
    """
    servers_s = allowances.propagation_s + allowances.margin_s
    because = f"{allowances.propagation_s:g} s to the name servers + {allowances.margin_s:g} s margin"
    if not cached:
        return Limit(at_most_s=servers_s, because=because)
    return Limit(
        at_most_s=servers_s + stack.record_ttl_s + allowances.probe_interval_s,
        because=f"{because} + {stack.record_ttl_s:g} s TTL + {allowances.probe_interval_s:g} s between requests",
    )
