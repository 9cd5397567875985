"""All probes together, against real servers: everything lands in the history, and nothing due is silently missing."""

from __future__ import annotations

import socket
import threading

import msgspec
import pytest

from harness.errors import InvalidPlan, TargetError
from harness.events import DnsAnswer, Gap, HealthObservation, HttpReply, Outcome
from harness.probes import https
from harness.probes.live import LiveView, all_of, check_healthy, every_vantage_served_ok
from harness.probes.watch import EVERYONE, ProbePlan, Watch
from harness.resolving import DnsWay, Resolver
from harness.vantages import choose

PLAN = ProbePlan(path="/data/1", https_every_s=1.0, dns_every_s=1.0, health_every_s=1.0)
VANTAGES = choose(limit=4)


@pytest.fixture
def clock(whole_target):
    return whole_target.new_clock()


@pytest.fixture
def recorder(make_recorder, clock):
    return make_recorder(clock)


def _watch_until(watch, recorder, condition, clock):
    view = LiveView(vantage.name for vantage in VANTAGES)
    recorder.listen(view.see)
    with watch:
        assert view.wait_until(condition, at_most_s=200, clock=clock, what="the probes")


def test_every_probe_writes_into_one_history(whole_target, recorder, clock, two_region_stack):
    def seen(view):
        return all_of(every_vantage_served_ok(), *map(check_healthy, two_region_stack.region_names))(view) and all(
            view.answer(vantage) for vantage in view.vantages
        )

    _watch_until(Watch(whole_target, VANTAGES, recorder, PLAN), recorder, seen, clock)

    history = recorder.history()
    assert {reply.vantage for reply in history.of(HttpReply)} == {vantage.name for vantage in VANTAGES}
    assert {answer.vantage for answer in history.of(DnsAnswer)} == {vantage.name for vantage in VANTAGES}
    assert {poll.region for poll in history.of(HealthObservation)} == set(two_region_stack.region_names)
    assert all(reply.outcome is Outcome.OK and reply.path == "/data/1" for reply in history.of(HttpReply))


def test_vantages_do_not_start_together(whole_target, recorder, clock):
    """Four vantages at one look a second: a quarter of a second apart."""
    _watch_until(Watch(whole_target, VANTAGES, recorder, PLAN), recorder, every_vantage_served_ok(), clock)

    phases_s = {}
    for reply in recorder.history().of(HttpReply):
        phases_s.setdefault(reply.vantage, (reply.start_s - reply.late_s) % 1.0)
    gaps_s = sorted((phases_s[vantage.name] - phases_s[VANTAGES[0].name]) % 1.0 for vantage in VANTAGES)
    assert [round(gap_s, 6) % 1.0 for gap_s in gaps_s] == pytest.approx([0, 0.25, 0.5, 0.75], abs=1e-5)


def test_a_hanging_look_leaves_a_gap_that_says_so(whole_target, recorder, clock, https_server, monkeypatch):
    """The first look hangs for 0.2 s of wall time, 4 stack seconds: three or more looks of that vantage are missed."""
    monkeypatch.setattr(https, "TIMEOUT_FLOOR_WALL_S", 0.2)
    plan = ProbePlan(path="/data/1", https_every_s=1.0, https_timeout_s=1.0)
    https_server.handle = lambda *_: https_server.closing.wait(1)

    def gap_seen(_):
        return bool(recorder.history().of(Gap))

    _watch_until(Watch(whole_target, VANTAGES[:1], recorder, plan), recorder, gap_seen, clock)

    gap = recorder.history().of(Gap)[0]
    assert (gap.vantage, gap.source) == (VANTAGES[0].name, "https")
    assert gap.missed >= 3
    assert gap.end_s - gap.start_s == pytest.approx(gap.missed * 1.0)


def test_made_and_missed_looks_are_all_the_looks_that_were_due(whole_target, recorder, clock):
    """For every vantage the due times of its looks and gaps follow each other without a hole."""

    def five_looks_each(_):
        history = recorder.history()
        return all(len(history.replies_of(vantage.name)) >= 5 for vantage in VANTAGES)

    _watch_until(Watch(whole_target, VANTAGES, recorder, PLAN), recorder, five_looks_each, clock)

    for vantage in VANTAGES:
        history = recorder.history()
        due_s = [reply.start_s - reply.late_s for reply in history.replies_of(vantage.name)]
        missed = sum(gap.missed for gap in history.of(Gap) if gap.vantage == vantage.name and gap.end_s <= due_s[-1])
        assert round(due_s[-1] - due_s[0]) + 1 == len(due_s) + missed


def test_dead_name_servers_are_recorded_for_every_vantage(whole_target, recorder, clock, name_server, monkeypatch):
    monkeypatch.setattr("harness.probes.dns.TRY_FLOOR_WALL_S", 0.02)
    monkeypatch.setattr("harness.probes.dns.TRY_S", 0.1)
    name_server.respond = lambda *_: []

    def every_vantage_failed(view):
        return all(view.answer(v) and view.answer(v).outcome is Outcome.FAIL for v in view.vantages)

    _watch_until(Watch(whole_target, VANTAGES, recorder, PLAN), recorder, every_vantage_failed, clock)

    assert any(gap.vantage == EVERYONE and gap.source == "dns" for gap in recorder.history().of(Gap))


def test_a_resolver_that_never_answers_is_recorded_and_slows_nobody(whole_target, recorder, clock, monkeypatch):
    """One of four vantages asks a resolver that is not there; the other three look on at their pace."""
    monkeypatch.setattr("harness.probes.dns.TRY_FLOOR_WALL_S", 0.2)
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    resolver = Resolver(address=f"127.0.0.1:{silent.getsockname()[1]}")
    vantages = (msgspec.structs.replace(VANTAGES[0], resolver=resolver), *VANTAGES[1:])

    def seen(_):
        history = recorder.history()
        failed = [answer for answer in history.of(DnsAnswer) if answer.way is DnsWay.RECURSIVE]
        return failed and history.replies_of(VANTAGES[0].name)

    with silent:
        _watch_until(Watch(whole_target, vantages, recorder, PLAN), recorder, seen, clock)

    history = recorder.history()
    asked = [answer for answer in history.of(DnsAnswer) if answer.way is DnsWay.RECURSIVE]
    assert {(answer.vantage, answer.outcome) for answer in asked} == {(VANTAGES[0].name, Outcome.FAIL)}
    assert asked[0].error.startswith(f"no usable answer from {resolver.address}")
    assert {answer.vantage for answer in history.of(DnsAnswer) if answer.is_truth} == {v.name for v in VANTAGES}
    assert history.replies_of(VANTAGES[0].name)[0].error.startswith("DNS: no usable answer")
    for vantage in VANTAGES[1:]:
        assert len(history.replies_of(vantage.name)) >= 8


def test_stopping_ends_every_thread(whole_target, recorder, clock):
    before = threading.active_count()
    _watch_until(Watch(whole_target, VANTAGES, recorder, PLAN), recorder, every_vantage_served_ok(), clock)

    for thread in threading.enumerate():
        if thread.name.startswith("probe"):
            thread.join(2)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("probe")], before


def test_what_a_probe_died_of_is_raised_at_the_end(whole_target, recorder, clock, monkeypatch):
    """A defect of ours must not pass for silence."""
    died = threading.Event()

    def defect(*_args, **_kwargs):
        died.set()
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("harness.probes.watch.look", defect)
    watch = Watch(whole_target, VANTAGES, recorder, PLAN)
    watch.start()
    assert died.wait(5)

    with pytest.raises(ZeroDivisionError):
        watch.stop()


def test_it_does_not_start_without_name_servers(make_whole_target, recorder):
    with pytest.raises(TargetError, match="nameservers"):
        Watch(make_whole_target(nameservers=("nowhere",)), VANTAGES, recorder, PLAN).start()


@pytest.mark.parametrize(
    "wrong", [{"path": "data"}, {"path": "/a b"}, {"path": "/é"}, {"path": "/\r\nX: y"}, {"https_every_s": 0.0}]
)
def test_a_plan_that_cannot_be_is_refused(wrong):
    with pytest.raises(InvalidPlan):
        ProbePlan(**({"path": "/"} | wrong))
