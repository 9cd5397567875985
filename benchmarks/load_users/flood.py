"""Locustfile of benchmarks/load.py: users that ask nobody and record events as fast as the master takes them."""

from __future__ import annotations

import os
from pathlib import Path

from locust import constant

from harness.events import HttpReply, Outcome
from harness.load.session import join_locust
from harness.load.users import VantageUser
from harness.target import load_target

TARGET = os.environ["HARNESS_BENCH_TARGET"]
PER_USER = int(os.environ["HARNESS_BENCH_EVENTS"])
CHUNK = 500

join_locust(lambda _text, _lab: load_target(Path(TARGET)))


class FloodUser(VantageUser):
    def __init__(self, environment: object) -> None:
        super().__init__(environment)
        self._pace = constant(0)
        self._left = PER_USER

    def flood(self) -> None:
        clock = self.generator.clock
        for _ in range(min(CHUNK, self._left)):
            now_s = clock.now_s()
            self.generator.record(
                HttpReply(
                    start_s=now_s,
                    end_s=now_s,
                    source="load",
                    vantage=self.place.vantage.name,
                    method="GET",
                    path="/data/1",
                    outcome=Outcome.OK,
                    status=200,
                    region="eu-west-1",
                    address="127.0.0.1",
                    ttl_s=60.0,
                    resolved_s=now_s,
                    first_byte_s=0.001,
                )
            )
        self._left -= min(CHUNK, self._left)
        if not self._left:
            self._pace = constant(1)

    tasks = (flood,)
