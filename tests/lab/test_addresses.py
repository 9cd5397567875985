from __future__ import annotations

import socket

import pytest

from harness.errors import LabError
from harness.lab.addresses import allocate

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")


def test_each_region_gets_a_loopback_address_of_its_own():
    addresses, _port = allocate(REGIONS, seed=1)

    assert tuple(addresses) == REGIONS
    assert len(set(addresses.values())) == 3
    assert all(address.startswith("127.") for address in addresses.values())


def test_the_port_is_free_on_every_address():
    addresses, port = allocate(REGIONS, seed=1)

    for address in addresses.values():
        socket.create_server((address, port)).close()


def test_two_labs_of_the_same_seed_stay_apart_although_neither_listens_yet():
    first, _ = allocate(REGIONS, seed=1)
    second, _ = allocate(REGIONS, seed=1)

    assert not set(first.values()) & set(second.values())


def test_a_port_that_is_taken_everywhere_is_an_error_that_names_it():
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(LabError, match=f"port {port}"):
            allocate(REGIONS, port=port, seed=1)
