from __future__ import annotations

import dns.edns
import dns.message
import pytest

from harness.lab.dns.wire import ClientSubnet, FormatError, parse_query

HEADER = b"\xab\xcd\x01\x00" + bytes.fromhex("0001 0000 0000 0000")
QUESTION = b"\x03aPi\x07example\x03com\x00\x00\x01\x00\x01"


def query(*options: dns.edns.Option, **fields) -> bytes:
    return dns.message.make_query("aPi.example.com", "A", options=list(options), **fields).to_wire()


def edns(option: str) -> bytes:
    """A query whose only option is client subnet with this hexadecimal content."""
    content = bytes.fromhex(option)
    rdata = b"\x00\x08" + len(content).to_bytes(2) + content
    opt = b"\x00\x00\x29\x10\x00" + bytes(4) + len(rdata).to_bytes(2) + rdata
    return HEADER[:10] + b"\x00\x01" + QUESTION + opt


def test_a_question_is_read_in_the_senders_case_and_its_name_in_lower_case():
    found = parse_query(HEADER + QUESTION)

    assert (found.question, found.name) == (QUESTION, b"\x03api\x07example\x03com\x00")
    assert (found.qtype, found.qclass, found.edns) == (1, 1, None)


def test_edns_is_read():
    found = parse_query(query(use_edns=0, payload=4096, want_dnssec=True)).edns

    assert found is not None
    assert (found.payload_size, found.version, found.dnssec_ok, found.subnet) == (4096, 0, True, None)


def test_a_payload_size_below_512_is_512():
    found = parse_query(query(use_edns=0, payload=0)).edns

    assert found is not None
    assert found.payload_size == 512


@pytest.mark.parametrize(
    ("subnet", "expected"),
    [
        (("192.0.2.0", 24), ClientSubnet(1, 24, b"\xc0\x00\x02")),
        (("0.0.0.0", 0), ClientSubnet(1, 0, b"")),
        (("2001:db8::", 56), ClientSubnet(2, 56, b"\x20\x01\x0d\xb8\x00\x00\x00")),
    ],
)
def test_a_client_subnet_is_read(subnet: tuple[str, int], expected: ClientSubnet):
    found = parse_query(query(dns.edns.ECSOption(*subnet))).edns

    assert found is not None
    assert (found.subnet, found.subnet_ends_message) == (expected, True)


@pytest.mark.parametrize("order", [1, -1])
def test_a_subnet_beside_another_option_does_not_count_as_ending_the_message(order: int):
    options = [dns.edns.ECSOption("192.0.2.0", 24), dns.edns.GenericOption(100, b"abc")]
    found = parse_query(query(*options[::order])).edns

    assert found is not None
    assert (found.subnet_ends_message, found.has_other_options) == (False, True)


@pytest.mark.parametrize(
    ("option", "flaw"),
    [
        ("0001 18 00 c000", "address shorter than its prefix"),
        ("0001 18 00 c0000201", "address longer than its prefix"),
        ("0001 14 00 c0000f", "bits beyond its prefix"),
        ("0001 21 00 c000020101", "prefix longer than an address"),
        ("0001 18 18 c00002", "scope in a query"),
        ("0003 18 00 c00002", "unknown family"),
        ("0001", "cut short"),
    ],
)
def test_a_malformed_client_subnet_is_a_format_error_of_an_edns_query(option: str, flaw: str):
    with pytest.raises(FormatError) as error:
        parse_query(edns(option))
    assert error.value.has_edns, flaw


@pytest.mark.parametrize(
    ("data", "flaw"),
    [
        (HEADER + QUESTION + b"x", "bytes left over"),
        (HEADER + QUESTION[:-1], "cut short"),
        (HEADER + b"\xc0\x0c\x00\x01\x00\x01", "compressed question"),
        (HEADER + (b"\x3f" + b"a" * 63) * 4 + b"\x00\x00\x01\x00\x01", "name of 257 octets"),
        (HEADER[:4] + b"\x00\x02" + HEADER[6:] + QUESTION + QUESTION, "two questions"),
        (HEADER[:4] + b"\x00\x00" + HEADER[6:], "no question"),
        (HEADER[:10] + b"\x00\x02" + QUESTION + b"\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00" * 2, "two OPT"),
        (
            HEADER[:8] + b"\x00\x01\x00\x00" + QUESTION + b"\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00",
            "OPT in authority",
        ),
        (HEADER[:10] + b"\x00\x01" + QUESTION + b"\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x09", "OPT cut short"),
    ],
)
def test_what_is_no_query_is_a_format_error(data: bytes, flaw: str):
    with pytest.raises(FormatError):
        parse_query(data)


def test_a_name_of_255_octets_is_read():
    name = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\x00"

    assert len(name) == 255
    assert parse_query(HEADER + name + b"\x00\x01\x00\x01").name == name


def test_other_records_of_a_query_are_skipped():
    """An IXFR query carries an SOA in its authority section; its owner name may be a pointer."""
    soa = b"\xc0\x0c\x00\x06\x00\x01" + bytes(4) + b"\x00\x02\x00\x00"

    assert parse_query(HEADER[:8] + b"\x00\x01\x00\x00" + QUESTION + soa).edns is None
