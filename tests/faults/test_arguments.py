"""What a person types becomes a fault, or one sentence that says what it takes."""

from __future__ import annotations

import pytest
from builders import EU

from harness.errors import InvalidPlan
from harness.faults.arguments import assignments, fault_of, parameters_of_kind
from harness.faults.catalogue import AnyFault, kinds
from harness.faults.record_weighted import RecordWeighted
from harness.faults.replication_paused import ReplicationPaused
from harness.faults.throttled import MethodThrottled


@pytest.mark.parametrize(
    ("name", "given", "fault"),
    [
        ("record-weighted", {"region": EU, "weight": "8"}, RecordWeighted(region=EU, weight=8)),
        (
            "replication-paused",
            {"region": EU, "expires_after_s": "900"},
            ReplicationPaused(region=EU, expires_after_s=900),
        ),
        (
            "method-throttled",
            {"region": EU, "methods": "GET /data/{pk}, POST /data"},
            MethodThrottled(region=EU, methods=("GET /data/{pk}", "POST /data")),
        ),
    ],
)
def test_text_becomes_what_the_field_is(name: str, given: dict[str, str], fault: AnyFault) -> None:
    assert fault_of(name, given) == fault


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("table-dnied", {}, "did you mean table-denied"),
        ("zzz", {}, "there are capacity-capped, "),
        ("health-broken", {}, r"needs region=\.\.\.; it takes region \(text\)"),
        ("health-broken", {"region": EU, "weight": "3"}, "has no parameter 'weight'; it takes region"),
        (
            "record-weighted",
            {"region": EU, "weight": "x"},
            r"weight: Expected `int`.*\(whole number, 0 by default",
        ),
        ("record-weighted", {"region": EU, "weight": "300"}, "a whole number from 0 to 255"),
        ("table-denied", {"region": EU, "operations": "some"}, "operations: .*one of all, reads, writes"),
    ],
)
def test_what_cannot_be_is_told_with_what_can(name: str, given: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidPlan, match=told):
        fault_of(name, given)


def test_parameters_are_name_value_pairs() -> None:
    assert assignments(["region=eu-west-1", "path=/a=b"]) == {"region": "eu-west-1", "path": "/a=b"}
    for wrong in (["region"], ["=x"], ["a=1", "a=2"]):
        with pytest.raises(InvalidPlan):
            assignments(wrong)


@pytest.mark.parametrize("kind", kinds().values(), ids=kinds())
def test_every_parameter_of_every_fault_is_said_in_words(kind: type[AnyFault]) -> None:
    for parameter in parameters_of_kind(kind):
        assert parameter.takes
        assert "typing" not in parameter.takes
