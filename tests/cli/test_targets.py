"""Where the command line keeps target files and journals."""

from __future__ import annotations

import pytest

from harness.cli.targets import HARNESS_FOLDER, journal_file, plan_for_lab, target_file
from harness.lab.state import LabInfo
from harness.stack import Endpoints


@pytest.mark.parametrize("name", ["lab", "team/../a b", "..", "/", ""])
def test_a_target_of_any_name_has_its_files_in_one_folder(name: str) -> None:
    """`recover` looks for journals in that folder only."""
    assert journal_file(name).parent == HARNESS_FOLDER / "journal"
    assert target_file(name).parent == HARNESS_FOLDER / "targets"


@pytest.mark.parametrize(("lab", "target"), [("default", "lab"), ("b", "lab-b")])
def test_labs_side_by_side_are_targets_of_their_own(lab: str, target: str) -> None:
    info = LabInfo(
        name=lab,
        pid=1,
        started_at="",
        regions=("us-east-1", "eu-west-1"),
        seed=1,
        endpoints=Endpoints(),
        domain_name="api.example.test",
        hosted_zone_id="Z1",
        addresses={},
    )

    assert plan_for_lab(info).name == target
