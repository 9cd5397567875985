from __future__ import annotations

import math

import msgspec
import pytest
from builders import DUBLIN, EU, Story, a_header, deployment, dns, health, reply

from harness.errors import InvalidEvent
from harness.events import AnyEvent, DeployedResource, HealthObservation, Note, Outcome


@pytest.mark.parametrize(("start_s", "end_s"), [(2, 1), (math.nan, 1), (0, math.inf), (math.nan, math.nan)])
def test_an_event_that_ends_before_it_starts_or_never_is_refused(start_s, end_s):
    with pytest.raises(InvalidEvent, match="Note by someone"):
        Note(start_s=start_s, end_s=end_s, source="someone", text="")


@pytest.mark.parametrize(("healthy", "total"), [(17, 16), (-1, 16)])
def test_more_healthy_checkers_than_there_are_is_refused(healthy, total):
    with pytest.raises(InvalidEvent, match=f"{EU}: {healthy} healthy of {total}"):
        HealthObservation(
            start_s=0,
            end_s=0,
            source="x",
            region=EU,
            health_check_id="c",
            outcome=Outcome.OK,
            checkers_healthy=healthy,
            checkers_total=total,
        )


def test_a_health_observation_has_its_times_checked_too():
    with pytest.raises(InvalidEvent):
        msgspec.structs.replace(health(EU, True, 5), end_s=1)


def test_kinds_are_told_apart_in_json():
    events = [dns(DUBLIN, EU, 1), reply(DUBLIN, EU, 1), health(EU, True, 1), *Story().events(), a_header()]
    resource = DeployedResource(region=EU, resource="AWS::X y", properties={"a": "b"})

    for event in [*events, deployment(resource)]:
        assert msgspec.json.decode(msgspec.json.encode(event), type=AnyEvent) == event


def test_what_is_default_is_not_written():
    assert b"retries" not in msgspec.json.encode(dns(DUBLIN, EU, 1))


def test_an_event_cannot_be_changed():
    with pytest.raises(AttributeError):
        dns(DUBLIN, EU, 1).region = "elsewhere"  # type: ignore[misc]


def test_a_history_of_before_resolvers_were_told_apart_is_read_as_what_it_was():
    line = (
        b'{"kind":"dns","start_s":1,"end_s":2,"source":"dns","vantage":"v","nameserver":"n","outcome":"ok","scope":24}'
    )

    answer = msgspec.json.decode(line, type=AnyEvent)

    assert answer.is_truth
    assert answer.subnet is None
