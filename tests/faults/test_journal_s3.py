"""A journal that several machines share, in the lab's S3: one writer at a time, whoever is slow or dead."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from builders import EU, US
from journals import opened

from harness.aws import Aws
from harness.errors import JournalOpen, JournalUnwritable, TargetError, UsageError
from harness.faults import journal_s3
from harness.faults.calls import carry_out
from harness.faults.health_broken import HealthBroken
from harness.faults.journal import Journal
from harness.faults.journal_s3 import S3Store, compacted
from harness.faults.journal_store import Holder, store_at
from harness.faults.recover import recover
from harness.target import Target

pytestmark = pytest.mark.lab

BUCKET = "harness-journals"


@pytest.fixture
def aws(lab_target: Target) -> Aws:
    aws = Aws(lab_target.endpoints.aws_url)
    aws.s3().create_bucket(Bucket=BUCKET)
    return aws


@pytest.fixture
def where() -> str:
    return f"s3://{BUCKET}/{uuid.uuid4().hex}/journal.jsonl"


def lock_of(where: str) -> str:
    return where.removeprefix(f"s3://{BUCKET}/") + ".lock"


def body_of(aws: Aws, where: str) -> bytes:
    return aws.s3().get_object(Bucket=BUCKET, Key=where.removeprefix(f"s3://{BUCKET}/"))["Body"].read()


def of_another_machine(aws: Aws, where: str, run: str = "elsewhere") -> S3Store:
    """Holds the journal as a process of another machine does, whose pid nobody here can look up."""
    store = S3Store(where, aws)
    store.lock(Holder(run=run, host="other", pid=1, machine="other boot"))
    return store


def test_what_one_machine_opened_another_reads_and_closes(aws: Aws, where: str) -> None:
    with Journal(S3Store(where, aws), run="first") as journal:
        entry = opened(journal, EU)
        kept = opened(journal, US)
    with Journal(S3Store(where, aws), run="second") as journal:
        assert journal.open_entries() == [entry, kept]
        journal.close(entry.id, "recovered")

        assert journal.open_entries() == [kept]


def test_a_second_run_is_refused_and_told_who_is_first(aws: Aws, where: str) -> None:
    store = of_another_machine(aws, where, "monday")
    try:
        with pytest.raises(JournalOpen, match=r"run monday \(process 1 on other\).*wait for it to end"):
            Journal(S3Store(where, aws), run="tuesday")
    finally:
        store.release()
    Journal(S3Store(where, aws), run="tuesday").release()


def test_of_many_that_come_at_once_one_wins(aws: Aws, where: str) -> None:
    won: list[S3Store] = []
    refused: list[str] = []
    ready = threading.Barrier(6)

    def come(number: int) -> None:
        store = S3Store(where, aws)
        ready.wait(10)
        try:
            store.lock(Holder(run=f"r{number}", host="other", pid=number, machine="other"))
            won.append(store)
        except JournalOpen as error:
            refused.append(str(error))

    threads = [threading.Thread(target=come, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert (len(won), len(refused)) == (1, 5)
    won[0].release()


def test_of_two_writers_of_the_same_lines_one_wins(aws: Aws, where: str) -> None:
    """Both have read the same lines; the second was taken over without knowing. Its entry is refused: nothing is
    broken by it, and the first one's line is still there."""
    second = of_another_machine(aws, where)
    second.read()
    key = lock_of(where)
    aws.s3().delete_object(Bucket=BUCKET, Key=key)  # As if its lease had run out.
    first = of_another_machine(aws, where, "first")
    first.append(b'{"first":1}', only_if_ours=True)

    with pytest.raises(JournalOpen, match="taken over"):
        second.append(b'{"second":2}', only_if_ours=True)

    assert body_of(aws, where) == b'{"first":1}\n'
    first.release()


def test_a_closing_line_is_added_to_what_others_wrote_meanwhile(aws: Aws, where: str) -> None:
    store = of_another_machine(aws, where)
    store.append(b'{"a":1}', only_if_ours=True)
    aws.s3().put_object(Bucket=BUCKET, Key=where.removeprefix(f"s3://{BUCKET}/"), Body=b'{"a":1}\n{"b":2}\n')

    store.append(b'{"c":3}', only_if_ours=False)

    assert body_of(aws, where) == b'{"a":1}\n{"b":2}\n{"c":3}\n'
    store.release()


def test_a_write_whose_reply_was_lost_is_not_made_twice(aws: Aws, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 has it, and the retry with the old ETag is refused: the line is there, once."""
    store = of_another_machine(aws, where)
    put, dropped = store._put, []

    def reply_lost(key: str, body: bytes, etag: str | None) -> str | None:
        got = put(key, body, etag)
        if not dropped:
            dropped.append(got)
            return None
        return got

    monkeypatch.setattr(store, "_put", reply_lost)
    store.append(b'{"a":1}', only_if_ours=True)

    assert body_of(aws, where) == b'{"a":1}\n'
    store.release()


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_notices(
    aws: Aws, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_s3, "RENEW_EVERY_WALL_S", 0.05)
    first = of_another_machine(aws, where)
    monkeypatch.setattr(journal_s3, "LEASE_WALL_S", -1.0)  # By S3's clock it is over at once.
    second = of_another_machine(aws, where, "second")
    monkeypatch.setattr(journal_s3, "LEASE_WALL_S", 60.0)
    first._renewing.join(5)  # type: ignore[union-attr]

    assert first.lost() == "another process has taken it over"
    with pytest.raises(JournalOpen, match="not this run's any more"):
        first.append(b"{}", only_if_ours=True)
    second.release()


def test_a_lease_is_renewed_while_its_run_lives(aws: Aws, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_s3, "RENEW_EVERY_WALL_S", 0.02)
    store = of_another_machine(aws, where)
    first = store._lock_etag
    renewed_s = store._renewed_s
    waited = threading.Event()
    for _ in range(500):
        if store._renewed_s > renewed_s:
            break
        waited.wait(0.01)

    assert store._renewed_s > renewed_s
    assert store.lost() is None
    assert first is not None
    store.release()


def test_a_run_that_was_killed_on_this_machine_is_known_to_be_dead(aws: Aws, where: str) -> None:
    """No need to wait for its lease: its process is looked up."""
    code = (
        "import os, sys\n"
        "from harness.faults.journal import Journal\n"
        "journal = Journal(sys.argv[1], run='killed')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "AWS_ENDPOINT_URL": str(aws._aws_url)}
    killed = subprocess.run([sys.executable, "-c", code, where], check=False, env=environment, timeout=60)
    assert killed.returncode == -9

    with Journal(S3Store(where, aws), run="next") as journal:
        assert journal.open_entries() == []


def test_a_bucket_that_is_not_there_is_an_error_before_anything_is_broken(aws: Aws) -> None:
    with pytest.raises(TargetError, match="NoSuchBucket"):
        Journal(S3Store("s3://no-such-bucket-here/j", aws), run="r")


def test_s3_that_goes_away_refuses_the_entry(aws: Aws, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(store := S3Store(where, aws), run="r")

    def away(*_: object) -> None:
        raise TargetError("it cannot be reached")

    with monkeypatch.context() as gone:
        gone.setattr(store, "_put", away)
        gone.setattr(store, "_get", away)
        with pytest.raises(JournalUnwritable, match=r"journal\.jsonl cannot be written: it cannot be reached"):
            opened(journal, EU)
    journal.release()


@pytest.mark.parametrize("address", ["s3://bucket", "s3://bucket/", "s3:///key", "gs://bucket/key"])
def test_an_address_that_cannot_be_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="undo journal"):
        store_at(address)


def test_closed_entries_are_left_out_when_all_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"entry":"opened","id":"1"}\n{"entry":"closed","id":"1"}\n{"entry":"opened","id":"2"}\nnot json\n'
    assert compacted(body) == body
    monkeypatch.setattr(journal_s3, "COMPACT_ABOVE_BYTES", 10)

    assert compacted(body) == b'{"entry":"opened","id":"2"}\nnot json\n'


def test_an_s3_journal_that_was_copied_is_a_journal_file(aws: Aws, where: str, tmp_path: Path) -> None:
    with Journal(S3Store(where, aws), run="r") as journal:
        entry = opened(journal, EU)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(body_of(aws, where))

    with Journal(copy, run="recover") as journal:
        assert journal.open_entries() == [entry]


def test_recover_waits_for_the_lease_of_a_run_that_died_elsewhere(
    aws: Aws, where: str, lab_target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is gone left health-broken behind and renews nothing; its lease ends, and then it is undone."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(lab_target.endpoints.aws_url))
    monkeypatch.setattr("harness.faults.recover.ASK_AGAIN_WALL_S", 0.0)
    fault = HealthBroken(region=EU)
    snapshot = fault.snapshot(lab_target)
    store = S3Store(where, aws)
    with Journal(store, run="gone") as journal:
        journal.open(fault, snapshot, target="lab", stack=lab_target.stack, endpoints=lab_target.endpoints)
    of_another_machine(aws, where)
    carry_out(fault.changes(lab_target.stack, snapshot), lab_target)
    waited: list[str] = []

    def the_lease_ends(text: str) -> None:
        waited.append(text)
        monkeypatch.setattr(journal_s3, "LEASE_WALL_S", -1.0)

    (result,) = recover(where, lambda _result: None, the_lease_ends)

    assert (result.how, result.calls) == ("recovered", (f"apigateway UpdateStage in {EU}: HTTP 200",))
    assert waited
    assert "run elsewhere (process 1 on other)" in waited[0]
    assert fault.is_rolled_back(lab_target, snapshot)


def test_recover_is_refused_while_a_run_elsewhere_renews_its_lease(
    aws: Aws, where: str, lab_target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(lab_target.endpoints.aws_url))
    monkeypatch.setattr(journal_s3, "RENEW_EVERY_WALL_S", 0.2)
    monkeypatch.setattr("harness.faults.recover.ASK_AGAIN_WALL_S", 1.0)
    alive = of_another_machine(aws, where)
    try:
        with pytest.raises(JournalOpen, match="run elsewhere"):
            recover(where, lambda _result: None)
    finally:
        alive.release()
