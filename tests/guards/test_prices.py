"""The estimate of what a run's traffic costs: counts times prices."""

from __future__ import annotations

import pytest
from builders import DUBLIN, EU, dns, reply

from harness.guards.prices import Prices, Usage, cost_of


def test_a_look_is_a_request_and_an_answer_and_a_write_counts_in_every_region() -> None:
    usage = Usage()
    for event in (reply(DUBLIN, EU, 1), reply(DUBLIN, EU, 2), dns(DUBLIN, EU, 1)):
        usage.count(event, regions=3)

    assert usage == Usage(https_requests=2, dns_answers=3)


def test_cost_is_counts_times_prices_of_a_million() -> None:
    """2 million requests at 3.50 and half a million answers at 0.60: 7.00 + 0.30."""
    prices = Prices(million_https_requests=3.5, million_dns_answers=0.6)

    assert cost_of(Usage(https_requests=2e6, dns_answers=5e5, item_reads=9e9), prices) == pytest.approx(7.3)
