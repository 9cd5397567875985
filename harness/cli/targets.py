"""What `--target` means: "lab" is the running lab, "aws" the stack in the account at hand, else a target file."""

from __future__ import annotations

import re
from pathlib import Path

from harness.aws import Aws
from harness.deployment.describe import describe
from harness.deployment.plan import DEFAULT_STACK_NAME, DeployPlan, plan_from_environment, plan_from_file
from harness.lab.state import DEFAULT_NAME, LabFolder, LabInfo
from harness.stack import RegionName
from harness.target import Target, load_target

HARNESS_FOLDER = Path(".harness")
STOP_FILE = HARNESS_FOLDER / "stop"
"""`touch` it to stop whatever runs in this folder: faults are healed, and nothing new starts until it is gone."""


def plan_for(text: str, *, lab: str) -> DeployPlan:
    """The plan to deploy to "lab", to "aws", or as a plan file says."""
    if text == "lab":
        return plan_for_lab(LabFolder(lab).running())
    if text == "aws":
        return plan_from_environment()
    return plan_from_file(Path(text))


def plan_for_lab(info: LabInfo) -> DeployPlan:
    return DeployPlan(
        # Labs side by side must not share a target file and an undo journal.
        name="lab" if info.name == DEFAULT_NAME else f"lab-{info.name}",
        domain_name=info.domain_name,
        hosted_zone_id=info.hosted_zone_id,
        regions=info.regions,
        endpoints=info.endpoints,
    )


def target_for(text: str, *, lab: str, regions: tuple[RegionName, ...] = ()) -> Target:
    """The deployed target: described from its stack's outputs, or read from a target file.

    Raises:
        LabNotRunning, NotDeployed, InvalidTargetFile, InvalidPlan: each says the next step.
    """
    if text in ("lab", "aws"):
        plan = plan_for(text, lab=lab)
        return deployed_target(plan, regions or plan.regions)
    return load_target(Path(text))


def deployed_target(plan: DeployPlan, regions: tuple[RegionName, ...] = ()) -> Target:
    aws = Aws(plan.endpoints.aws_url)
    stack = describe(aws, plan.stack_name or DEFAULT_STACK_NAME, regions or plan.regions)
    return Target(stack, plan.endpoints, name=plan.name)


def target_file(name: str) -> Path:
    return HARNESS_FOLDER / "targets" / f"{_file_name(name)}.json"


def journal_file(target_name: str) -> Path:
    """One journal for each target: its lock keeps two runs from breaking one stack at once."""
    return HARNESS_FOLDER / "journal" / f"{_file_name(target_name)}.jsonl"


def journal_for(target: Target, asked_for: str | None) -> str:
    """Where its undo journal is: as asked for, as its target file says, or on this machine."""
    return asked_for or target.journal or str(journal_file(target.name))


def journals_here() -> tuple[str, ...]:
    """Every undo journal of this folder: the files in it, and those that its target files name."""
    found = [str(path) for path in sorted((HARNESS_FOLDER / "journal").glob("*.jsonl"))]
    for path in sorted((HARNESS_FOLDER / "targets").glob("*.json")):
        named = load_target(path).journal
        found += [named] if named else []
    return tuple(dict.fromkeys(found))


def _file_name(name: str) -> str:
    """A target may be called anything; `recover` looks for journals in one folder only."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".") or "_"
