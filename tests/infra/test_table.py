"""The global table, as the templates say it."""

from __future__ import annotations


def test_the_main_region_owns_the_table_with_a_replica_in_every_region(main_template):
    table = main_template.only("AWS::DynamoDB::GlobalTable")

    assert {replica["Region"] for replica in table["Replicas"]} == {"us-east-1", "eu-west-1", "ap-southeast-2"}


def test_the_other_regions_make_no_table_and_know_it_by_name(ireland):
    assert not ireland.of_type("AWS::DynamoDB::GlobalTable")
    assert ireland.outputs()["TableName"] == "GlobalApplication"


def test_the_key_is_one_string_named_pk(main_template):
    table = main_template.only("AWS::DynamoDB::GlobalTable")

    assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert table["AttributeDefinitions"] == [{"AttributeName": "pk", "AttributeType": "S"}]


def test_capacity_is_on_demand_so_that_replicated_writes_are_not_throttled(main_template):
    assert main_template.only("AWS::DynamoDB::GlobalTable")["BillingMode"] == "PAY_PER_REQUEST"


def test_the_name_parameter_names_the_table_in_every_region(template_with):
    names = {template_with(region, TableName="Items").outputs()["TableName"] for region in ("us-east-1", "eu-west-1")}

    assert names == {"Items"}


def test_the_table_goes_with_its_stack(main_template):
    (table,) = (r for r in main_template.resources.values() if r["Type"] == "AWS::DynamoDB::GlobalTable")

    assert table["DeletionPolicy"] == "Delete"
