"""The audit log: every call, its outcome, nothing secret, and no change without a line before it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from builders import EU

from harness.audit import HIDDEN, AuditLog, LoggedCall, read_audit_log
from harness.aws import Aws
from harness.target import Target


@pytest.fixture
def aws(lab_target: Target) -> Aws:
    return Aws(lab_target.endpoints.aws_url)


@pytest.fixture
def told(aws: Aws) -> list[LoggedCall]:
    calls: list[LoggedCall] = []
    aws.calls.listen(calls.append)
    return calls


def parameters(call: LoggedCall) -> object:
    return msgspec.json.decode(call.parameters)


@pytest.mark.lab
def test_a_read_is_one_line_with_its_outcome(aws: Aws, told: list[LoggedCall], lab_target: Target) -> None:
    table = lab_target.stack.in_region(EU).table_name
    aws.dynamodb(EU).describe_table(TableName=table)

    (call,) = told
    assert (call.service, call.region, call.operation) == ("dynamodb", EU, "DescribeTable")
    assert (call.phase, call.changes, call.status, call.error) == ("ended", False, 200, None)
    assert parameters(call) == {"TableName": table}
    assert call.request_id
    assert call.wall_ms is not None
    assert call.wall_ms > 0


@pytest.mark.lab
def test_a_change_is_told_before_it_is_sent_and_when_it_has_ended(aws: Aws, told: list[LoggedCall]) -> None:
    seen_when_sent: list[int] = []
    client = aws.apigateway(EU)
    client.meta.events.register("before-send", lambda **_: seen_when_sent.append(len(told)))
    with pytest.raises(client.exceptions.NotFoundException):
        client.update_stage(restApiId="none", stageName="prod", patchOperations=[])

    begun, ended = told
    assert seen_when_sent == [1]
    assert (begun.phase, begun.changes, begun.status) == ("begun", True, None)
    assert (ended.phase, ended.number, ended.status) == ("ended", begun.number, 404)
    assert ended.error is not None
    assert ended.error.startswith("NotFoundException: ")


def test_a_call_without_a_reply_says_what_came_instead(told_nowhere: tuple[Aws, list[LoggedCall]]) -> None:
    aws, told = told_nowhere
    with pytest.raises(Exception, match="Could not connect"):
        aws.dynamodb_once(EU).describe_table(TableName="demo")

    (call,) = told
    assert call.status is None
    assert call.error is not None
    assert call.error.startswith("EndpointConnectionError")


@pytest.fixture
def told_nowhere() -> tuple[Aws, list[LoggedCall]]:
    aws, calls = Aws("http://127.0.0.1:9"), []
    aws.calls.listen(calls.append)
    return aws, calls


def test_secrets_templates_and_bytes_are_left_out(told_nowhere: tuple[Aws, list[LoggedCall]]) -> None:
    """By what AWS's own models mark as sensitive (a certificate's private key), by name, and by size."""
    aws, told = told_nowhere
    bodies: list[tuple[str, Callable[..., object], dict[str, object]]] = [
        ("PrivateKey", aws.acm(EU).import_certificate, {"Certificate": b"c", "PrivateKey": b"key"}),
        ("TemplateBody", aws.cloudformation(EU).create_stack, {"StackName": "s", "TemplateBody": "x" * 5000}),
    ]
    for _name, call, arguments in bodies:
        with pytest.raises(Exception, match="Could not connect"):
            call(**arguments)

    shown = {name: value for call in told for name, value in parameters(call).items()}  # type: ignore[attr-defined]
    assert shown["PrivateKey"] == HIDDEN
    assert shown["Certificate"] == "(1 bytes)"
    assert shown["TemplateBody"] == "(5000 characters)"


@pytest.mark.lab
def test_the_log_survives_kill_9_and_reads_back(lab_target: Target, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    code = (
        "import os, pathlib, sys\n"
        "from harness.audit import AuditLog\n"
        "from harness.aws import Aws\n"
        "aws, log = Aws(sys.argv[1]), AuditLog(pathlib.Path(sys.argv[2]))\n"
        "aws.calls.listen(log.write)\n"
        "aws.sts().get_caller_identity()\n"
        "client = aws.apigateway('eu-west-1')\n"
        "client.meta.events.register('before-send', lambda **_: os.kill(os.getpid(), 9))\n"
        "client.update_stage(restApiId='none', stageName='prod', patchOperations=[])\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, str(lab_target.endpoints.aws_url), str(path)], check=False, timeout=60
    )
    assert killed.returncode == -9

    calls = read_audit_log(path)

    assert [(call.operation, call.phase) for call in calls] == [
        ("GetCallerIdentity", "ended"),
        ("UpdateStage", "begun"),
    ]


def test_a_full_disk_loses_lines_and_stops_nothing() -> None:
    """/dev/full refuses every write, as a full disk does."""
    log = AuditLog(Path("/dev/full"))
    log.write(
        LoggedCall(
            at="", number=1, phase="begun", service="s", region=EU, operation="o", changes=True,
            parameters=msgspec.Raw(b"{}"),
        )
    )  # fmt: skip
    log.close()

    assert (log.lost, log.reason) == (1, "No space left on device")


@pytest.mark.lab
def test_auditing_is_cheap_beside_a_call(aws: Aws, tmp_path: Path) -> None:
    """Both lines of a change take less than a tenth of the fastest call of two hundred, on loopback."""
    log = AuditLog(tmp_path / "audit.jsonl")
    client = aws.dynamodb(EU)
    model = client.meta.service_model.operation_model("PutItem")
    call_s = min(_timed(client.list_tables) for _ in range(200))
    aws.calls.listen(log.write)

    def audited() -> None:
        call, began = aws.calls._begin({"TableName": "t", "Item": {"pk": {"S": "a"}}}, model, EU)
        aws.calls._end({"harness_audit": (call, began)}, {"HTTPStatusCode": 200}, None)

    audit_s = min(_timed(audited) for _ in range(200))
    assert audit_s < call_s / 10


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
