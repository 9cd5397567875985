from __future__ import annotations

import ipaddress
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.sweep.subnets import Subnet, is_public, parse_subnet, partition, public_subnets, read_subnets

VANTAGES = ("aws:eu-west-1", "aws:us-east-1")


def numbers(subnets: list[Subnet]) -> list[int]:
    return [int.from_bytes(subnet.octets) for subnet in subnets]


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 1000), seed=st.integers(0, 99))
def test_as_many_different_public_subnets_as_asked_for(count: int, seed: int):
    found = public_subnets(count, seed=seed, always=["3.248.0.0/24"])

    assert len(set(found)) == len(found) == count
    assert all(is_public(number) for number in numbers(found))


def test_nothing_reserved_private_or_multicast_is_public():
    """Each /24 that begins a /16, and the documented exceptions, as Python's own registry has them."""
    for number in [*range(0, 1 << 24, 256), *(number for number in range(0xC00000, 0xC00100))]:
        address = ipaddress.IPv4Address(number << 8)
        if not address.is_global or address.is_multicast:
            assert not is_public(number), address


def test_they_are_spread_evenly():
    """10,000 of 14.5 million: a /8 that is public throughout has 65,536 of those, so 45 of these, within one."""
    per_8 = Counter(number >> 16 for number in numbers(public_subnets(10_000, seed=3)))

    assert {per_8[first] in (44, 45, 46) for first in (1, 3, 52, 99, 150, 200)} == {True}
    assert not {first for first in per_8 if first in (0, 10, 127) or first >= 224}


def test_every_beginning_of_them_is_spread_too():
    """Of the first tenth, a public /8 should have 4.5: none has fewer than 3 or more than 6."""
    per_8 = Counter(number >> 16 for number in numbers(public_subnets(10_000, seed=3))[:1000])

    assert {per_8[first] for first in (1, 3, 52, 99, 150, 200)} <= {3, 4, 5, 6}


def test_the_seed_decides_and_the_known_come_first():
    one, same, other = (public_subnets(50, seed=seed, always=["3.248.0.0/24"]) for seed in (1, 1, 2))

    assert one == same != other
    assert one[0].text == "3.248.0.0/24"


def test_a_few_are_the_known_ones_alone():
    assert [subnet.text for subnet in public_subnets(1, seed=1, always=["3.248.0.0/24", "3.5.0.0/24"])] == [
        "3.248.0.0/24"
    ]


@pytest.mark.parametrize("count", [0, -5, 1 << 24])
def test_more_or_less_than_there_are_is_refused(count: int):
    with pytest.raises(UsageError, match="choose 1 to 14,"):
        public_subnets(count, seed=1)


def test_a_file_has_subnets_vantages_and_comments(tmp_path: Path):
    path = tmp_path / "subnets.txt"
    path.write_text(
        "# ours\n\n 203.0.113.0/24 , aws:eu-west-1 # the office\n2001:db8::/48\n203.0.113.0/24\n3.248.0.0/13\n"
    )

    found = read_subnets(path, VANTAGES)

    assert [(subnet.text, subnet.vantage) for subnet in found] == [
        ("203.0.113.0/24", "aws:eu-west-1"),
        ("2001:db8::/48", ""),
        ("3.248.0.0/13", ""),
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1.2.3.0/33", "line 2: '1.2.3.0/33' is not a subnet"),
        ("1.2.3.4/24", "has host bits set"),
        ("example.com", "line 2: 'example.com' is not a subnet"),
        ("0.0.0.0/0", "is everybody"),
        ("1.2.3.0/24,mars", "vantage 'mars' is not in the catalogue"),
        (",aws:eu-west-1", "'' is not a subnet"),
    ],
)
def test_a_line_that_is_no_subnet_is_named(tmp_path: Path, line: str, told: str):
    path = tmp_path / "subnets.txt"
    path.write_text(f"3.248.0.0/24\n{line}\n")

    with pytest.raises(UsageError) as error:
        read_subnets(path, VANTAGES)
    assert told in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe"])
def test_a_file_without_subnets_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "subnets.txt"
    path.write_bytes(content)

    with pytest.raises(UsageError, match="subnets file"):
        read_subnets(path, VANTAGES)


@given(count=st.integers(0, 200), parts=st.integers(1, 20))
def test_every_subnet_is_in_one_part_and_the_parts_are_of_one_size(count: int, parts: int):
    subnets = [parse_subnet(f"3.0.{number}.0/24") for number in range(count)]

    shares = partition(subnets, parts)

    assert sorted(subnet for share in shares for subnet in share) == sorted(subnets)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
