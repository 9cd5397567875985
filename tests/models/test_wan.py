from __future__ import annotations

import random
import statistics

import pytest

from harness.errors import UnknownRegion
from harness.models.wan import ReplicationDelay, one_way_s, rtt_ms


def test_virginia_to_ireland_takes_about_seventy_milliseconds_there_and_back():
    assert rtt_ms("us-east-1", "eu-west-1") == pytest.approx(70, abs=2)
    assert one_way_s("us-east-1", "eu-west-1") == pytest.approx(0.035, abs=0.001)


def test_an_unknown_region_is_named_in_the_error():
    with pytest.raises(UnknownRegion, match="eu-atlantis-1"):
        rtt_ms("us-east-1", "eu-atlantis-1")


def delays_s(delay: ReplicationDelay, count: int = 4000, seed: int = 7) -> list[float]:
    source = random.Random(seed)
    return [delay.sample_s("us-east-1", "ap-southeast-2", source) for _ in range(count)]


def test_the_median_delay_is_the_way_there_plus_the_median_service_time():
    """100 ms one way from Virginia to Sydney + 0.75 s."""
    assert statistics.median(delays_s(ReplicationDelay())) == pytest.approx(0.85, abs=0.02)


def test_the_spread_is_lognormal_with_the_given_sigma():
    """p95 of a lognormal: median * exp(1.645 * sigma) = 0.75 * 1.78 = 1.33 s, plus 0.1 s one way."""
    assert statistics.quantiles(delays_s(ReplicationDelay()), n=20)[18] == pytest.approx(1.43, abs=0.05)


def test_no_delay_is_below_the_floor():
    assert min(delays_s(ReplicationDelay(median_s=0.01, way_share=0))) == 0.3


def test_a_delay_can_be_made_constant():
    assert delays_s(ReplicationDelay.constant(0.15), count=5) == pytest.approx([0.15] * 5)


def test_the_same_seed_gives_the_same_delays():
    assert delays_s(ReplicationDelay(), seed=3) == delays_s(ReplicationDelay(), seed=3)
    assert delays_s(ReplicationDelay(), seed=3) != delays_s(ReplicationDelay(), seed=4)


def test_a_negative_parameter_is_refused():
    with pytest.raises(ValueError, match="sigma"):
        ReplicationDelay(sigma=-1)
