"""A small soak: a few faults of the catalogue, ended at random, also by SIGKILL; the lab is as before, to the byte."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from benchmarks.soak import Ended, control_plane, pause_templates, rounds, soak
from harness.faults.catalogue import kinds
from harness.faults.health_broken import HealthBroken
from harness.lab.client import LabClient
from harness.lab.resolvers.settings import ResolverInfo, ResolverSettings
from harness.target import Target

RESOLVER = ResolverInfo(name="soak", address="127.0.0.1:53", settings=ResolverSettings())
TEMPLATES = {"us-east-1": "EXT1", "eu-west-1": "EXT2", "ap-southeast-2": "EXT3"}
TRIED = 6


def test_every_fault_comes_as_often_as_asked_for_and_the_seed_decides() -> None:
    drawn = rounds(TEMPLATES, RESOLVER, times=20, seed=7)

    assert {one.fault.name for one in drawn} == set(kinds())
    assert len(drawn) == 20 * len(kinds())
    assert drawn == rounds(TEMPLATES, RESOLVER, times=20, seed=7)
    assert drawn != rounds(TEMPLATES, RESOLVER, times=20, seed=8)


@pytest.mark.lab
@pytest.mark.slow
def test_whatever_ends_a_fault_nothing_of_it_is_left(lab_target: Target, tmp_path: Path) -> None:
    """Another handful with each run of the tests; `make soak` does every fault twenty times."""
    seed = random.randrange(1_000_000)
    resolver = LabClient(lab_target.endpoints.aws_url or "").put_resolver("soak")
    before = control_plane(lab_target)
    told: list[Ended] = []
    # Half of them killed, so that recover has something to do.
    drawn = [
        msgspec.structs.replace(one, end="SIGKILL" if number % 2 else one.end)
        for number, one in enumerate(rounds(pause_templates(lab_target), resolver, times=1, seed=seed)[:TRIED])
    ]

    ended = soak(lab_target, tmp_path, drawn, told.append)

    assert [one.left for one in ended] == [()] * TRIED, seed
    assert told == ended
    assert control_plane(lab_target) == before, seed


@pytest.mark.lab
def test_the_read_back_sees_what_a_fault_changes(lab_target: Target) -> None:
    """A soak that compared nothing would find nothing left."""
    before, fault = control_plane(lab_target), HealthBroken(region="eu-west-1")
    snapshot = fault.snapshot(lab_target)
    for call in fault.changes(lab_target.stack, snapshot):
        call.execute(lab_target)
    try:
        changed = control_plane(lab_target)
    finally:
        fault.rollback(lab_target, snapshot)

    (name,) = [name for name in before if before[name] != changed[name]]
    assert name.startswith("eu-west-1 stages of ")
    assert control_plane(lab_target) == before
