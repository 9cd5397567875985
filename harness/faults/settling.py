"""After a call: waiting until AWS says that it has taken effect, where it tells at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.aws import aws_errors
from harness.errors import TargetError
from harness.stack import RegionName
from harness.target import Target

IN_SYNC_WITHIN_S = 180.0
"""Route 53: changes "generally propagate to all name servers within 60 seconds"."""
ACTIVE_WITHIN_S = 300.0
EXPERIMENT_WITHIN_S = 120.0
"""AWS FIS gives no bound."""
ASK_EVERY_S = 2.0


def settle(target: Target, service: str, region: RegionName, operation: str, reply: Mapping[str, Any]) -> None:
    """Returns when the change is in force as far as AWS tells; at once for operations about which it tells nothing.

    Raises:
        TargetError: it was not in time.
    """
    if (service, operation) == ("route53", "ChangeResourceRecordSets"):
        change_id = str(reply["ChangeInfo"]["Id"])
        _wait(target, lambda: _in_sync(target, change_id), f"Route 53 change {change_id} in sync", IN_SYNC_WITHIN_S)
    elif (service, operation) == ("dynamodb", "UpdateTable"):
        table = str(reply["TableDescription"]["TableName"])
        _wait(target, lambda: _active(target, region, table), f"table {table} in {region} active", ACTIVE_WITHIN_S)
    elif (service, operation) in {("fis", "StartExperiment"), ("fis", "StopExperiment")}:
        experiment, passing = str(reply["experiment"]["id"]), _PASSING[operation]
        _wait(
            target,
            lambda: _status(target, region, experiment) not in passing,
            f"FIS experiment {experiment} in {region} no longer {' or '.join(passing)}",
            EXPERIMENT_WITHIN_S,
        )


_PASSING = {"StartExperiment": ("pending", "initiating"), "StopExperiment": ("running", "stopping")}


def _wait(target: Target, done: Callable[[], bool], what: str, within_s: float) -> None:
    clock = target.new_clock()
    while not done():
        if clock.now_s() > within_s:
            raise TargetError(f"{what}: not within {within_s:g} s")
        clock.sleep_until_s(clock.now_s() + ASK_EVERY_S)


def _in_sync(target: Target, change_id: str) -> bool:
    with aws_errors(f"reading Route 53 change {change_id}"):
        return target.route53().get_change(Id=change_id)["ChangeInfo"]["Status"] == "INSYNC"


def _active(target: Target, region: RegionName, table: str) -> bool:
    with aws_errors(f"describing table {table} in {region}"):
        return target.dynamodb(region).describe_table(TableName=table)["Table"].get("TableStatus") == "ACTIVE"


def _status(target: Target, region: RegionName, experiment_id: str) -> str:
    """Raises TargetError with FIS's reason when the experiment failed."""
    with aws_errors(f"reading FIS experiment {experiment_id} in {region}"):
        state = target.client("fis", region).get_experiment(id=experiment_id)["experiment"]["state"]
    if state["status"] == "failed":
        raise TargetError(
            f"FIS experiment {experiment_id} in {region} failed: {state.get('reason', 'no reason given')}"
        )
    return str(state["status"])
