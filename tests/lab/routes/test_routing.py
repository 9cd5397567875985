"""Planted routing faults through their WSGI application, and their client through a real server."""

from __future__ import annotations

import pytest

from harness.clock import VirtualClock
from harness.errors import LabError
from harness.lab.client import LabClient
from harness.lab.dns import LatencyDatabase
from harness.lab.routes.routing import PREFIX, MovedSubnet, RoutingFaults

SUBNET = "203.0.113.0/24"
RTT_MS = {"us-east-1": {"us-east-1": 5.0}, "eu-west-1": {"us-east-1": 70.0}}


@pytest.fixture
def used() -> list[LatencyDatabase]:
    """The databases put into force, the last one last."""
    return [LatencyDatabase(RTT_MS, [])]


@pytest.fixture
def app(used, truth):
    faults = RoutingFaults(used[0], used.append, VirtualClock(7.0), truth.append)
    return faults.routes()[PREFIX]


@pytest.fixture
def ask(app, asking):
    return asking(app, PREFIX)


def test_at_first_no_subnet_is_moved(ask):
    assert ask("GET") == (200, {"moved": []})


@pytest.mark.parametrize("region", RTT_MS)
def test_a_moved_subnet_asks_from_the_region_it_was_moved_to(ask, used, region):
    status, reply = ask("PUT", body={"subnet": SUBNET, "region": region})

    assert (status, reply) == (200, {"moved": [{"subnet": SUBNET, "region": region}]})
    assert used[-1].region_of(SUBNET) == region


def test_a_subnet_can_be_moved_again_and_others_with_it(ask, used):
    ask("PUT", body={"subnet": SUBNET, "region": "eu-west-1"})
    ask("PUT", body={"subnet": "198.51.100.0/24", "region": "eu-west-1"})
    _, reply = ask("PUT", body={"subnet": SUBNET, "region": "us-east-1"})

    assert len(reply["moved"]) == 2
    assert used[-1].region_of(SUBNET) == "us-east-1"
    assert used[-1].region_of("198.51.100.0/24") == "eu-west-1"


def test_all_go_back(ask, used):
    ask("PUT", body={"subnet": SUBNET, "region": "eu-west-1"})

    assert ask("DELETE") == (200, {"moved": []})
    assert used[-1] is used[0]


def test_the_truth_log_tells(ask, truth):
    ask("PUT", body={"subnet": SUBNET, "region": "eu-west-1"})

    assert truth[0].what == "routing-fault"
    assert truth[0].detail == {"moved": ({"subnet": SUBNET, "region": "eu-west-1"},)}


@pytest.mark.parametrize(
    ("request_", "status", "field"),
    [
        (("PUT", "", {"subnet": "not one", "region": "eu-west-1"}), 400, "subnet"),
        (("PUT", "", {"subnet": "203.0.113.7/24", "region": "eu-west-1"}), 400, "subnet"),
        (("PUT", "", {"subnet": "2001:db8::/32", "region": "eu-west-1"}), 400, "subnet"),
        (("PUT", "", {"subnet": SUBNET, "region": "eu-nowhere-1"}), 400, "region"),
        (("PUT", "", {"subnet": SUBNET}), 400, "region"),
        (("PUT", "", {"subnet": SUBNET, "region": "eu-west-1", "ttl": 1}), 400, "ttl"),
        (("PUT", "", b"{"), 400, "body"),
        (("PUT", "more", {"subnet": SUBNET, "region": "eu-west-1"}), 404, "path"),
        (("POST", "", {}), 405, "method"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_the_field(ask, used, request_, status, field):
    found, reply = ask(*request_)

    assert (found, reply["error"]["field"]) == (status, field)
    assert len(used) == 1


def test_the_client_moves_and_moves_back(app, served):
    served["app"] = app
    client = LabClient(served["url"])

    assert client.move_subnet(SUBNET, "eu-west-1").moved == (MovedSubnet(subnet=SUBNET, region="eu-west-1"),)
    assert client.moved_subnets().moved
    assert client.move_no_subnets().moved == ()
    with pytest.raises(LabError, match="eu-nowhere-1"):
        client.move_subnet(SUBNET, "eu-nowhere-1")
