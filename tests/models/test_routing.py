from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.models.routing import (
    AliasTarget,
    Client,
    Place,
    Policy,
    Record,
    choose,
    in_latency_order,
    record_is_healthy,
)

DUBLIN = Client(
    rtt_ms={"eu-west-1": 3, "us-east-1": 70, "ap-southeast-2": 256}, place=Place(continent="EU", country="IE")
)
OREGON = Place(continent="NA", country="US", subdivision="OR")


def latency(region: str) -> Record:
    return Record(name="api.example.com", type="A", set_identifier=region, region=region)


def weighted(name: str, weight: int) -> Record:
    return Record(name="api.example.com", type="A", set_identifier=name, weight=weight)


def located(name: str, place: Place) -> Record:
    return Record(name="api.example.com", type="A", set_identifier=name, place=place)


def failover(role: str) -> Record:
    return Record(name="api.example.com", type="A", set_identifier=role, failover=role)


def multivalue(name: str) -> Record:
    return Record(name="api.example.com", type="A", set_identifier=name, multivalue=True)


REGIONS = [latency("us-east-1"), latency("eu-west-1"), latency("ap-southeast-2")]


def chosen(
    records: list[Record], *, client: Client = DUBLIN, unhealthy: tuple[str, ...] = (), seed: int = 0
) -> list[str]:
    found = choose(records, client, lambda record: record.set_identifier not in unhealthy, Random(seed))
    return [record.set_identifier or "" for record in found]


def share(records: list[Record], name: str, *, unhealthy: tuple[str, ...] = (), draws: int = 2000) -> float:
    random = Random(7)
    found = Counter(
        choose(records, DUBLIN, lambda record: record.set_identifier not in unhealthy, random)[0].set_identifier
        for _ in range(draws)
    )
    return found[name] / draws


def test_latency_records_send_a_client_to_its_nearest_region():
    assert chosen(REGIONS) == ["eu-west-1"]


def test_latency_records_fall_back_to_the_next_nearest_healthy_region():
    assert chosen(REGIONS, unhealthy=("eu-west-1",)) == ["us-east-1"]
    assert chosen(REGIONS, unhealthy=("eu-west-1", "us-east-1")) == ["ap-southeast-2"]


def test_latency_records_fail_open_to_the_nearest_when_all_are_unhealthy():
    assert chosen(REGIONS, unhealthy=("eu-west-1", "us-east-1", "ap-southeast-2")) == ["eu-west-1"]


def test_a_region_without_a_measured_latency_comes_last_and_equals_go_by_name():
    records = [latency("me-south-1"), latency("il-central-1"), *REGIONS]

    order = [record.region for record in in_latency_order(records, DUBLIN)]

    assert order == ["eu-west-1", "us-east-1", "ap-southeast-2", "il-central-1", "me-south-1"]


@given(
    rtts=st.dictionaries(st.sampled_from("abcdef"), st.floats(1, 400), min_size=1),
    unhealthy=st.sets(st.sampled_from("abcdef")),
)
def test_no_healthy_region_is_nearer_than_the_chosen_one(rtts: dict[str, float], unhealthy: set[str]):
    """The definition itself, over random latencies: minimal among the healthy, or among all when none is."""
    records = [latency(region) for region in rtts]

    (found,) = choose(records, Client(rtt_ms=rtts), lambda record: record.region not in unhealthy, Random(0))

    usable = [region for region in rtts if region not in unhealthy] or list(rtts)
    assert found.region in usable
    assert rtts[found.region] == min(rtts[region] for region in usable)


@pytest.mark.parametrize(
    ("unhealthy", "serves"),
    [
        ((), "PRIMARY"),
        (("PRIMARY",), "SECONDARY"),
        (("SECONDARY",), "PRIMARY"),
        (("PRIMARY", "SECONDARY"), "PRIMARY"),
    ],
)
def test_failover_serves_the_secondary_only_while_it_alone_is_healthy(unhealthy: tuple[str, ...], serves: str):
    assert chosen([failover("SECONDARY"), failover("PRIMARY")], unhealthy=unhealthy) == [serves]


def test_weights_are_shares():
    assert share([weighted("a", 30), weighted("b", 10)], "a") == pytest.approx(0.75, abs=0.03)


def test_weights_of_unhealthy_records_are_shared_out_among_the_healthy():
    records = [weighted("a", 30), weighted("b", 10), weighted("c", 60)]

    assert share(records, "a", unhealthy=("c",)) == pytest.approx(0.75, abs=0.03)


def test_weight_zero_serves_nobody_while_a_weighted_record_is_healthy():
    assert share([weighted("a", 0), weighted("b", 1)], "a") == 0


def test_weight_zero_serves_when_every_weighted_record_is_unhealthy():
    assert share([weighted("a", 0), weighted("b", 1)], "a", unhealthy=("b",)) == 1


def test_weights_apply_again_when_everything_is_unhealthy():
    assert share([weighted("a", 0), weighted("b", 1)], "a", unhealthy=("a", "b")) == 0


def test_all_weights_zero_are_equal():
    assert share([weighted("a", 0), weighted("b", 0)], "a") == pytest.approx(0.5, abs=0.04)


PLACES = [
    located("default", Place()),
    located("america", Place(continent="NA")),
    located("us", Place(country="US")),
    located("oregon", Place(country="US", subdivision="OR")),
    located("asia", Place(continent="AS")),
]


@pytest.mark.parametrize(
    ("unhealthy", "serves"),
    [
        ((), "oregon"),
        (("oregon",), "us"),
        (("oregon", "us"), "america"),
        (("oregon", "us", "america"), "default"),
        (("oregon", "us", "america", "default"), "oregon"),
    ],
)
def test_geolocation_serves_the_smallest_healthy_place_around_the_client(unhealthy: tuple[str, ...], serves: str):
    """The last row fails open: the records of other places, such as Asia, are never candidates."""
    assert chosen(PLACES, client=Client(place=OREGON), unhealthy=unhealthy) == [serves]


def test_geolocation_without_default_has_no_answer_for_the_rest_of_the_world():
    assert chosen([located("asia", Place(continent="AS"))], client=Client(place=OREGON)) == []


def test_another_state_of_the_country_gets_the_countrys_record():
    assert chosen(PLACES, client=Client(place=Place(continent="NA", country="US", subdivision="VA"))) == ["us"]


def test_multivalue_gives_at_most_eight_different_healthy_records():
    records = [multivalue(str(number)) for number in range(12)]

    found = chosen(records, unhealthy=("0", "1", "2"))

    assert len(set(found)) == 8
    assert not {"0", "1", "2"} & set(found)


def test_multivalue_gives_unhealthy_records_when_there_are_no_others():
    assert sorted(chosen([multivalue("a"), multivalue("b")], unhealthy=("a", "b"))) == ["a", "b"]


def test_a_simple_record_is_served_whatever_its_health():
    record = Record(name="api.example.com", type="A", health_check_id="down")

    assert choose([record], DUBLIN, lambda _: False, Random(0)) == (record,)


def test_no_record_is_no_answer():
    assert choose([], DUBLIN, lambda _: True, Random(0)) == ()


def healthy(record: Record, *, check: bool = True, target: bool = True) -> bool:
    return record_is_healthy(record, check_is_healthy=lambda _: check, target_is_healthy=lambda _: target)


def test_a_record_without_health_check_is_always_healthy():
    assert healthy(latency("eu-west-1"), check=False, target=False)


def test_a_failed_health_check_makes_its_record_unhealthy():
    assert not healthy(Record(name="a", type="A", health_check_id="down"), check=False)


@pytest.mark.parametrize("evaluates", [False, True])
def test_an_alias_follows_its_targets_health_only_when_told_to(evaluates: bool):
    alias = AliasTarget(hosted_zone_id="Z", dns_name="b", evaluate_target_health=evaluates)

    assert healthy(Record(name="a", type="A", alias=alias), target=False) is not evaluates


@pytest.mark.parametrize(("check", "target"), [(True, False), (False, True)])
def test_an_alias_with_both_needs_both(check: bool, target: bool):
    alias = AliasTarget(hosted_zone_id="Z", dns_name="b", evaluate_target_health=True)

    assert not healthy(Record(name="a", type="A", alias=alias, health_check_id="c"), check=check, target=target)


def test_only_latency_and_geolocation_depend_on_the_client():
    assert {policy for policy in Policy if policy.depends_on_client} == {Policy.LATENCY, Policy.GEOLOCATION}
