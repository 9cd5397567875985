"""Answers and facts for maps made without a network."""

from __future__ import annotations

from harness.probes.flights import Counts
from harness.sweep.asking import Answer
from harness.sweep.table import About

ADDRESSES = {"us-east-1": "192.0.2.1", "eu-west-1": "192.0.2.2", "ap-southeast-2": "192.0.2.3"}
MORE_ADDRESSES = {"eu-west-2": "192.0.2.4", "eu-west-3": "192.0.2.5"}
REGION_OF = {(address,): region for region, address in (ADDRESSES | MORE_ADDRESSES).items()}
TIMEOUT = Answer(error="timeout")


def served_by(region: str) -> Answer:
    return Answer(rcode="NOERROR", addresses=((ADDRESSES | MORE_ADDRESSES)[region],), ttl_s=60.0, scope=24)


def about(**fields) -> About:
    facts = {
        "target": "test",
        "stack": "demo",
        "domain_name": "api.example.com",
        "nameserver": "192.0.2.53 port 53",
        "regions": tuple(ADDRESSES),
        "started_at": "2026-01-01T00:00:00+00:00",
        "clock_rate": 1.0,
        "subnets": 'it\'s "ours"',
        "asked_for": 0,
        "counts": Counts(),
        "wall_s": 1.5,
        "harness_version": "0",
    }
    return About(**{**facts, **fields})
