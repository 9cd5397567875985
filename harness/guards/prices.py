"""What a run's own traffic costs, estimated: counted operations times prices that whoever pays looks up.

No price stands in this code: AWS changes them, and they differ by region and contract. Counted are HTTPS requests, DNS
answers (each HTTPS look as one, though most find theirs cached), item reads, and item writes once for each region that
they are replicated to. Not counted: data transfer, logs, what the stack costs anyway, AWS's free tiers. So it is an
estimate of requests, from above, and not a bill.
"""

from __future__ import annotations

import msgspec

from harness.events import AnyEvent, DnsAnswer, HttpReply, ItemRead, ItemWrite

MILLION = 1e6


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a million operations each, in one currency."""

    million_https_requests: float = 0.0
    million_dns_answers: float = 0.0
    million_item_reads: float = 0.0
    million_item_writes: float = 0.0
    """Of one replicated write unit; a write counts once for each region of the table."""
    currency: str = "USD"

    def __post_init__(self) -> None:
        for name in _PRICE_OF.values():
            if not getattr(self, name) >= 0:
                raise ValueError(f"price {name} {getattr(self, name)}: it must not be below 0")

    @property
    def any(self) -> bool:
        return any(getattr(self, name) > 0 for name in _PRICE_OF.values())


class Usage(msgspec.Struct, kw_only=True):
    """How many operations."""

    https_requests: float = 0
    dns_answers: float = 0
    item_reads: float = 0
    item_writes: float = 0

    def count(self, event: AnyEvent, *, regions: int) -> None:
        """Adds what `event` was billed as; items count in each of `regions`."""
        match event:
            case HttpReply():
                self.https_requests += 1
                self.dns_answers += 1
            case DnsAnswer():
                self.dns_answers += 1 + event.retries
            case ItemRead():
                self.item_reads += 1
            case ItemWrite():
                self.item_writes += regions
            case _:
                pass


_PRICE_OF = {name: f"million_{name}" for name in Usage.__struct_fields__}


def cost_of(usage: Usage, prices: Prices) -> float:
    """In the prices' currency."""
    return float(sum(getattr(usage, name) * getattr(prices, price) for name, price in _PRICE_OF.items()) / MILLION)
