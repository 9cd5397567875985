"""GuardWatch against real files and a real alarm of the lab."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from builders import DUBLIN, EU, a_header, reply

from harness.clock import VirtualClock
from harness.errors import GuardTripped
from harness.guards import Alarm, AnyGuard, CostCeiling, EveryVantageServed, Freeze, GuardWatch, StopFile
from harness.guards import watch as watch_module
from harness.guards.prices import Prices
from harness.recorder import Recorder
from harness.target import Target

ALARM = "guard-test"


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(VirtualClock(), a_header())


@pytest.fixture
def target(make_target: Callable[..., Target]) -> Target:
    return make_target()


def tripped_within(watch: GuardWatch, wall_s: float = 5.0) -> str:
    """What the watch's own thread found."""
    waited = threading.Event()
    for _ in range(int(wall_s / 0.01)):
        if watch.tripped:
            return str(watch.tripped)
        waited.wait(0.01)
    raise AssertionError("no guard tripped")


def test_a_stop_file_stops_what_goes_on_and_refuses_what_would_begin(
    target: Target, recorder: Recorder, tmp_path: Path
) -> None:
    stop = tmp_path / "stop"
    guards: tuple[AnyGuard, ...] = (StopFile(path=str(stop)),)
    with GuardWatch(guards, target, recorder) as watch:
        watch.check()
        stop.touch()
        tripped_within(watch)
        with pytest.raises(GuardTripped, match=r"stopped by guard 'stop-file': .*/stop exists"):
            watch.check()
    with pytest.raises(GuardTripped, match="stop-file"), GuardWatch(guards, target, recorder):
        raise AssertionError("entered")


def test_what_tripped_stays_tripped(target: Target, recorder: Recorder, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    with GuardWatch((StopFile(path=str(stop)),), target, recorder) as watch:
        stop.touch()
        tripped_within(watch)
        stop.unlink()

        with pytest.raises(GuardTripped):
            watch.check()


def test_a_hypothesis_is_judged_live_from_what_the_probes_record(target: Target, recorder: Recorder) -> None:
    with GuardWatch((EveryVantageServed(longest_s=50),), target, recorder) as watch:
        recorder.record(reply(DUBLIN, EU, 0))
        assert watch.look() is None
        recorder.clock.sleep_until_s(60)

        assert "no good reply" in tripped_within(watch)


def test_a_freeze_is_judged_by_the_walls_calendar(target: Target, recorder: Recorder) -> None:
    freeze = Freeze(first=date(2026, 11, 20), last=date(2026, 12, 1), time_zone="UTC")
    wall = datetime(2026, 11, 27, tzinfo=UTC)

    with pytest.raises(GuardTripped, match="'freeze': change freeze"):
        GuardWatch((freeze,), target, recorder, wall=lambda: wall).__enter__()


def test_the_cost_counts_what_the_run_did_before(target: Target, recorder: Recorder) -> None:
    """Each look is a request and an answer: at 1 a request, the third is beyond 2."""
    guard = CostCeiling(at_most=2, prices=Prices(million_https_requests=1e6))
    recorder.record(reply(DUBLIN, EU, 0))
    recorder.record(reply(DUBLIN, EU, 1))
    with GuardWatch((guard,), target, recorder) as watch:
        assert watch.look() is None
        recorder.record(reply(DUBLIN, EU, 2))

        assert "estimated at 3.0000 USD; at most 2" in tripped_within(watch)


def test_a_guard_that_cannot_look_has_tripped(
    target: Target, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("defect")

    monkeypatch.setattr(watch_module, "within_freeze", broken)
    freeze = Freeze(first=date(2026, 11, 20), last=date(2026, 12, 1), time_zone="UTC")

    with pytest.raises(GuardTripped, match="could not be evaluated: ZeroDivisionError"):
        GuardWatch((freeze,), target, recorder).__enter__()


@pytest.fixture
def alarm(lab_target: Target) -> Iterator[None]:
    client = lab_target.cloudwatch(EU)
    client.put_metric_alarm(
        AlarmName=ALARM,
        Namespace="t",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    client.set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="t")
    yield
    client.delete_alarms(AlarmNames=[ALARM])


@pytest.mark.lab
@pytest.mark.usefixtures("alarm")
def test_an_alarm_in_state_alarm_trips(lab_target: Target, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "ALARM_EVERY_WALL_S", 0.05)
    with GuardWatch((Alarm(name=ALARM, region=EU),), lab_target, recorder) as watch:
        lab_target.cloudwatch(EU).set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="t")

        assert tripped_within(watch).endswith(f"alarm '{ALARM}' in {EU} is in state ALARM")


@pytest.mark.lab
def test_an_alarm_that_does_not_exist_protects_nobody(lab_target: Target, recorder: Recorder) -> None:
    with pytest.raises(GuardTripped, match=f"there is no alarm 'none' in {EU}"):
        GuardWatch((Alarm(name="none", region=EU),), lab_target, recorder).__enter__()


def test_an_alarm_that_cannot_be_read_from_the_start_protects_nobody(
    make_target: Callable[..., Target], recorder: Recorder
) -> None:
    nowhere = make_target(aws_url="http://127.0.0.1:9")

    with pytest.raises(GuardTripped, match="'alarm': it cannot be read"):
        GuardWatch((Alarm(name=ALARM, region=EU),), nowhere, recorder).__enter__()
