"""What workers saw comes home whole, once and in order; what does not is told."""

from __future__ import annotations

import msgspec
import pytest
from builders import DUBLIN, EU, SYDNEY, a_header, reply

from harness.clock import VirtualClock
from harness.events import Gap, HttpReply
from harness.history import encode_line
from harness.load.keeper import Keeper
from harness.load.messages import Batch, Ended, Refused
from harness.recorder import Recorder


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def recorder(clock):
    return Recorder(clock, a_header())


@pytest.fixture
def keeper(recorder):
    keeper = Keeper(recorder, "run")
    keeper.expect("w1", (DUBLIN,))
    keeper.expect("w2", (SYDNEY,))
    return keeper


def batch(number, *at_s, worker="w1", run="run", until_s=0.0, made=()):
    lines = b"".join(encode_line(reply(DUBLIN, EU, one_s)) for one_s in at_s)
    return Batch(worker=worker, run=run, number=number, lines=lines, events=len(at_s), until_s=until_s, made=made)


def ended(worker, events):
    return Ended(worker=worker, run="run", events=events, unsent=0)


def test_batches_of_all_workers_are_one_history(keeper, recorder):
    assert all(keeper.keep(one) for one in (batch(0, 1, 2), batch(0, 3, worker="w2"), batch(1, 4)))

    assert [seen.start_s for seen in recorder.history().of(HttpReply)] == [1, 2, 3, 4]


def test_a_batch_that_comes_again_is_confirmed_and_not_written_again(keeper, recorder):
    keeper.keep(batch(0, 1))

    assert keeper.keep(batch(0, 1))
    assert len(recorder.history().of(HttpReply)) == 1


def test_batches_of_another_run_and_of_strangers_are_not_taken(keeper, recorder):
    assert not keeper.keep(batch(0, 1, run="earlier"))
    assert not keeper.keep(batch(0, 1, worker="stranger"))
    assert not recorder.history().of(HttpReply)


def test_a_whole_record_leaves_no_gap(keeper, recorder):
    keeper.keep(batch(0, 1, 2, until_s=5))
    keeper.ended(ended("w1", 2))
    keeper.ended(ended("w2", 0))
    keeper.close()

    assert not recorder.history().of(Gap)


def test_a_lost_worker_leaves_a_gap_from_its_last_word_on(keeper, recorder, clock):
    """Heard until 5 s, the run ended at 30 s."""
    keeper.keep(batch(0, 1, until_s=5))
    keeper.ended(ended("w2", 0))
    clock.advance_s(30)
    keeper.close()

    (gap,) = recorder.history().of(Gap)
    assert (gap.start_s, gap.end_s, gap.vantage, gap.source) == (5, 30, DUBLIN, "load")
    assert "worker w1 was lost: its last batch came up to 5.0 s" in gap.reason


def test_batches_that_never_came_leave_a_gap(keeper, recorder):
    keeper.keep(batch(0, 1, until_s=1))
    keeper.keep(batch(3, 9, until_s=9))

    (gap,) = recorder.history().of(Gap)
    assert "2 batches of worker w1 never came" in gap.reason


def test_events_that_a_worker_could_not_bring_are_counted(keeper, recorder):
    keeper.keep(batch(0, 1, until_s=1))
    keeper.ended(ended("w1", 4))
    keeper.ended(ended("w2", 0))
    keeper.close()

    (gap,) = recorder.history().of(Gap)
    assert (gap.missed, gap.reason) == (3, "3 events of worker w1 did not reach the master")


def test_a_worker_that_refused_is_not_waited_for_and_leaves_its_reason(keeper, recorder):
    keeper.refused(Refused(worker="w1", reason="worker w1 has harness 0.9, its master 1.0"))
    keeper.ended(ended("w2", 0))

    assert keeper.waited_for == ()
    keeper.close()
    assert "harness 0.9" in recorder.history().of(Gap)[0].reason


def test_workers_of_which_nothing_is_heard_are_silent_after_a_while(keeper, clock):
    clock.advance_s(4)
    keeper.keep(batch(0, until_s=4))
    clock.advance_s(2)

    assert keeper.silent(clock.now_s()) == ("w2",)


def test_keys_of_items_to_remove_are_kept(keeper):
    keeper.keep(batch(0, made=("a",)))
    keeper.keep(batch(0, worker="w2", made=("b", "c")))

    assert keeper.made == ["a", "b", "c"]


def test_messages_survive_their_way():
    """msgpack takes bytes as they are."""
    from harness.load.messages import pack, unpack

    one = batch(0, 1, 2, made=("k",))

    assert unpack(pack(one), Batch) == one
    with pytest.raises(msgspec.ValidationError):
        unpack({"worker": "w1"}, Batch)
