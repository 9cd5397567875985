"""The HTTPS server of one region's API Gateway."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import threading
import time
from http import HTTPStatus

from harness.clock import Clock
from harness.errors import LabError
from harness.events import Json
from harness.lab.certificates import Certificates
from harness.lab.gateway.black_hole import BlackHole
from harness.lab.gateway.call import Call, HttpDate, Reply, Request
from harness.lab.gateway.config import RegionConfig
from harness.lab.gateway.connection import Connection, prepared
from harness.lab.gateway.errors import GatewayError, default_reply
from harness.lab.gateway.pipeline import answer
from harness.lab.gateway.served import ServedRegion
from harness.lab.ports import Tables, Truth, TruthLog
from harness.lab.replication.levers import OutageMode, SlowTable
from harness.stack import RegionName

_LOG = logging.getLogger(__name__)
_HANDSHAKE_S = 10.0
_IDLE_S = 310.0
_SWEEP_S = 5.0
_ACCEPTS_PER_TURN = 64
_OUT_OF_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class LabGateway:
    """Serves what `replace_config` last said, on the given loop; `port` 0 takes a free one.

    `replace_config`, `hosts` and `custom_domains` may be called from any thread; the rest belongs to the loop's.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        region: RegionName,
        address: str,
        port: int,
        certificates: Certificates,
        tables: Tables,
        clock: Clock,
        truth: TruthLog,
    ) -> None:
        self.region = region
        self.address = address
        self.port = port
        self._loop = loop
        self._certificates = certificates
        self._tables = tables
        self._clock = clock
        self._truth = truth
        self._date = HttpDate(clock)
        self._domain_suffix = f".execute-api.{region}.amazonaws.com"
        self._replacing = threading.Lock()
        self._served = ServedRegion(RegionConfig(region=region), tables, clock.now_s(), None)
        self._context = certificates.server_context(self._certificate_name)
        self._listener: socket.socket | None = None
        self._connections: set[Connection] = set()
        self._outage: OutageMode | None = None
        self._black_hole: BlackHole | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self._slow_table: SlowTable | None = None
        self._slow_due = 0.0

    # -- configuration

    def set_slow_table(self, slow: SlowTable | None) -> None:
        """How the APIs' calls of their tables go from now on; None: at once. From any thread."""
        self._slow_table = slow

    def replace_config(self, config: RegionConfig) -> None:
        """Serves `config` from the next request on: all of it or, when it raises, nothing."""
        with self._replacing:
            earlier = self._served
            served = ServedRegion(config, self._tables, self._clock.now_s(), earlier)
            # Certificates are issued here, so that no handshake waits for one.
            for name in (f"*{self._domain_suffix}", *served.domains):
                self._certificates.context_for(name)
            self._served = served
            self._tell_changed_variables(earlier, served)

    def hosts(self) -> set[str]:
        """Host names of AWS's own that lead here: execute-api hosts and the targets of regional domains."""
        return set(self._served.hosts)

    def custom_domains(self) -> set[str]:
        return set(self._served.domains)

    def _tell_changed_variables(self, earlier: ServedRegion, served: ServedRegion) -> None:
        at_s = self._clock.now_s()
        for key, stage in served.stages.items():
            before = earlier.stages.get(key)
            if before is None or before.variables == stage.variables:
                continue
            for name in sorted(before.variables.keys() | stage.variables.keys()):
                value = stage.variables.get(name)
                if before.variables.get(name) != value:
                    detail: dict[str, Json] = {"api": stage.api_id, "stage": stage.name, "name": name, "value": value}
                    self._truth(Truth(at_s=at_s, what="stage-variable", region=self.region, detail=detail))

    def _certificate_name(self, asked: str) -> str | None:
        if asked in self._served.domains:
            return asked
        # AWS's own certificate is a wildcard: an API that does not exist still gets a handshake, and then 403.
        label = asked.removesuffix(self._domain_suffix)
        return f"*{self._domain_suffix}" if label != asked and label and "." not in label else None

    # -- listening

    async def start(self) -> None:
        """Listens; does nothing when it already does.

        Raises:
            LabError: the address or port cannot be taken.
        """
        if self._listener:
            return
        try:
            listener = socket.create_server((self.address, self.port), backlog=1024)
        except OSError as error:
            raise LabError(
                f"API gateway of {self.region}: {self.address}:{self.port} cannot be taken ({error.strerror}); "
                "stop what listens there, or start the lab on another port"
            ) from error
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._loop.add_reader(listener.fileno(), self._accept)
        self._sweeping = self._loop.call_later(_SWEEP_S, self._sweep)

    async def stop(self) -> None:
        """Closes the listener and every connection; may be started again, on the same port."""
        self._stop_listening()
        for connection in list(self._connections):
            connection.close()

    def _stop_listening(self) -> None:
        if self._sweeping:
            self._sweeping.cancel()
        if self._black_hole:
            self._black_hole.close()
            self._black_hole = None
        if self._listener:
            self._loop.remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None

    async def set_outage(self, mode: OutageMode | None) -> None:
        """Serves (None), refuses connections and resets those there are, or swallows both: a black hole.

        Raises:
            LabError: it is to serve again, and something else has taken the port meanwhile.
        """
        if mode == self._outage:
            return
        if mode == "hang":
            self._stop_listening()
            self._black_hole = BlackHole(self.address, self.port)
            for connection in self._connections:
                connection.freeze()
        else:
            await self.stop()
            if mode is None:
                await self.start()
        self._outage = mode

    def _accept(self) -> None:
        listener = self._listener
        for _ in range(_ACCEPTS_PER_TURN):
            if listener is None:
                return
            try:
                accepted, (source_address, _port) = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause_accepting(error)
                return
            self._welcome(accepted, source_address)

    def _pause_accepting(self, error: OSError) -> None:
        """Out of files or memory: the loop would otherwise spin on a listener that stays readable."""
        if error.errno not in _OUT_OF_FILES or self._listener is None:
            raise error
        _LOG.warning("API gateway of %s: cannot accept (%s), waits 100 ms", self.region, error.strerror)
        self._loop.remove_reader(self._listener.fileno())
        self._loop.call_later(0.1, self._resume_accepting)

    def _resume_accepting(self) -> None:
        if self._listener:
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _welcome(self, accepted: socket.socket, source_address: str) -> None:
        try:
            sock = prepared(accepted, self._context)
        except OSError:  # Reset between connecting and now.
            accepted.close()
            return
        self._connections.add(
            Connection(
                self._loop, sock, source_address,
                respond=self._respond, refuse=self._refuse, on_close=self._connections.discard,
            )
        )  # fmt: skip

    def _sweep(self) -> None:
        """Closes what has been silent for too long. Wall time: it protects this process, not the model."""
        now_s = time.monotonic()
        for connection in list(self._connections):
            limit_s = _HANDSHAKE_S if connection.shaking_hands else _IDLE_S
            if now_s - connection.active_at_s > limit_s:
                connection.close()
        self._sweeping = self._loop.call_later(_SWEEP_S, self._sweep)

    # -- replies

    def _respond(self, request: Request, keep: bool) -> tuple[bytes, float]:
        call = Call(request, self._clock, self._table_delay)
        reply = self._on_wire(call, answer(self._served, call), keep)
        return reply, call.held_s / self._clock.rate

    def _table_delay(self) -> float:
        """Of the next call of a table. The slow ones come evenly: at a share of a quarter every fourth."""
        slow = self._slow_table
        if slow is None:
            return 0.0
        self._slow_due += slow.share
        if self._slow_due < 1:
            return 0.0
        self._slow_due -= 1
        return slow.delay_s

    def _refuse(self, status: HTTPStatus) -> bytes:
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            reply = default_reply(GatewayError("REQUEST_TOO_LARGE"))
        else:
            headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", "BadRequestException")]
            reply = Reply(status.value, headers, f'{{"message":"{status.phrase}"}}'.encode())
        request = Request(http_method="", host="", path="", query="", headers=[], body=b"", source_address=self.address)
        return self._on_wire(Call(request, self._clock), reply, keep=False)

    def _on_wire(self, call: Call, reply: Reply, keep: bool) -> bytes:
        lines = [
            _STATUS_LINES.get(reply.status) or f"HTTP/1.1 {reply.status} \r\n",
            f"Date: {self._date.text()}\r\n",
            f"Connection: {'keep-alive' if keep else 'close'}\r\n",
            f"x-amzn-RequestId: {call.request_id}\r\nx-amz-apigw-id: {call.extended_request_id}\r\n",
        ]
        for name, value in reply.headers:
            if "\r" in value or "\n" in value:
                value = value.replace("\r", " ").replace("\n", " ")  # noqa: PLW2901 - a value may quote the request
            lines.append(f"{name}: {value}\r\n")
        if reply.status == HTTPStatus.NO_CONTENT:  # RFC 9110, 8.6: no length, and no body.
            lines.append("\r\n")
            return "".join(lines).encode("latin-1", "replace")
        lines.append(f"Content-Length: {len(reply.body)}\r\n\r\n")
        head = "".join(lines).encode("latin-1", "replace")
        return head if call.request.http_method == "HEAD" else head + reply.body
