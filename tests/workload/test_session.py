"""A session goes where DNS sends its vantage, and takes its keys along."""

from __future__ import annotations

import pytest

from harness.clock import VirtualClock
from harness.events import Gap, ItemRead, ItemWrite
from harness.probes.pacing import Slot
from harness.vantages import choose
from harness.workload.plan import KeySpace, SessionPlan, Workload
from harness.workload.session import Nowhere, SessionClient, Whereabouts

US, EU = "us-east-1", "eu-west-1"
DOMAIN = "api.example.com"


@pytest.fixture
def target(make_target, name_server):
    for region, address in ((EU, "127.0.0.1"), (US, "127.0.0.2")):
        name_server.addresses[f"d-1.execute-api.{region}.amazonaws.com"] = (address,)
    return make_target(nameservers=(name_server.text,))


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def where(target, clock):
    return Whereabouts(target, choose(["eu-west-1"])[0], clock)


def test_a_session_is_where_dns_sends_it(where):
    assert where.region() == EU


def test_a_session_stays_until_its_answer_has_expired(where, name_server, clock):
    """The answer of second 0 has a TTL of 60 s."""
    where.region()
    name_server.addresses[DOMAIN] = ("127.0.0.2",)

    clock.sleep_until_s(59)
    assert where.region() == EU
    clock.sleep_until_s(61)
    assert where.region() == US


def test_an_answer_of_no_region_of_the_stack_is_told(where, name_server):
    name_server.addresses[DOMAIN] = ("192.0.2.1",)

    with pytest.raises(Nowhere, match=r"192\.0\.2\.1 belong to no one region"):
        where.region()


def test_a_domain_without_address_is_told(where, name_server):
    del name_server.addresses[DOMAIN]

    with pytest.raises(Nowhere, match="DNS: "):
        where.region()


def a_session(target, recorder, **plan):
    keys = KeySpace(Workload(run="r", seed=1), target.stack.region_names)
    return SessionClient(target, choose(["eu-west-1"])[0], recorder, SessionPlan(**plan), keys)


def test_where_dns_gives_no_region_the_operation_is_a_gap(target, name_server, make_recorder, clock):
    name_server.addresses[DOMAIN] = ("192.0.2.1",)
    recorder = make_recorder(clock)
    clock.sleep_until_s(7)

    a_session(target, recorder).act(Slot(due_s=7))

    (gap,) = recorder.history().of(Gap)
    assert (gap.vantage, gap.missed) == ("session:aws:eu-west-1", 1)
    assert "belong to no one region" in gap.reason


@pytest.mark.lab
def test_a_session_writes_its_keys_in_turn_and_reads_back_those_it_wrote(lab_target, make_recorder):
    """Every third operation is a write: w0 r0 r0, w1 r0 r1, w0 r0 r1."""
    clock = lab_target.new_clock()
    recorder = make_recorder(clock, lab_target.stack)
    session = a_session(lab_target, recorder, keys=2, writes_every_s=3, reads_every_s=1)

    for _ in range(9):
        session.act(Slot(due_s=clock.now_s()))

    done = [one for one in recorder.history() if isinstance(one, ItemWrite | ItemRead)]
    numbers = [("w" if isinstance(one, ItemWrite) else "r") + one.key[-1] for one in done]
    assert " ".join(numbers) == "w0 r0 r0 w1 r0 r1 w0 r0 r1"
    assert {one.region for one in done} == {EU}
    assert {one.client for one in done} == {session.name}
    assert done[-1].item is not None
