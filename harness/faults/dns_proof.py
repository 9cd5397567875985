"""Proof by DNS: where the name servers lead the users who live in a region."""

from __future__ import annotations

from harness.events import DnsAnswer
from harness.probes.dns import ask
from harness.stack import RegionName
from harness.target import Target
from harness.vantages import catalogue


def answer_near(target: Target, region: RegionName) -> DnsAnswer | None:
    """What the authoritative servers answer to the users of `region` itself; None when the catalogue has no such place.

    A look that went wrong is an answer without an rcode.
    """
    vantage = next((vantage for vantage in catalogue() if vantage.name == f"aws:{region}"), None)
    if vantage is None:
        return None
    return ask(target, vantage, target.nameservers()[0], clock=target.new_clock())


def led_elsewhere(target: Target, region: RegionName) -> str | None:
    """How DNS is seen to lead the users of `region` to another one; None while it does not."""
    answer = answer_near(target, region)
    if answer is None or answer.region in (None, region):
        return None
    return f"the name servers lead users in {region} to {answer.region}"


def led_home(target: Target, region: RegionName) -> bool:
    """True when DNS leads the users of `region` to it."""
    answer = answer_near(target, region)
    return answer is not None and answer.region == region
