from __future__ import annotations

from types import SimpleNamespace

from builders import a_stack

from harness.load.connections import Connections
from harness.load.messages import REFUSED, Begin, Refused, unpack
from harness.load.worker import Worker
from harness.target import TargetFile


def test_a_worker_of_another_version_refuses_and_says_which():
    """Its events would mean other things to a master that knows other fields."""
    sent = []
    runner = SimpleNamespace(client_id="w1", send_message=lambda kind, data: sent.append((kind, data)))
    worker = Worker(SimpleNamespace(runner=runner), alone=True)
    begin = Begin(
        version="0.0.1",
        run="run",
        started_at="2026-01-01T00:00:00+00:00",
        target=TargetFile(name="t", stack=a_stack()),
        ca_pem=None,
        vantages=(),
        connections=Connections.DROP,
        item_path="/data/1",
        every_wall_s=1.0,
        seed=1,
    )

    worker.begin(begin)

    ((kind, data),) = sent
    refusal = unpack(data, Refused)
    assert (kind, refusal.worker) == (REFUSED, "w1")
    assert "its master 0.0.1: install one on both" in refusal.reason
