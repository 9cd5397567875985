"""One look at one host of the stack, past DNS routing: is this region's own endpoint well?"""

from __future__ import annotations

import http.client
import socket
from typing import TYPE_CHECKING

from harness.stack import RegionName

if TYPE_CHECKING:
    from harness.target import Target

TIMEOUT_WALL_S = 10.0


class PinnedConnection(http.client.HTTPSConnection):
    """Connects to a given address, with SNI and verification for the host's name."""

    def __init__(self, address: str, host: str, target: Target) -> None:
        self._tls = target.tls_context()
        super().__init__(host, target.https_port, timeout=TIMEOUT_WALL_S, context=self._tls)
        self._address = address

    def connect(self) -> None:
        raw = socket.create_connection((self._address, self.port), self.timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._tls.wrap_socket(raw, server_hostname=self.host)


def get_status(target: Target, host: str, path: str) -> int | None:
    """Status of GET https://host/path at the host's first address; None when no reply came."""
    reply = request(target, host, "GET", path)
    return reply[0] if reply else None


def request_in_region(
    target: Target, region: RegionName, method: str, path: str, body: bytes | None = None
) -> tuple[int, bytes] | None:
    """As `request`, of the custom domain as it is served in one region, past latency routing: as its users ask it."""
    addresses = target.resolve_host(target.stack.in_region(region).domain_target)
    if not addresses:
        return None
    return request(target, target.stack.domain_name, method, path, body, address=addresses[0])


def request(
    target: Target, host: str, method: str, path: str, body: bytes | None = None, *, address: str | None = None
) -> tuple[int, bytes] | None:
    """(status, body) of one HTTPS request; None when the host did not resolve, connect or answer in time."""
    addresses = (address,) if address else target.resolve_host(host)
    if not addresses:
        return None
    connection = PinnedConnection(addresses[0], host, target)
    try:
        headers = {"Host": host, "Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, body=body, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
