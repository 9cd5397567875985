"""Maps without a network: subnets and what they were answered -> the file that a sweep would have written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from sweep_builders import REGION_OF, about, served_by

from harness.probes.flights import Counts
from harness.sweep.asking import Answer, Look, Part
from harness.sweep.places import Places
from harness.sweep.subnets import parse_subnet
from harness.sweep.table import Summary, write_map
from harness.vantages import Vantage, catalogue

MakeMap = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., tuple[Path, Summary]]:
    """(name, subnet -> answer, vantages=..., About's fields) -> (file, summary)."""

    def make(
        name: str, answers: Mapping[str, Answer], *, vantages: tuple[Vantage, ...] | None = None, **fields
    ) -> tuple[Path, Summary]:
        path = tmp_path / f"{name}.parquet"
        different = list(dict.fromkeys(answers.values()))
        looks = [
            Look(parse_subnet(subnet), different.index(answer), 1, 0.25, 0.002) for subnet, answer in answers.items()
        ]
        counts = Counts(asked=len(looks), sent=len(looks), answered=len(looks))
        part = Part(asked_for=len(looks), looks=looks, answers=different, counts=counts, wall_s=1.5)
        facts = about(**{"asked_for": len(looks), "counts": counts, **fields})
        places = Places(catalogue() if vantages is None else vantages)
        return path, write_map(path, part, facts, region_of=REGION_OF.get, places=places)

    return make


@pytest.fixture
def make_map(write: Callable[..., tuple[Path, Summary]]) -> MakeMap:
    """(name, subnet -> region, or answer) -> file."""

    def make(name: str, served: Mapping[str, str | Answer], **options) -> Path:
        answers = {
            subnet: served_by(answer) if isinstance(answer, str) else answer for subnet, answer in served.items()
        }
        return write(name, answers, **options)[0]

    return make
