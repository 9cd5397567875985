"""What is decided at synthesis: regions, suffix, the defaults of parameters."""

from __future__ import annotations

import pytest

from harness.errors import UnknownRegion, UsageError
from infra.settings import Settings, read_settings, require_deployable


def test_three_regions_are_synthesized_for_by_default_and_the_first_is_the_main_one():
    settings = read_settings({}, {})

    assert settings.regions == ("us-east-1", "eu-west-1", "ap-southeast-2")
    assert settings.main_region == "us-east-1"


def test_regions_are_listed_by_context():
    assert read_settings({"regions": "eu-central-1, us-west-2"}, {}).regions == ("eu-central-1", "us-west-2")


def test_a_set_aws_region_does_not_narrow_the_deployment():
    assert len(read_settings({}, {"AWS_REGION": "eu-west-1"}).regions) == 3


def test_a_single_region_is_the_one_of_aws_region():
    environment = {"AWS_REGION": "eu-west-1", "CDK_DEFAULT_REGION": "us-west-2"}

    assert read_settings({"single-region": "true"}, environment).regions == ("eu-west-1",)


def test_a_single_region_is_the_one_of_cdk_default_region_without_aws_region():
    assert read_settings({"single-region": "true"}, {"CDK_DEFAULT_REGION": "us-west-2"}).regions == ("us-west-2",)


def test_a_single_region_that_nobody_names_is_an_error_that_says_what_to_set():
    with pytest.raises(UsageError, match="set AWS_REGION"):
        read_settings({"single-region": "true"}, {})


def test_a_list_of_regions_contradicts_a_single_region():
    with pytest.raises(UsageError, match="both 'regions' and 'single-region'"):
        read_settings({"single-region": "true", "regions": "eu-west-1"}, {"AWS_REGION": "eu-west-1"})


def test_the_environment_feeds_zone_and_domain():
    settings = read_settings({}, {"HOSTED_ZONE_ID": "Z0", "DOMAIN_NAME": "api.example.com"})

    assert (settings.hosted_zone_id, settings.domain_name) == ("Z0", "api.example.com")


def test_context_outranks_the_environment():
    assert read_settings({"hosted-zone-id": "Z1"}, {"HOSTED_ZONE_ID": "Z0"}).hosted_zone_id == "Z1"


def test_an_empty_variable_counts_as_not_set():
    assert read_settings({}, {"HOSTED_ZONE_ID": ""}).hosted_zone_id is None


def test_what_the_cdk_cli_deploys_needs_zone_and_domain_and_the_error_says_how_to_set_both():
    with pytest.raises(UsageError) as error:
        require_deployable(Settings())

    assert "export HOSTED_ZONE_ID" in str(error.value)
    assert "-c domain-name=" in str(error.value)


def test_only_what_is_missing_is_asked_for():
    with pytest.raises(UsageError, match=r"^DomainName is not set"):
        require_deployable(Settings(hosted_zone_id="Z0"))


def test_a_suffix_becomes_part_of_the_stack_name():
    assert Settings(suffix="anna").stack_name == "GlobalApplication-anna"


@pytest.mark.parametrize("suffix", ["anna_b", "-anna", "anna-", "a" * 33, "ä"])
def test_a_suffix_that_no_stack_name_may_hold_is_refused(suffix):
    with pytest.raises(UsageError, match="cannot be part of a stack name"):
        Settings(suffix=suffix)


@pytest.mark.parametrize("text", ["mars", "us-east", "", "US-EAST-1"])
def test_what_is_not_a_region_name_is_refused(text):
    with pytest.raises(UnknownRegion, match="is not a region name"):
        Settings(regions=("eu-west-1", text))


def test_a_region_named_twice_is_refused():
    with pytest.raises(UsageError, match="twice"):
        Settings(regions=("eu-west-1", "eu-west-1"))


def test_no_region_is_refused():
    with pytest.raises(UsageError, match="name at least one"):
        read_settings({"regions": " , "}, {})


def test_a_switch_is_either_true_or_false():
    with pytest.raises(UsageError, match="either true or false"):
        read_settings({"retain-table": "yes"}, {})
