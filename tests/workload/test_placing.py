"""An item for vantages to ask for is served by every region before anything is broken."""

from __future__ import annotations

import pytest

from harness.errors import TargetError
from harness.probes.endpoint import request
from harness.workload import place_item


@pytest.mark.lab
def test_a_placed_item_is_served_by_every_region(lab_target):
    path = place_item(lab_target, "test", lab_target.new_clock())

    for regional in lab_target.stack.regions:
        address = lab_target.resolve_host(regional.domain_target)[0]
        status, body = request(lab_target, lab_target.stack.domain_name, "GET", path, address=address)
        assert status == 200
        assert b'"name": "test"' in body


def test_an_application_that_does_not_work_is_told_before_it_is_broken(loopback_target, name_server, https_server):
    name_server.addresses["d-1.execute-api.eu-west-1.amazonaws.com"] = ("127.0.0.1",)
    https_server.reply = b"HTTP/1.1 503 X\r\nContent-Length: 2\r\n\r\n{}"

    with pytest.raises(TargetError, match=r"POST https://api.example.com/data in eu-west-1 (answered 503|gave no)"):
        place_item(loopback_target, "test", loopback_target.new_clock())
