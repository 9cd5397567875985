"""Our statements in somebody else's resource policy: what comes back is theirs to the byte."""

from __future__ import annotations

import json

from harness.faults.policies import Policy

THEIRS = '{ "Version":"2012-10-17",\n  "Id": "owned", "Statement": [{"Sid":"Theirs", "Effect":"Allow"}] }'
OURS = {"Sid": "Ours", "Effect": "Deny"}


def test_our_statement_stands_beside_theirs_and_the_rest_of_the_document_stays() -> None:
    written = json.loads(Policy(text=THEIRS).having([OURS]))

    assert written["Id"] == "owned"
    assert [statement["Sid"] for statement in written["Statement"]] == ["Theirs", "Ours"]


def test_a_document_that_nobody_else_changed_is_put_back_to_the_byte() -> None:
    """Line breaks and spaces of its author, too."""
    now = Policy(text=Policy(text=THEIRS).having([OURS]))

    assert now.lacking(["Ours"], THEIRS) == THEIRS


def test_what_somebody_else_added_meanwhile_stays_when_ours_goes() -> None:
    added = {"Sid": "Added", "Effect": "Deny"}
    now = Policy(text=Policy(text=Policy(text=THEIRS).having([OURS])).having([added]))

    left = json.loads(now.lacking(["Ours"], THEIRS))

    assert [statement["Sid"] for statement in left["Statement"]] == ["Theirs", "Added"]


def test_a_policy_that_was_only_ours_goes_altogether() -> None:
    assert Policy(text=Policy().having([OURS])).lacking(["Ours"], "") == ""


def test_a_single_statement_without_a_list_is_read_as_one() -> None:
    assert Policy(text='{"Statement": {"Sid": "Theirs"}}').sids() == {"Theirs"}
