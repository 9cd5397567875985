"""Starting and stopping."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request

import pytest

from harness.clock import ScaledClock
from harness.errors import LabError
from harness.lab.controlplane import ControlPlane


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LabError, match=f"port {port}"):
            ControlPlane(clock=ScaledClock(), seed=1, port=port).start()


def test_a_stopped_control_plane_answers_nobody() -> None:
    plane = ControlPlane(clock=ScaledClock(), seed=1)
    plane.start()
    plane.stop()

    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(plane.url, timeout=1)
