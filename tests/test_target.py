"""The seam: endpoints to clients, name servers, addresses and TLS; and the target file."""

from __future__ import annotations

import json
import socket
import ssl
from datetime import UTC, datetime, timedelta

import dns.rcode
import pytest

from harness.errors import CertificateInvalid, InvalidTargetFile, NameserverUnreachable, TargetError
from harness.stack import Endpoints
from harness.target import Target, load_target, save_target


def test_the_clock_runs_at_the_endpoints_rate_and_keeps_their_calendar(make_target):
    """Origin 100 s ago at rate 20: the target's calendar is 1,900 s ahead of the wall."""
    now = datetime.now(UTC)
    clock = make_target(clock_rate=20.0, clock_origin_at=(now - timedelta(seconds=100)).isoformat()).new_clock()

    assert clock.rate == 20
    assert clock.calendar() - now == pytest.approx(timedelta(seconds=1900), abs=timedelta(seconds=20))


def test_a_client_is_made_once_per_service_and_region(make_target):
    target = make_target(aws_url="http://127.0.0.1:1")

    assert target.client("dynamodb", "eu-west-1") is target.dynamodb("eu-west-1")
    assert target.dynamodb("us-east-1") is not target.dynamodb("eu-west-1")


def test_clients_talk_to_the_endpoint_url(make_target):
    assert make_target(aws_url="http://127.0.0.1:1").route53().meta.endpoint_url == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("127.0.0.1:5300", ("127.0.0.1", 5300)),
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5300", ("2001:db8::1", 5300)),
    ],
)
def test_name_servers_are_read_with_and_without_a_port(make_target, text, server):
    assert make_target(nameservers=(text,)).nameservers() == (server,)


@pytest.mark.parametrize("text", ["ns.example.com", "127.0.0.1:dns", "127.0.0.1:0", "127.0.0.1:70000", ""])
def test_a_name_server_that_is_no_address_is_refused_by_name(make_target, text):
    with pytest.raises(TargetError, match="nameservers"):
        make_target(nameservers=(text,)).nameservers()


def test_hosts_are_resolved_through_the_endpoints_name_servers(make_target, name_server):
    name_server.addresses["d-1.execute-api.eu-west-1.amazonaws.com"] = ("127.0.0.2", "127.0.0.3")

    found = make_target(nameservers=(name_server.text,)).resolve_host("d-1.execute-api.eu-west-1.amazonaws.com")

    assert sorted(found) == ["127.0.0.2", "127.0.0.3"]


def test_a_host_without_an_address_is_an_error_that_names_it(make_target, name_server):
    with pytest.raises(TargetError, match=r"nowhere\.example\.com has no IPv4 address.*NXDOMAIN"):
        make_target(nameservers=(name_server.text,)).resolve_host("nowhere.example.com")


def test_a_silent_name_server_is_unreachable(make_target, monkeypatch):
    monkeypatch.setattr("harness.nameservers.TRY_S", 0.05)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"

        with pytest.raises(NameserverUnreachable, match=address):
            make_target(nameservers=(address,)).resolve_host("api.example.com")


def test_addresses_belong_to_the_region_whose_domain_target_has_them(make_target, name_server):
    name_server.addresses["d-1.execute-api.eu-west-1.amazonaws.com"] = ("127.0.0.2", "127.0.0.4")
    name_server.addresses["d-1.execute-api.us-east-1.amazonaws.com"] = ("127.0.0.3",)
    target = make_target(nameservers=(name_server.text,))

    assert target.region_of_addresses(["127.0.0.2"]) == "eu-west-1"
    assert target.region_of_addresses(["127.0.0.4", "127.0.0.2"]) == "eu-west-1"
    assert target.region_of_addresses(["127.0.0.3"]) == "us-east-1"
    assert target.region_of_addresses(["127.0.0.2", "127.0.0.3"]) is None
    assert target.region_of_addresses([]) is None


def test_unknown_addresses_do_not_make_it_ask_more_than_once_a_minute(make_target, name_server):
    """Two regions are asked for once, however many unknown addresses come in the same minute."""
    target = make_target(nameservers=(name_server.text,))

    for last in range(10):
        assert target.region_of_addresses([f"127.0.9.{last}"]) is None

    assert len(name_server.queries) == 2


def test_addresses_that_changed_are_found_a_minute_later(make_target, name_server):
    """At rate 6000 a stack minute passes in 10 ms."""
    target = make_target(nameservers=(name_server.text,), clock_rate=6000.0)
    name_server.addresses["d-1.execute-api.eu-west-1.amazonaws.com"] = ("127.0.0.2",)
    assert target.region_of_addresses(["127.0.0.2"]) == "eu-west-1"

    name_server.addresses["d-1.execute-api.eu-west-1.amazonaws.com"] = ("127.0.0.8",)
    clock = target.new_clock()
    clock.sleep_until_s(61)

    assert target.region_of_addresses(["127.0.0.8"]) == "eu-west-1"


def test_a_name_server_that_fails_leaves_the_region_unknown(make_target, name_server):
    name_server.rcode = dns.rcode.SERVFAIL

    assert make_target(nameservers=(name_server.text,)).region_of_addresses(["127.0.0.2"]) is None


def test_the_tls_context_verifies_chain_and_host(make_target, ca_file):
    context = make_target(ca_file=str(ca_file)).tls_context()

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_an_unusable_ca_file_is_named(make_target, tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)

    with pytest.raises(CertificateInvalid, match=str(path)):
        make_target(ca_file=str(path)).tls_context()


def test_a_saved_target_is_loaded_again_unchanged(make_target, tmp_path):
    target = make_target(aws_url="http://127.0.0.1:4566", nameservers=("127.0.0.1:5300",), clock_rate=20.0)
    save_target(target, tmp_path / "target.json")

    loaded = load_target(tmp_path / "target.json")

    assert (loaded.name, loaded.stack, loaded.endpoints) == (target.name, target.stack, target.endpoints)


def test_a_target_file_may_be_toml(two_region_stack, tmp_path):
    path = tmp_path / "target.toml"
    regions = "".join(
        f"[[stack.regions]]\nregion='{r.region}'\nrest_api_id='a'\nstage='prod'\nexecute_api_host='h'\n"
        "domain_target='d'\nhealth_check_id='c'\ntable_name='t'\n"
        for r in two_region_stack.regions
    )
    path.write_text(f"name='toml'\n[stack]\nname='demo'\ndomain_name='a.b'\nhosted_zone_id='Z'\n{regions}")

    loaded = load_target(path)

    assert loaded.stack.region_names == ("eu-west-1", "us-east-1")
    assert loaded.endpoints == Endpoints()


def _file_with(tmp_path, two_region_stack, **changes):
    save_target(Target(two_region_stack, name="demo"), tmp_path / "target.json")
    content = json.loads((tmp_path / "target.json").read_text())
    content["stack"].update(changes)
    (tmp_path / "target.json").write_text(json.dumps(content))
    return tmp_path / "target.json"


def test_a_missing_target_file_is_named(tmp_path):
    with pytest.raises(InvalidTargetFile, match=r"absent\.json: No such file"):
        load_target(tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"record_ttl_s": "soon"}, r"\$\.stack\.record_ttl_s"), ({"regions": []}, "has no region")],
)
def test_a_wrong_field_is_named_with_its_rule(tmp_path, two_region_stack, changes, field):
    with pytest.raises(InvalidTargetFile, match=field):
        load_target(_file_with(tmp_path, two_region_stack, **changes))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"nameservers"', '"naemservers"', r"unknown field `naemservers` - at `\$.endpoints`"),
        ('"clock_rate": 1.0', '"clock_rate": 0', "clock_rate 0: must be above 0"),
        ('"clock_origin_at": null', '"clock_origin_at": "2026-01-01T00:00:00"', "must say its offset from UTC"),
        ('"region": "us-east-1"', '"region": "eu-west-1"', "has a region twice"),
    ],
)
def test_a_target_that_would_mislead_is_refused(tmp_path, make_target, old, new, told):
    path = tmp_path / "target.json"
    save_target(make_target(), path)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))

    with pytest.raises(InvalidTargetFile, match=told):
        load_target(path)


def test_a_region_that_is_none_is_named(tmp_path, two_region_stack):
    path = _file_with(tmp_path, two_region_stack)
    path.write_text(path.read_text().replace('"region": "us-east-1"', '"region": "moon"'))

    with pytest.raises(InvalidTargetFile, match="'moon' is not a region name"):
        load_target(path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"name": "x"}', b"[]"])
def test_a_malformed_target_file_is_one_clear_error(tmp_path, content):
    path = tmp_path / "target.json"
    path.write_bytes(content)

    with pytest.raises(InvalidTargetFile, match=str(path)):
        load_target(path)


def test_a_target_is_not_saved_under_a_name_that_could_not_be_read_back(make_target, tmp_path):
    with pytest.raises(InvalidTargetFile, match="JSON"):
        save_target(make_target(), tmp_path / "target.toml")


def test_a_folder_that_cannot_be_written_is_named(make_target, tmp_path):
    with pytest.raises(InvalidTargetFile, match="cannot be written"):
        save_target(make_target(), tmp_path / "absent" / "target.json")
