from __future__ import annotations

import msgspec
import pytest
from builders import VANTAGES

from harness.report.resolvers import asks_by
from harness.resolving import Resolver, ServeStale, Transport


@pytest.mark.parametrize(
    ("resolver", "told"),
    [
        (Resolver(), ""),
        (Resolver(ttl_min_s=300), "keeps answers for at least 300 s"),
        (
            Resolver(address="192.0.2.53", sends_subnet=False, caches=4),
            "asks 192.0.2.53, sends no client subnet and has 4 caches behind one address",
        ),
        (Resolver(address="system", ttl_max_s=30), "asks this machine's resolver and keeps answers for at most 30 s"),
        (
            Resolver(address="test-dns-answer", transport=Transport.TCP),
            "asks Route 53's TestDNSAnswer and asks over TCP",
        ),
        (Resolver(stale=ServeStale(keep_s=600)), "serves stale answers for up to 600 s"),
    ],
)
def test_what_is_not_plain_is_told(resolver: Resolver, told: str) -> None:
    assert asks_by(msgspec.structs.replace(VANTAGES[0], resolver=resolver)) == told


def test_a_client_that_keeps_its_connection_is_told() -> None:
    pinned = msgspec.structs.replace(VANTAGES[0], keeps_connection=True)

    assert asks_by(pinned) == "keeps its connection"
    assert asks_by(msgspec.structs.replace(pinned, connection_max_age_s=60.0)) == "keeps its connection for up to 60 s"
