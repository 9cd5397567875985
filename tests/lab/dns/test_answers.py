from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from harness.lab.dns import LatencyDatabase, wire
from harness.lab.dns.answers import Answer, View
from harness.lab.dns.zones import wire_name
from harness.models.routing import AliasTarget, Record

TXT = 16
MakeView = Callable[..., View]
DUBLIN, ASHBURN, SYDNEY, TOKYO = "3.252.0.0/24", "44.208.0.0/24", "3.26.0.0/24", "35.76.0.0/24"


@pytest.fixture
def ask(make_view: MakeView, latency: LatencyDatabase) -> Callable[..., Answer]:
    """The answer for (name, type) as seen from a subnet, with some health checks failed."""

    def answer(
        name: str, qtype: int = wire.A, *, subnet: str = DUBLIN, unhealthy: tuple[str, ...] = (), **zone
    ) -> Answer:
        client = latency.client_of(subnet)
        return make_view(*unhealthy, **zone).answer(wire_name(name), qtype, client)

    return answer


def addresses(answer: Answer) -> list[str]:
    return [socket.inet_ntoa(rdata) for rrset in answer.answers if rrset.rtype == wire.A for rdata in rrset.rdatas]


@pytest.mark.parametrize(
    ("subnet", "address"),
    [(DUBLIN, "127.20.0.1"), (ASHBURN, "127.10.0.1"), (SYDNEY, "127.30.0.1"), (TOKYO, "127.30.0.1")],
)
def test_each_client_gets_the_gateway_of_its_nearest_region(ask, subnet: str, address: str):
    """Tokyo to Sydney 106 ms, to Virginia 149 ms, to Ireland 201 ms."""
    assert addresses(ask("api.example.com", subnet=subnet)) == [address]


def test_a_failed_health_check_sends_its_clients_to_the_next_best_region(ask):
    assert addresses(ask("api.example.com", unhealthy=("eu-west-1",))) == ["127.10.0.1"]


def test_when_all_checks_fail_everyone_is_served_as_if_none_had(ask):
    everything = ("eu-west-1", "us-east-1", "ap-southeast-2")

    assert addresses(ask("api.example.com", unhealthy=everything)) == ["127.20.0.1"]


def test_an_alias_to_a_gateway_has_the_targets_ttl_and_the_asked_name(ask):
    (rrset,) = ask("api.example.com").answers

    assert (rrset.name, rrset.ttl_s) == (wire_name("api.example.com"), 60)


def test_an_alias_to_a_gateway_has_no_ipv6_address(ask):
    answer = ask("api.example.com", wire.AAAA)

    assert (answer.rcode, answer.answers, answer.authority[0].rtype) == (wire.NOERROR, (), wire.SOA)


def test_an_alias_inside_the_zone_takes_data_and_ttl_of_its_target(ask):
    (rrset,) = ask("alias.example.com").answers

    assert (rrset.name, rrset.ttl_s, len(rrset.rdatas)) == (wire_name("alias.example.com"), 120, 2)


def test_an_alias_whose_target_is_gone_has_no_data_and_is_not_kept(ask):
    answer = ask("lost.example.com")

    assert (answer.rcode, answer.answers, answer.repeatable) == (wire.NOERROR, (), False)


def test_an_alias_that_evaluates_its_target_is_as_healthy_as_that(ask):
    def record(name: str, **fields) -> Record:
        return Record(name=f"{name}.example.com", type="A", set_identifier=name + fields.get("failover", ""), **fields)

    def to(name: str) -> AliasTarget:
        return AliasTarget(hosted_zone_id="Z1", dns_name=f"{name}.example.com", evaluate_target_health=True)

    records = (
        record("top", failover="PRIMARY", alias=to("first")),
        record("top", failover="SECONDARY", ttl_s=1, values=("192.0.2.2",)),
        record("first", ttl_s=1, values=("192.0.2.1",), weight=1, health_check_id="first-check"),
    )

    assert addresses(ask("top.example.com", records=records)) == ["192.0.2.1"]
    assert addresses(ask("top.example.com", records=records, unhealthy=("first-check",))) == ["192.0.2.2"]


def test_aliases_that_point_at_each_other_end_in_no_data(ask):
    def alias(name: str, target: str) -> Record:
        to = AliasTarget(hosted_zone_id="Z1", dns_name=f"{target}.example.com", evaluate_target_health=True)
        return Record(name=f"{name}.example.com", type="A", weight=1, set_identifier=name, alias=to)

    assert ask("a.example.com", records=(alias("a", "b"), alias("b", "a"))).answers == ()


def test_a_cname_is_followed_inside_the_zone(ask):
    answer = ask("www.example.com")

    assert [rrset.rtype for rrset in answer.answers] == [wire.CNAME, wire.A]
    assert addresses(answer) == ["127.20.0.1"]
    assert answer.depends_on_client


def test_an_answer_through_a_routed_cname_depends_on_the_client(ask):
    def cname(region: str, target: str) -> Record:
        return Record(name="a.example.com", type="CNAME", set_identifier=region, region=region, values=(target,))

    plain = Record(name="plain.example.com", type="A", values=("192.0.2.1",))
    records = (cname("eu-west-1", "plain.example.com"), cname("us-east-1", "elsewhere.example.net"), plain)

    answer = ask("a.example.com", records=records)

    assert (addresses(answer), answer.depends_on_client) == (["192.0.2.1"], True)


def test_a_cname_out_of_the_zone_is_left_to_the_resolver(ask):
    assert [rrset.rtype for rrset in ask("out.example.com").answers] == [wire.CNAME]


def test_a_cname_asked_for_itself_is_not_followed(ask):
    assert [rrset.rtype for rrset in ask("www.example.com", wire.CNAME).answers] == [wire.CNAME]


def test_a_cname_to_nothing_says_so(ask):
    answer = ask("dangling.example.com")

    assert (answer.rcode, len(answer.answers), answer.authority[0].rtype) == (wire.NXDOMAIN, 1, wire.SOA)


def test_cnames_in_a_circle_end(ask):
    assert len(ask("loop1.example.com").answers) == 2


def test_a_name_that_is_not_there_is_denied_with_the_soa_and_its_negative_ttl(ask):
    answer = ask("void.example.com")

    assert answer.rcode == wire.NXDOMAIN
    assert [(rrset.rtype, rrset.name, rrset.ttl_s) for rrset in answer.authority] == [
        (wire.SOA, wire_name("example.com"), 900)
    ]


def test_a_name_between_others_exists_without_data(ask):
    assert ask("below.nothing.example.com").rcode == wire.NOERROR


def test_a_wildcard_stands_for_names_that_are_not_there(ask):
    assert ask("x.y.wild.example.com", TXT).answers[0].name == wire_name("x.y.wild.example.com")


def test_a_wildcard_does_not_stand_for_a_name_that_is_there(ask):
    assert ask("here.wild.example.com", TXT).answers == ()


def test_a_wildcard_does_not_stand_for_names_below_one_that_is_there(ask):
    assert ask("x.here.wild.example.com", TXT).rcode == wire.NXDOMAIN


@pytest.mark.parametrize("name", ["sub.example.com", "deep.sub.example.com"])
def test_a_delegated_name_is_referred_to_its_servers_with_glue(ask, name: str):
    answer = ask(name)

    assert not answer.authoritative
    assert [(rrset.rtype, len(rrset.rdatas)) for rrset in answer.authority] == [(wire.NS, 2)]
    assert [rrset.name for rrset in answer.additional] == [wire_name("ns.sub.example.com")]


def test_the_ds_of_a_delegated_name_is_answered_here(ask):
    assert ask("sub.example.com", wire.DS).authoritative


@pytest.mark.parametrize("rtype", [wire.SOA, wire.NS])
def test_a_zone_without_soa_or_ns_in_the_control_plane_has_them_all_the_same(ask, rtype: int):
    assert [rrset.rtype for rrset in ask("example.com", rtype).answers] == [rtype]


def test_any_is_answered_with_one_set(ask):
    assert len(ask("plain.example.com", wire.ANY).answers) == 1


def test_the_gateways_own_names_are_answered(ask):
    assert addresses(ask("d-lab.execute-api.ap-southeast-2.amazonaws.com")) == ["127.30.0.1"]


def test_the_gateways_own_names_have_no_ipv6_address(ask):
    answer = ask("d-lab.execute-api.ap-southeast-2.amazonaws.com", wire.AAAA)

    assert (answer.rcode, answer.authority[0].name) == (
        wire.NOERROR,
        wire_name("execute-api.ap-southeast-2.amazonaws.com"),
    )


@pytest.mark.parametrize("name", ["example.net", "com", ".", "d-other.execute-api.eu-west-1.amazonaws.com"])
def test_names_of_others_are_refused(ask, name: str):
    assert ask(name).rcode == wire.REFUSED


def test_weighted_answers_are_drawn_anew_each_time(ask, make_view: MakeView, latency: LatencyDatabase):
    view = make_view()

    drawn = {
        tuple(addresses(view.answer(wire_name("dice.example.com"), wire.A, latency.clients[0]))) for _ in range(60)
    }

    assert len(drawn) == 3
    assert not ask("dice.example.com").repeatable


def test_a_client_outside_all_geolocations_gets_no_data(ask):
    assert addresses(ask("geo.example.com", subnet=ASHBURN)) == ["192.0.2.21"]
    assert ask("geo.example.com", subnet=SYDNEY).answers == ()
