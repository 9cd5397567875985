"""How long Route 53 takes to see a failure and a recovery: the state machines, beside arithmetic on the rules.

    python -m benchmarks.detection [--checkers 16] [--runs 4000] [--seed 1]

The arithmetic knows nothing of the state machines. With n checkers at independent phases, the check flips when the
k-th of them has, so at the k-th of n uniform phases plus threshold - 1 further periods plus one response; k is 14 of 16
for a failure (18 % of 16 are 2.9, so two may still say healthy) and 3 for a recovery.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

import msgspec

from harness.models.health import CONNECT_TIMEOUT_S, FAST_RESPONSE_S, simulate_detection, simulate_recovery

HEALTHY_SHARE = 0.18


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    mean_s: float
    p5_s: float
    p95_s: float

    def __str__(self) -> str:
        return f"{self.mean_s:6.1f} [{self.p5_s:5.1f} - {self.p95_s:5.1f}]"


def main() -> None:
    options = _options()
    started_s = time.perf_counter()
    print(f"{options.checkers} checkers, {options.runs} runs each, seed {options.seed}; mean [p5 - p95] in seconds\n")
    print(f"{'interval/threshold':<20}{'what':<24}{'state machines':<24}{'arithmetic':<24}{'difference of means':>20}")
    for interval_s in (10, 30):
        for threshold in (1, 2, 3):
            _print_rows(interval_s, threshold, options)
    print(f"\n{time.perf_counter() - started_s:.1f} s of wall time for all of it")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkers", type=int, default=16)
    parser.add_argument("--runs", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _print_rows(interval_s: int, threshold: int, options: argparse.Namespace) -> None:
    n = options.checkers
    may_stay_healthy = math.floor(HEALTHY_SHARE * n)
    failing, recovering = n - may_stay_healthy, may_stay_healthy + 1

    def detect(response_s: float) -> list[float]:
        return simulate_detection(
            interval_s=interval_s,
            threshold=threshold,
            checkers=n,
            seed=options.seed,
            runs=options.runs,
            fail="black-hole" if response_s == CONNECT_TIMEOUT_S else "fast",
        )

    def recover(_response_s: float) -> list[float]:
        return simulate_recovery(
            interval_s=interval_s, threshold=threshold, checkers=n, seed=options.seed, runs=options.runs
        )

    rows: tuple[tuple[str, Callable[[float], list[float]], int, float], ...] = (
        ("detect a fast failure", detect, failing, FAST_RESPONSE_S),
        ("detect a black hole", detect, failing, CONNECT_TIMEOUT_S),
        ("recover", recover, recovering, FAST_RESPONSE_S),
    )
    for what, simulate, k, response_s in rows:
        measured = _spread_of(simulate(response_s))
        expected = expected_spread(interval_s, threshold, k=k, n=n, response_s=response_s)
        difference_s = measured.mean_s - expected.mean_s
        label = f"{interval_s} s x {threshold}"
        print(f"{label:<20}{what:<24}{measured!s:<24}{expected!s:<24}{difference_s:>+18.2f} s")


def expected_spread(interval_s: float, threshold: int, *, k: int, n: int, response_s: float) -> Spread:
    """The time of the k-th of n independent uniform phases, `threshold` probes later."""
    period_before_s = interval_s + FAST_RESPONSE_S
    later_s = (threshold - 1) * (interval_s + response_s) + response_s
    return Spread(
        mean_s=k / (n + 1) * period_before_s + later_s,
        p5_s=_kth_phase(0.05, k, n) * period_before_s + later_s,
        p95_s=_kth_phase(0.95, k, n) * period_before_s + later_s,
    )


def _kth_phase(probability: float, k: int, n: int) -> float:
    """The phase that the k-th smallest of n uniform ones stays below with `probability`, by bisection.

    It does so exactly when at least k of n lie below.
    """
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        below = sum(math.comb(n, j) * middle**j * (1 - middle) ** (n - j) for j in range(k, n + 1))
        low, high = (middle, high) if below < probability else (low, middle)
    return low


def _spread_of(times_s: list[float]) -> Spread:
    cuts = statistics.quantiles(times_s, n=20)
    return Spread(mean_s=statistics.fmean(times_s), p5_s=cuts[0], p95_s=cuts[-1])


if __name__ == "__main__":
    main()
