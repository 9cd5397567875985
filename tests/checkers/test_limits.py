from __future__ import annotations

import pytest
from builders import a_stack

from harness.checkers.limits import Allowances, client_limit, detection_limit, dns_limit


@pytest.mark.parametrize(
    ("interval_s", "threshold", "limit_s"),
    [
        (30, 3, 104),  # 3 × 31 + 1 + 10; AWS_FACTS' model: 95 of 100 detections within 88.8 s
        (10, 3, 44),  # 3 × 11 + 1 + 10; 29.9 s
        (10, 1, 22),  # 1 × 11 + 1 + 10; 9.7 s
    ],
)
def test_detection_takes_threshold_times_interval_and_response(interval_s, threshold, limit_s):
    assert detection_limit(a_stack(interval_s=interval_s, threshold=threshold), Allowances()).at_most_s == limit_s


def test_dns_follows_detection_by_the_propagation():
    assert dns_limit(a_stack(), Allowances(propagation_s=7)).at_most_s == 104 + 7


def test_clients_follow_dns_by_a_ttl_and_a_probe():
    assert client_limit(a_stack(), Allowances(probe_interval_s=3)).at_most_s == 114 + 60 + 3


def test_a_limit_says_what_it_is_the_sum_of():
    assert client_limit(a_stack(), Allowances()).sentence == (
        "limit 184.0 s = 3 probes × (30 s interval + 1 s response) + 1 s + 10 s margin"
        " + 10 s to the name servers + 60 s TTL + 10 s between requests"
    )
