"""What is wrong with the way to a stack is told before anything is broken."""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest
import trustme

from harness.errors import CertificateInvalid, NameserverUnreachable, TargetError
from harness.probes.preflight import preflight


def test_a_stack_that_can_be_looked_at_passes(whole_target):
    preflight(whole_target)


def test_a_stack_that_is_unwell_passes_too(whole_target, https_server):
    https_server.reply = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

    preflight(whole_target)


def test_a_silent_name_server_is_named(whole_target, name_server, monkeypatch):
    monkeypatch.setattr("harness.nameservers.TRY_S", 0.05)
    name_server.respond = lambda *_: []

    with pytest.raises(NameserverUnreachable, match=name_server.text):
        preflight(whole_target)


def test_a_name_server_of_another_zone_is_named(whole_target, name_server):
    name_server.rcode = dns.rcode.REFUSED

    with pytest.raises(NameserverUnreachable, match=r"not authoritative for example\.com .*REFUSED"):
        preflight(whole_target)


def test_a_server_that_only_passes_answers_on_is_named(whole_target, name_server):
    """A resolver answers SOA too, but without authority, and from its cache."""

    def without_authority(query, _):
        reply = name_server.answer(query)
        reply.flags &= ~dns.flags.AA
        return [reply.to_wire()]

    name_server.respond = without_authority

    with pytest.raises(NameserverUnreachable, match="not authoritative"):
        preflight(whole_target)


@pytest.mark.parametrize("zone_name", ["example.org.", "ample.com."])
def test_a_domain_outside_the_zone_is_named(whole_target, route53, zone_name):
    route53.zone_name = zone_name

    with pytest.raises(TargetError, match=rf"api\.example\.com is not in hosted zone Z123 \({zone_name[:-1]}\)"):
        preflight(whole_target)


def test_a_certificate_of_another_ca_names_the_ca_file(whole_target, https_server, make_context):
    https_server.context = make_context("api.example.com", by=trustme.CA())

    with pytest.raises(CertificateInvalid, match=r"ca\.pem"):
        preflight(whole_target)


def test_a_domain_without_an_address_is_told(whole_target, name_server):
    del name_server.addresses["api.example.com"]

    with pytest.raises(TargetError, match="NXDOMAIN"):
        preflight(whole_target)


def test_nothing_listening_is_told(whole_target, name_server):
    name_server.addresses["api.example.com"] = ("127.0.0.9",)

    with pytest.raises(TargetError, match=r"connect refused by 127\.0\.0\.9"):
        preflight(whole_target)
