"""Tells a webhook how the day goes. It may be slow, gone or wrong: the day goes on, and its log says so."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import requests

TIMEOUTS_S = (3.0, 5.0)
"""To connect, and between bytes of the reply."""
ATTEMPTS = 2
WAITING_AT_MOST = 100
ENDS_WITHIN_S = 20.0


class Notifier:
    """Sends on a thread of its own, in order. `record` hears of each message, and why it was not taken, if so."""

    def __init__(
        self,
        webhook: str | None,
        record: Callable[[str, str | None], None],
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._record = record
        self._url, self._trouble = _resolved(webhook, environment)
        self._waiting: queue.Queue[str | None] = queue.Queue(WAITING_AT_MOST)
        self._thread = threading.Thread(target=self._send_all, name="notifications", daemon=True)

    def tell(self, text: str) -> None:
        """Returns at once."""
        if self._trouble:
            self._record(text, self._trouble)
        elif self._url:
            try:
                self._waiting.put_nowait(text)
            except queue.Full:
                self._record(text, f"{WAITING_AT_MOST} messages were waiting to be sent already")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What waits is still sent, for a bounded time."""
        try:
            self._waiting.put(None, timeout=ENDS_WITHIN_S)
        except queue.Full:
            return
        self._thread.join(ENDS_WITHIN_S)

    def _send_all(self) -> None:
        while (text := self._waiting.get()) is not None:
            self._record(text, self._send(text))

    def _send(self, text: str) -> str | None:
        """Why it was not taken; None when it was."""
        assert self._url
        why = ""
        for _ in range(ATTEMPTS):
            try:
                reply = requests.post(self._url, json={"text": text}, timeout=TIMEOUTS_S, allow_redirects=False)
            except requests.RequestException as error:
                # Not the error's text: it has the URL, which is a secret.
                why = f"{type(error).__name__} at {urlsplit(self._url).hostname}"
                continue
            if 200 <= reply.status_code < 300:  # a redirect delivered nothing
                return None
            why = f"status {reply.status_code} from {urlsplit(self._url).hostname}"
            if reply.status_code < 500:
                return why
        return why


def _resolved(webhook: str | None, environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The URL, and why there is none though one was asked for."""
    if webhook is None or not webhook.startswith("$"):
        return webhook, None
    url = environment.get(webhook[1:])
    return (url, None) if url else (None, f"the environment has no {webhook[1:]}")
