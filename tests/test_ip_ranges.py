"""AWS's published ranges: which region an address belongs to."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

import pytest

from harness.errors import InvalidTargetFile
from harness.ip_ranges import AddressRanges, load_ranges


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("3.5.140.9", "ap-northeast-2"),
        ("3.5.0.1", "us-east-1"),
        ("3.0.0.1", None),
        ("2001:db8::1", None),
        ("nonsense", None),
        ("205.251.192.1", None),
    ],
)
def test_the_longest_network_that_holds_an_address_decides(address, region):
    """205.251.192.0/21 is Route 53's own and everywhere: GLOBAL tells nothing."""
    networks = {"3.5.0.0/16": "us-east-1", "3.5.140.0/22": "ap-northeast-2", "205.251.192.0/21": "GLOBAL"}

    assert AddressRanges({IPv4Network(net): at for net, at in networks.items()}).region_of(address) == region


def test_a_file_as_aws_publishes_it_is_read(tmp_path):
    path = tmp_path / "ip-ranges.json"
    prefix = {
        "ip_prefix": "3.4.12.4/32", "region": "eu-west-1", "service": "AMAZON", "network_border_group": "eu-west-1"
    }  # fmt: skip
    path.write_text(json.dumps({"syncToken": "1", "createDate": "x", "prefixes": [prefix], "ipv6_prefixes": []}))

    assert load_ranges(path).region_of("3.4.12.4") == "eu-west-1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file.*save https://ip-ranges"),
        ("[]", "not in the format of ip-ranges.json"),
        ('{"prefixes": [{"ip_prefix": "x", "region": "y"}]}', "not in the format of ip-ranges.json"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path, text, message):
    path = tmp_path / "ranges.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(InvalidTargetFile, match=message):
        load_ranges(path)
