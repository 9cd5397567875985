"""Joins the harness to locust: which of locust's events leads to what, for a lone locust, a master and a worker."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import gevent
import msgspec
from locust import events
from locust.runners import MasterRunner, WorkerRunner

from harness.errors import HarnessError
from harness.load import messages
from harness.load.connections import Connections
from harness.load.master import Master
from harness.load.options import Setup, add_options
from harness.load.shape import PlannedShape, read_phases
from harness.load.sweeping import SweepOrder, Swept
from harness.load.web import add_tab
from harness.load.worker import Worker
from harness.vantages import choose

if TYPE_CHECKING:
    from collections.abc import Callable

    from locust.env import Environment

    from harness.target import Target

    TargetFor = Callable[[str, str], Target]
    """From `--target` and `--lab`."""

FINISHED_WITHIN_WALL_S = 10.0
"""Users that are stopped may end the request that they have begun."""

T = TypeVar("T", bound=msgspec.Struct)


def join_locust(target_for: TargetFor) -> None:
    """Once for each locustfile."""

    def initialized(environment: Environment, **_: Any) -> None:
        if isinstance(environment.runner, WorkerRunner):
            _join_worker(environment, Worker(environment, alone=False))
            return
        try:
            setup = _setup(environment, target_for)
            master = Master(environment, setup)
        except HarnessError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(error.exit_code)
        except Exception:  # noqa: BLE001  # whatever it is, no test may run without us
            # locust would log it and go on without us.
            traceback.print_exc()
            sys.exit(2)
        if setup.shape_file:
            environment.shape_class = _shape(setup, setup.shape_file)
            environment.shape_class.runner = environment.runner
        # A request that is cut may make an item that nobody knows of.
        environment.stop_timeout = environment.stop_timeout or FINISHED_WITHIN_WALL_S
        environment.host = f"https://{setup.target.stack.domain_name}"
        _join_master(environment, master)
        add_tab(environment, master, setup)
        if not isinstance(environment.runner, MasterRunner):
            _join_alone(environment, master, Worker(environment, alone=True))
        # gevent's timers count from when its loop last looked at the clock, which was before all this: without it
        # a run time of 3 s could be over at once.
        gevent.get_hub().loop.update_now()

    events.init_command_line_parser.add_listener(lambda parser, **_: add_options(parser))
    events.init.add_listener(initialized)


def _setup(environment: Environment, target_for: TargetFor) -> Setup:
    options = environment.parsed_options
    assert options is not None
    patterns = [pattern.strip() for pattern in options.vantage_patterns.split(",")]
    return Setup(
        target=target_for(options.target, options.lab),
        vantages=choose(patterns, options.vantage_limit),
        connections=Connections(options.connections),
        every_wall_s=options.every,
        reports=Path(options.report_dir),
        seed=options.seed,
        failed_share_at_most=options.failed_share_at_most,
        sweep_subnets=options.sweep_subnets,
        events_file=Path(options.harness_events) if options.harness_events else None,
        started_at=options.harness_started_at or None,
        shape_file=Path(options.harness_shape) if options.harness_shape else None,
    )


def _shape(setup: Setup, path: Path) -> PlannedShape:
    shape = PlannedShape()
    shape.phases, shape.rate = read_phases(path), setup.target.endpoints.clock_rate
    return shape


def _join_master(environment: Environment, master: Master) -> None:
    _listen(environment, messages.BATCH, messages.Batch, lambda batch, _: master.batch(batch))
    _listen(environment, messages.PING, messages.Ping, master.pinged)
    _listen(environment, messages.SWEPT, Swept, lambda swept, _: master.swept(swept))
    _listen(environment, messages.ENDED, messages.Ended, lambda ended, _: master.ended(ended))
    _listen(environment, messages.REFUSED, messages.Refused, lambda refused, _: master.refused(refused))

    def start(**_: Any) -> None:
        try:
            master.start()
        except HarnessError as error:
            # Nobody can be served: users would only fail, one by one.
            print(f"error: {error}", file=sys.stderr)
            environment.process_exit_code = error.exit_code
            raise SystemExit(error.exit_code) from error

    def quitting(**_: Any) -> None:
        if master.is_running and environment.runner:
            environment.runner.stop()
        if master.exit_codes:
            environment.process_exit_code = max(master.exit_codes)

    environment.events.test_start.add_listener(start)
    environment.events.quitting.add_listener(quitting)
    if isinstance(environment.runner, MasterRunner):
        environment.events.worker_connect.add_listener(lambda client_id, **_: master.tell_to_begin(client_id))
        environment.events.test_stopping.add_listener(lambda **_: master.end_workers())
        environment.events.test_stop.add_listener(lambda **_: master.finish())


def _join_worker(environment: Environment, worker: Worker) -> None:
    _listen_as_worker(environment, worker)

    def end(*_: Any, **__: Any) -> None:
        if environment.runner:
            environment.runner.stop()
        worker.end()

    # In a greenlet of its own: while it stops users and waits, the master's confirmations must be heard.
    _listen(environment, messages.END, messages.End, end, concurrent=True)
    environment.events.quitting.add_listener(end)


def _join_alone(environment: Environment, master: Master, worker: Worker) -> None:
    _listen_as_worker(environment, worker)

    def stopped(**_: Any) -> None:
        worker.end()
        master.finish()

    environment.events.test_stop.add_listener(stopped)


def _listen_as_worker(environment: Environment, worker: Worker) -> None:
    _listen(environment, messages.BEGIN, messages.Begin, lambda begin, _: worker.begin(begin))
    _listen(environment, messages.KEPT, messages.Kept, lambda kept, _: worker.kept(kept))
    _listen(environment, messages.PONG, messages.Pong, lambda pong, _: worker.ponged(pong))
    _listen(environment, messages.SWEEP, SweepOrder, lambda order, _: worker.sweep(order))


def _listen(
    environment: Environment, kind: str, of: type[T], heard: Callable[[T, str], None], *, concurrent: bool = False
) -> None:
    """`heard` gets the message and the name of the node that sent it."""

    def listener(environment: Environment, msg: Any, **_: Any) -> None:  # noqa: ARG001
        heard(messages.unpack(msg.data, of), str(msg.node_id))

    assert environment.runner is not None
    environment.runner.register_message(kind, listener, concurrent=concurrent)
