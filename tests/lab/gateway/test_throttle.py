from __future__ import annotations

from harness.lab.gateway.config import Throttle
from harness.lab.gateway.throttle import TokenBucket


def test_a_burst_passes_and_then_the_rate():
    """Burst 3 at once; at 2 tokens a second, half a second later one more."""
    bucket = TokenBucket(Throttle(rate_rps=2, burst=3), now_s=0)

    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(0.5), bucket.take(0.5)] == [True, False]


def test_a_long_rest_refills_no_more_than_the_burst():
    bucket = TokenBucket(Throttle(rate_rps=100, burst=2), now_s=0)

    assert [bucket.take(1000) for _ in range(3)] == [True, True, False]


def test_a_rate_of_zero_lets_nothing_pass_not_even_the_burst():
    bucket = TokenBucket(Throttle(rate_rps=0, burst=10), now_s=0)

    assert not bucket.take(0)
    assert not bucket.take(100)
