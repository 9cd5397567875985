"""AWS FIS in the lab: an experiment writes its statements, and takes them out when it is stopped or over."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

EU, US = "eu-west-1", "us-east-1"
PAUSE = "aws:dynamodb:global-table-pause-replication"
THEIRS = {"Sid": "Theirs", "Effect": "Deny", "Principal": {"AWS": "123456789099"}, "Action": "dynamodb:GetItem"}


@pytest.fixture
def fis(client, tables):
    return client(EU, "fis")


@pytest.fixture
def arns(client, orders) -> tuple[str, str]:
    table = client(EU).describe_table(TableName=orders)["Table"]
    return table["TableArn"], table["LatestStreamArn"]


def template(fis, arn: str, *, action: str = PAUSE, duration: str = "PT5M") -> str:
    made = fis.create_experiment_template(
        description="pause",
        roleArn="arn:aws:iam::123456789012:role/fis",
        stopConditions=[{"source": "none"}],
        targets={"t": {"resourceType": "aws:dynamodb:global-table", "resourceArns": [arn], "selectionMode": "ALL"}},
        actions={"a": {"actionId": action, "parameters": {"duration": duration}, "targets": {"Tables": "t"}}},
    )
    return made["experimentTemplate"]["id"]


def start(fis, template_id: str, **given) -> dict:
    return fis.start_experiment(experimentTemplateId=template_id, **given)["experiment"]


def state(fis, experiment: dict) -> str:
    return fis.get_experiment(id=experiment["id"])["experiment"]["state"]["status"]


def policy(client, arn: str) -> str | None:
    try:
        return client(EU).get_resource_policy(ResourceArn=arn)["Policy"]
    except client(EU).exceptions.PolicyNotFoundException:
        return None


def put(client, table: str, pk: str) -> None:
    client(EU).put_item(TableName=table, Item={"pk": {"S": pk}})


def test_it_writes_what_the_fis_user_guide_shows(fis, client, arns, clock):
    table, stream = arns
    experiment = start(fis, template(fis, table))
    service, role = json.loads(policy(client, table))["Statement"]
    (of_stream,) = json.loads(policy(client, stream))["Statement"]
    sid = f"DoNotModifyFisDynamoDbPauseReplicationEXP{experiment['id']}"

    assert (service["Sid"], role["Sid"], of_stream["Sid"]) == (f"{sid}ServicePrincipal", sid, sid)
    assert service["Action"] == ["dynamodb:ReadDataForReplication", "dynamodb:WriteDataForReplication"]
    assert of_stream["Action"] == ["dynamodb:GetRecords", "dynamodb:DescribeStream", "dynamodb:GetShardIterator"]
    # The clock's midnight and five minutes.
    assert service["Condition"]["DateLessThan"] == {"aws:CurrentTime": "2026-01-01T00:05:00Z"}
    assert state(fis, experiment) == "running"


def test_nothing_is_replicated_until_it_is_stopped(fis, client, arns, *, orders, item_in, arrive, clock, tables):
    experiment = start(fis, template(fis, arns[0]))
    put(client, orders, "held")
    clock.advance_s(60)
    tables.deliver_due()
    assert item_in(US, "held") is None

    assert fis.stop_experiment(id=experiment["id"])["experiment"]["state"]["status"] == "stopped"
    arrive()
    assert item_in(US, "held") is not None
    assert [policy(client, arn) for arn in arns] == [None, None]


def test_it_takes_out_its_own_statements_only(fis, client, arns):
    before = json.dumps({"Version": "2012-10-17", "Statement": [{**THEIRS, "Resource": arns[0]}]})
    client(EU).put_resource_policy(ResourceArn=arns[0], Policy=before)
    experiment = start(fis, template(fis, arns[0]))
    assert len(json.loads(policy(client, arns[0]))["Statement"]) == 3
    fis.stop_experiment(id=experiment["id"])

    assert policy(client, arns[0]) == before


def test_it_is_over_after_its_duration_and_replication_goes_on_though_nobody_looks(
    fis, client, arns, *, orders, item_in, arrive, clock
):
    experiment = start(fis, template(fis, arns[0], duration="PT2M"))
    put(client, orders, "held")
    clock.advance_s(121)
    arrive()
    assert item_in(US, "held") is not None

    assert state(fis, experiment) == "completed"
    assert [policy(client, arn) for arn in arns] == [None, None]
    found = fis.get_experiment(id=experiment["id"])["experiment"]
    assert (found["endTime"] - found["startTime"]).total_seconds() == 120


def test_stopping_again_or_after_its_end_changes_nothing(fis, client, arns, clock):
    stopped, over = (template(fis, arns[0], duration=duration) for duration in ("PT5M", "PT1M"))
    first = start(fis, stopped)
    for _ in range(2):
        assert fis.stop_experiment(id=first["id"])["experiment"]["state"]["status"] == "stopped"
    second = start(fis, over)
    clock.advance_s(61)

    assert fis.stop_experiment(id=second["id"])["experiment"]["state"]["status"] == "completed"


def test_one_client_token_is_one_experiment_and_its_tags_are_listed(fis, arns):
    template_id = template(fis, arns[0])
    first, again = (start(fis, template_id, clientToken="t", tags={"harness:fault": "t"}) for _ in range(2))

    assert first["id"] == again["id"]
    (listed,) = fis.list_experiments(experimentTemplateId=template_id)["experiments"]
    assert (listed["tags"], listed["state"]["status"]) == ({"harness:fault": "t"}, "running")


def test_after_it_others_wait_fifteen_seconds_as_after_any_change(fis, client, arns, clock):
    experiment = start(fis, template(fis, arns[0]))
    clock.advance_s(60)
    fis.stop_experiment(id=experiment["id"])
    document = json.dumps({"Version": "2012-10-17", "Statement": [{**THEIRS, "Resource": arns[0]}]})

    with pytest.raises(client(EU).exceptions.ResourceInUseException):
        client(EU).put_resource_policy(ResourceArn=arns[0], Policy=document)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"action": "aws:fis:wait"}, "of one action"),
        ({"duration": "PT13H"}, "from PT1M to PT12H"),
        ({"duration": "soon"}, "from PT1M to PT12H"),
        ({"arn": "arn:aws:dynamodb:eu-west-1:123456789012:table/none"}, "named by ARN"),
    ],
)
def test_what_the_lab_cannot_do_fails_and_says_why(fis, client, arns, given, why):
    experiment = start(fis, template(fis, **{"arn": arns[0], **given}))

    assert experiment["state"]["status"] == "failed"
    assert why in experiment["state"]["reason"]
    assert policy(client, arns[0]) is None


def test_templates_and_experiments_that_are_not_there(fis):
    for call in (lambda: start(fis, "EXTnone"), lambda: fis.stop_experiment(id="EXPnone")):
        with pytest.raises(ClientError, match="does not exist"):
            call()
