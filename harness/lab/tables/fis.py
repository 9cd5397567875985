"""AWS FIS's aws:dynamodb:global-table-pause-replication on the lab's tables; moto's experiments do nothing.

An experiment writes the statements that the FIS User Guide shows beside those that are there, with its end as their
date, and takes just those out when it is stopped or over. It runs at once. That it is over is settled when somebody
looks at experiments; its statements have expired by then, whether or not anybody looks. An experiment of any other
action, or whose target is not a table by ARN, fails: the lab would do nothing for it.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.fis.models import Experiment, FISBackend

from harness.lab.tables.authorization import REPLICATION_SERVICE, role_arn, stream_arn
from harness.lab.tables.patches import Function, Patches
from harness.lab.tables.replication import Replication
from harness.lab.tables.resource_policies import ResourcePolicies

ACTION = "aws:dynamodb:global-table-pause-replication"
SID = "DoNotModifyFisDynamoDbPauseReplicationEXP"
LONGEST = timedelta(hours=12)

_DURATION = re.compile(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
_SERVICE_ACTIONS = ("ReadDataForReplication", "WriteDataForReplication")
_ROLE_ACTIONS = (
    "GetItem", "PutItem", "UpdateItem", "DeleteItem", "DescribeTable", "UpdateTable", "Scan", "DescribeTimeToLive",
    "UpdateTimeToLive",
)  # fmt: skip
_STREAM_ACTIONS = ("GetRecords", "DescribeStream", "GetShardIterator")

Statement = dict[str, Any]


class CannotRun(Exception):
    """Why the experiment failed, as its state tells."""


def install_fis(patches: Patches, replication: Replication, policies: ResourcePolicies) -> None:
    pauses = Pauses(replication, policies)
    patches.wrap(Experiment, "__init__", _moved_by_the_lab)
    patches.wrap(FISBackend, "start_experiment", pauses.starting)
    patches.wrap(FISBackend, "stop_experiment", pauses.stopping)
    for read in ("get_experiment", "list_experiments"):
        patches.wrap(FISBackend, read, pauses.reading)


class Pauses:
    """What experiments do to tables."""

    def __init__(self, replication: Replication, policies: ResourcePolicies) -> None:
        self._clock = replication.clock
        self._policies = policies
        self._lock = threading.Lock()

    def starting(self, original: Function) -> Function:
        def start_experiment(backend: FISBackend, *args: Any, **kwargs: Any) -> dict[str, Any]:
            with self._lock:
                experiment_id = original(backend, *args, **kwargs)["id"]
                experiment = backend.experiments[experiment_id]
                if experiment.status == "pending":  # One that its client token had started before runs already.
                    self._begin(experiment)
            return _told(backend, experiment_id)

        return start_experiment

    def stopping(self, original: Function) -> Function:
        def stop_experiment(backend: FISBackend, id: str) -> dict[str, Any]:  # noqa: A002  # moto's name
            with self._lock:
                self._settle(backend)
                original(backend, id)
                experiment = backend.experiments[id]
                if experiment.status == "stopping":
                    self._end(experiment, "stopped", self._clock.calendar())
            return _told(backend, id)

        return stop_experiment

    def reading(self, original: Function) -> Function:
        def read(backend: FISBackend, *args: Any, **kwargs: Any) -> Any:
            with self._lock:
                self._settle(backend)
            return original(backend, *args, **kwargs)

        return read

    def _begin(self, experiment: Experiment) -> None:
        now = self._clock.calendar()
        experiment.creation_time = experiment.start_time = now.timestamp()
        try:
            until = now + _duration(experiment)
            for backend, arn, statements in _statements(experiment, until):
                self._rewrite(backend, arn, add=statements)
            experiment.status = "running"
        except CannotRun as why:
            experiment.STATUS_REASONS = {**Experiment.STATUS_REASONS, "failed": str(why)}
            experiment.end_time = now.timestamp()
            experiment.status = "failed"

    def _settle(self, backend: FISBackend) -> None:
        """Ends what is over."""
        now = self._clock.calendar()
        for experiment in list(backend.experiments.values()):
            if experiment.status == "running":
                over = datetime.fromtimestamp(experiment.start_time, UTC) + _duration(experiment)
                if over <= now:
                    self._end(experiment, "completed", over)

    def _end(self, experiment: Experiment, status: str, at: datetime) -> None:
        backend = _backend(experiment)
        for arn in _tables(experiment):
            for policy_arn in [one for one in backend.resource_policies if one == arn or one.startswith(f"{arn}/")]:
                self._rewrite(backend, policy_arn, remove=_sids(experiment))
        experiment.end_time = at.timestamp()
        experiment.status = status

    def _rewrite(
        self, backend: DynamoDBBackend, arn: str, *, add: tuple[Statement, ...] = (), remove: tuple[str, ...] = ()
    ) -> None:
        """What others have in the policy stays."""
        policy = backend.resource_policies.get(arn)
        document: dict[str, Any] = json.loads(policy.policy_doc) if policy else {"Version": "2012-10-17"}
        found = document.get("Statement", [])
        others = [one for one in (found if isinstance(found, list) else [found]) if one.get("Sid") not in remove]
        statements = [*others, *add]
        text = json.dumps({**document, "Statement": statements}) if statements else ""
        self._policies.write_unblocked(backend, arn, text)


def _told(backend: FISBackend, experiment_id: str) -> dict[str, Any]:
    told: dict[str, Any] = backend.get_experiment(experiment_id)
    return told


def _moved_by_the_lab(original: Function) -> Function:
    """moto moves an experiment's state with the looks at it."""

    def __init__(experiment: Experiment, *args: Any, **kwargs: Any) -> None:  # noqa: N807  # it replaces one
        original(experiment, *args, **kwargs)
        experiment._transitions = []

    return __init__


def _duration(experiment: Experiment) -> timedelta:
    """Raises CannotRun, also for an experiment of anything else than one pause."""
    actions: list[Mapping[str, Any]] = list(experiment.actions.values())
    if [action.get("actionId") for action in actions] != [ACTION]:
        raise CannotRun(f"the lab runs experiments of one action, {ACTION}")
    text = str(actions[0].get("parameters", {}).get("duration", ""))
    match = _DURATION.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    duration = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not timedelta(minutes=1) <= duration <= LONGEST:
        raise CannotRun(f"duration {text!r} of {ACTION}: must be from PT1M to PT12H")
    return duration


def _tables(experiment: Experiment) -> tuple[str, ...]:
    """ARNs of what its action is aimed at."""
    (action,) = experiment.actions.values()
    target = experiment.targets.get(action.get("targets", {}).get("Tables", ""), {})
    return tuple(target.get("resourceArns") or ())


def _backend(experiment: Experiment) -> DynamoDBBackend:
    backend: DynamoDBBackend = dynamodb_backends[experiment.account_id][experiment.region_name]
    return backend


def _sids(experiment: Experiment) -> tuple[str, str]:
    return f"{SID}{experiment.id}ServicePrincipal", f"{SID}{experiment.id}"


def _statements(
    experiment: Experiment, until: datetime
) -> Iterator[tuple[DynamoDBBackend, str, tuple[Statement, ...]]]:
    """(backend, ARN of table or stream, what goes into its policy). Raises CannotRun before the first."""
    backend = _backend(experiment)
    by_arn = {table.table_arn: table for table in backend.tables.values()}
    arns = _tables(experiment)
    if not arns or not set(arns) <= set(by_arn):
        raise CannotRun(f"the lab pauses tables of {experiment.region_name} that are named by ARN, not {arns}")
    date = {"DateLessThan": {"aws:CurrentTime": until.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    service = {"StringEquals": {"aws:PrincipalServiceName": REPLICATION_SERVICE}, **date}
    role = {"ArnEquals": {"aws:PrincipalArn": role_arn(experiment.account_id)}, **date}
    of_service, of_role = _sids(experiment)
    for arn in arns:
        yield (
            backend,
            arn,
            (_deny(of_service, arn, _SERVICE_ACTIONS, service), _deny(of_role, arn, _ROLE_ACTIONS, role)),
        )
        if by_arn[arn].stream_shard is not None:
            stream = stream_arn(by_arn[arn])
            yield backend, stream, (_deny(of_role, stream, _STREAM_ACTIONS, role),)


def _deny(sid: str, arn: str, actions: tuple[str, ...], condition: Statement) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": [f"dynamodb:{action}" for action in actions],
        "Resource": arn,
        "Condition": condition,
    }
