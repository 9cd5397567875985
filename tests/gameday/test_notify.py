"""Webhooks: what they are sent, and that a day does not care when they fail. Against a real server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.gameday import notify
from harness.gameday.notify import Notifier


class Webhook:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.statuses: list[int] = []
        """Answered in this order; 200 when there is none left."""
        self.answer = threading.Event()
        self.answer.set()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                hook.texts.append(body["text"])
                hook.answer.wait(10)
                self.send_response(hook.statuses.pop(0) if hook.statuses else 200)
                self.send_header("location", "/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/SECRET"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.answer.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    yield hook
    hook.close()


def told(url: str | None, *texts: str, **environment: str) -> list[tuple[str, str | None]]:
    recorded: list[tuple[str, str | None]] = []
    with Notifier(url, lambda text, error: recorded.append((text, error)), environment) as notifier:
        for text in texts:
            notifier.tell(text)
    return recorded


def test_each_message_is_sent_in_order_as_slack_takes_it(webhook: Webhook) -> None:
    assert told(webhook.url, "started", "finished") == [("started", None), ("finished", None)]
    assert webhook.texts == ["started", "finished"]


def test_the_url_may_come_from_the_environment(webhook: Webhook) -> None:
    assert told("$HOOK", "started", HOOK=webhook.url) == [("started", None)]
    assert told("$HOOK", "started") == [("started", "the environment has no HOOK")]


def test_without_a_webhook_nothing_is_recorded() -> None:
    assert told(None, "started") == []


def test_a_server_in_trouble_is_asked_twice(webhook: Webhook) -> None:
    webhook.statuses = [500, 200]

    assert told(webhook.url, "started") == [("started", None)]
    assert webhook.texts == ["started", "started"]


@pytest.mark.parametrize(("statuses", "times"), [([404], 1), ([302], 1), ([503, 503], 2)])
def test_what_was_not_taken_is_recorded_without_the_secret(webhook: Webhook, statuses: list[int], times: int) -> None:
    webhook.statuses = list(statuses)

    (recorded,) = told(webhook.url, "started")

    assert recorded == ("started", f"status {statuses[0]} from 127.0.0.1")
    assert len(webhook.texts) == times
    assert "SECRET" not in str(recorded)


def test_a_server_that_is_gone_is_recorded_without_the_secret() -> None:
    (recorded,) = told("http://127.0.0.1:1/services/SECRET", "started")

    assert recorded == ("started", "ConnectionError at 127.0.0.1")


def test_a_server_that_hangs_holds_nobody_up(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "TIMEOUTS_S", (0.2, 0.05))
    webhook.answer.clear()

    (recorded,) = told(webhook.url, "started")

    assert recorded == ("started", "ReadTimeout at 127.0.0.1")


def test_more_messages_than_can_wait_are_recorded_as_lost(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "WAITING_AT_MOST", 1)
    webhook.answer.clear()
    recorded: list[tuple[str, str | None]] = []
    with Notifier(webhook.url, lambda text, error: recorded.append((text, error))) as notifier:
        for number in range(5):
            notifier.tell(str(number))
        webhook.answer.set()

    lost = [text for text, error in recorded if error]
    assert lost
    assert "4" in lost
    assert len(recorded) == 5
