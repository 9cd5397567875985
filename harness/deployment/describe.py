"""What is deployed -> Stack: read from the outputs of the stack in each region."""

from __future__ import annotations

from botocore.exceptions import ClientError

from harness.aws import Aws, aws_errors
from harness.errors import NotDeployed
from harness.stack import RegionalStack, RegionName, Stack


def describe(aws: Aws, stack_name: str, regions: tuple[RegionName, ...]) -> Stack:
    """The stack as its outputs tell it; the first region is the main one.

    Raises:
        NotDeployed: no such stack in a region, or one without an output that the harness needs.
    """
    outputs = {region: _outputs(aws, stack_name, region) for region in regions}
    main = outputs[regions[0]]
    return Stack(
        name=stack_name,
        domain_name=main["DomainName"],
        hosted_zone_id=main["HostedZoneId"],
        regions=tuple(
            RegionalStack(
                region=region,
                rest_api_id=found["RestApiId"],
                stage=found["StageName"],
                execute_api_host=found["ExecuteApiHost"],
                domain_target=found["RegionalDomainName"],
                health_check_id=found["HealthCheckId"],
                table_name=found["TableName"],
            )
            for region, found in outputs.items()
        ),
        health_check_interval_s=float(main["HealthCheckInterval"]),
        failure_threshold=int(main["FailureThreshold"]),
        health_check_path=main["HealthCheckPath"],
    )


class _Outputs(dict[str, str]):
    """Outputs of one stack; a missing one is an error that names it."""

    def __init__(self, stack_name: str, region: RegionName, values: dict[str, str]) -> None:
        super().__init__(values)
        self._where = f"stack {stack_name} in {region}"

    def __missing__(self, key: str) -> str:
        raise NotDeployed(
            f"{self._where} has no output {key!r}: it is not of this version's infra/; run `harness deploy`"
        )


def _outputs(aws: Aws, stack_name: str, region: RegionName) -> _Outputs:
    with aws_errors(f"reading stack {stack_name} in {region}"):
        try:
            stacks = aws.cloudformation(region).describe_stacks(StackName=stack_name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                stacks = []
            else:
                raise
    if not stacks:
        raise NotDeployed(f"stack {stack_name} is not deployed in {region}: run `harness deploy` first")
    status = stacks[0]["StackStatus"]
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"):
        raise NotDeployed(f"stack {stack_name} in {region} is {status}: wait for it, or run `harness deploy` again")
    values = {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}
    return _Outputs(stack_name, region, values)
