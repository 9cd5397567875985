"""The server judged by other people's clients: dig, kdig, delv and dnsperf, each where it is installed.

The EDNS matrix is that of ISC's compliance tests (https://ednscomp.isc.org): what a server must do with versions,
options and flags that it does not know.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import dns.edns
import dns.message
import msgspec
import pytest

TIMEOUT_S = 20


def needs(tool: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed (Debian: {_PACKAGES[tool]})")


_PACKAGES = {"dig": "bind9-dnsutils", "delv": "bind9-dnsutils", "kdig": "knot-dnsutils", "dnsperf": "dnsperf"}


class Told(msgspec.Struct, frozen=True):
    """What dig printed of one reply."""

    status: str
    flags: frozenset[str]
    edns: str | None
    """The EDNS version, its flags and the options that came back, as dig writes them."""
    question: str
    answers: list[str]
    text: str

    @property
    def options(self) -> list[str]:
        return re.findall(r"^; (?!EDNS)([A-Z-]+|OPT=\d+):", self.text, flags=re.MULTILINE)


def dig(lab, *arguments: str) -> Told:
    address, port = lab.dns.endpoint
    options = ["+tries=1", "+time=5", "+nocookie", "+norec", "+noall", "+comments", "+question", "+answer"]
    command = ["dig", f"@{address}", "-p", str(port), *options, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    text = ended.stdout
    assert "WARNING" not in text.replace("WARNING: recursion requested but not available", ""), text
    status, flags = re.search(r"status: (\w+)", text), re.search(r"^;; flags: ([a-z ]*);", text, flags=re.MULTILINE)
    edns = re.search(r"^; EDNS: (version: \d+, flags:[^;]*);", text, flags=re.MULTILINE)
    question = re.search(r"^;(\S+)\t+IN\t", text, flags=re.MULTILINE)
    assert status is not None, text
    assert flags is not None, text
    return Told(
        status=status[1],
        flags=frozenset(flags[1].split()),
        edns=edns[1].strip() if edns else None,
        question=question[1] if question else "",
        answers=[line for line in text.splitlines() if line and not line.startswith(";")],
        text=text,
    )


VERSION_0 = "version: 0, flags:"


@needs("dig")
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize(
    ("query", "status", "edns", "answered"),
    [
        (("+noedns",), "NOERROR", None, True),
        (("+edns=0",), "NOERROR", VERSION_0, True),
        (("+edns=1", "+noednsneg"), "BADVERS", VERSION_0, False),
        (("+edns=255", "+noednsneg"), "BADVERS", VERSION_0, False),
        (("+ednsopt=100",), "NOERROR", VERSION_0, True),
        (("+ednsopt=100:0badcafe", "+ednsopt=65001"), "NOERROR", VERSION_0, True),
        (("+edns=1", "+noednsneg", "+ednsopt=100"), "BADVERS", VERSION_0, False),
        (("+ednsflags=0x40",), "NOERROR", VERSION_0, True),
        (("+edns=1", "+noednsneg", "+ednsflags=0x40"), "BADVERS", VERSION_0, False),
        (("+dnssec",), "NOERROR", f"{VERSION_0} do", True),
        (("+edns=1", "+noednsneg", "+dnssec"), "BADVERS", f"{VERSION_0} do", False),
        (("+bufsize=0",), "NOERROR", VERSION_0, True),
        (("+bufsize=65535",), "NOERROR", VERSION_0, True),
        (("+nsid", "+expire", "+cookie=0123456789abcdef", "+padding=64"), "NOERROR", VERSION_0, True),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_edns_as_isc_tests_it(  # noqa: PLR0917
    standing_lab, transport: str, query: tuple[str, ...], status: str, edns: str, answered: bool
):
    """Unknown versions are refused with BADVERS and no answer; unknown options and flags are ignored, not sent back."""
    told = dig(standing_lab, transport, *query, "plain.example.com", "A")

    assert (told.status, told.edns, told.options) == (status, edns, [])
    assert len(told.answers) == (2 if answered else 0)


@needs("dig")
@pytest.mark.parametrize(
    ("subnet", "scope"),
    [
        ("3.252.0.0/24", "3.252.0.0/24/24"),
        ("3.252.0.0/32", "3.252.0.0/32/24"),
        ("3.248.0.0/13", "3.248.0.0/13/13"),
        ("0.0.0.0/0", "0.0.0.0/0/0"),
        ("2001:db8::/56", "2001:db8::/56/48"),
        ("::/0", "::/0/0"),
    ],
)
def test_a_client_subnet_comes_back_with_its_scope(standing_lab, subnet: str, scope: str):
    told = dig(standing_lab, f"+subnet={subnet}", "api.example.com", "A")

    assert f"; CLIENT-SUBNET: {scope}\n" in told.text
    assert (told.status, len(told.answers)) == ("NOERROR", 1)


@needs("dig")
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_the_senders_mixture_of_cases_comes_back(standing_lab, transport: str):
    """0x20: some resolvers put randomness there, and drop a reply without it. Also where a name is a pointer."""
    told = dig(standing_lab, transport, "WwW.eXaMpLe.cOm", "A")

    assert told.question == "WwW.eXaMpLe.cOm."
    assert told.answers[0].split() == ["WwW.eXaMpLe.cOm.", "300", "IN", "CNAME", "api.example.com."]


@needs("dig")
def test_an_answer_too_long_is_cut_and_then_fetched_over_tcp(standing_lab):
    cut = dig(standing_lab, "+ignore", "+dnssec", "+bufsize=512", "big.example.com", "TXT")
    whole = dig(standing_lab, "+dnssec", "+bufsize=512", "big.example.com", "TXT")

    assert ("tc" in cut.flags, cut.answers, cut.edns) == (True, [], f"{VERSION_0} do")
    assert ("tc" in whole.flags, len(whole.answers)) == (False, 20)
    assert "Truncated, retrying in TCP mode." in whole.text


@needs("dig")
@pytest.mark.parametrize(
    ("query", "status"),
    [
        (("nobody.example.com", "A"), "NXDOMAIN"),
        (("api.example.com", "AAAA"), "NOERROR"),
        (("example.net", "A"), "REFUSED"),
        (("-c", "CH", "version.bind", "TXT"), "REFUSED"),
        (("+opcode=status", "example.com", "SOA"), "NOTIMP"),
        (("+opcode=notify", "example.com", "SOA"), "NOTIMP"),
        (("+opcode=15", "example.com", "SOA"), "NOTIMP"),
        (("+header-only",), "FORMERR"),
        (("example.com", "TYPE65280"), "NOERROR"),
        (("example.com", "IXFR=1"), "REFUSED"),
    ],
    ids=" ".join,
)
def test_what_has_no_answer_is_refused_by_its_own_code(standing_lab, query: tuple[str, ...], status: str):
    told = dig(standing_lab, "+notcp", *query)

    assert (told.status, told.answers) == (status, [])


@needs("dig")
@pytest.mark.parametrize(
    ("asked", "flags"),
    [
        (("+rec",), {"qr", "aa", "rd"}),
        (("+cdflag",), {"qr", "aa", "cd"}),
        (("+adflag",), {"qr", "aa"}),
        (("+aaflag", "+tcflag", "+raflag"), {"qr", "aa"}),
        (("+zflag",), {"qr", "aa"}),
    ],
    # A set has another order in each of xdist's processes, and they must agree on the names.
    ids=lambda one: " ".join(sorted(one)),
)
def test_only_flags_that_are_the_askers_come_back(standing_lab, asked: tuple[str, ...], flags: set[str]):
    told = dig(standing_lab, *asked, "plain.example.com", "A")

    assert (told.status, told.flags) == ("NOERROR", flags)


@needs("dig")
def test_one_connection_carries_many_questions(standing_lab):
    """dig +keepopen asks one after the other over one connection; each has its own answer."""
    names = ["plain.example.com", "here.wild.example.com", "deep.below.nothing.example.com"] * 5
    address, port = standing_lab.dns.endpoint
    options = ["+tcp", "+keepopen", "+short", "+tries=1", "+time=5"]
    command = ["dig", f"@{address}", "-p", str(port), *options, *names]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)

    assert ended.stdout.split() == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"] * 5


@needs("kdig")
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_kdig_reads_the_same(standing_lab, transport: str):
    """Knot's own client and parser: the whole message as JSON."""
    address, port = standing_lab.dns.endpoint
    asked = ["+subnet=3.252.0.0/24", "+padding", "api.example.com", "A"]
    command = ["kdig", f"@{address}", "-p", str(port), transport, "+json", *asked]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    told = json.loads(ended.stdout)

    assert (told["RCODE"], told["AA"], told["RA"], told["AD"], told["TC"]) == (0, 1, 0, 0, 0)
    assert [(one["rdataA"], one["TTL"]) for one in told["answerRRs"]] == [("127.20.0.1", 60)]


@needs("kdig")
def test_kdig_is_refused_an_unknown_edns_version(standing_lab):
    address, port = standing_lab.dns.endpoint
    command = ["kdig", f"@{address}", "-p", str(port), "+edns=1", "plain.example.com", "A"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)

    assert "ext-rcode: BADVERS" in ended.stdout


@needs("delv")
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_delv_takes_the_answers_for_whole(standing_lab, transport: str):
    """BIND's own resolver library, strict about what it is sent; the zone is unsigned, so without validation (-i)."""
    address, port = standing_lab.dns.endpoint
    command = ["delv", f"@{address}", "-p", str(port), "-i", transport, "www.example.com", "A"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)

    lines = [line.split() for line in ended.stdout.splitlines() if line and not line.startswith(";")]
    assert [line[3] for line in lines] == ["CNAME", "A"]
    assert "resolution failed" not in ended.stdout + ended.stderr


@needs("delv")
def test_delv_is_told_that_a_name_is_not_there(standing_lab):
    address, port = standing_lab.dns.endpoint
    command = ["delv", f"@{address}", "-p", str(port), "-i", "nobody.example.com", "A"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)

    assert "ncache nxdomain" in ended.stdout + ended.stderr


@needs("dnsperf")
@pytest.mark.parametrize("mode", ["udp", "tcp"])
def test_dnsperf_loses_nothing(standing_lab, mode: str, tmp_path: Path):
    """2,000 questions from as many client subnets, 100 in flight; over TCP pipelined on two connections."""
    subnets = [dns.edns.ECSOption(f"3.{n // 250}.{n % 250}.0", 24) for n in range(2_000)]
    queries = [dns.message.make_query("api.example.com", "A", id=0, options=[subnet]) for subnet in subnets]
    data = tmp_path / "queries"
    data.write_bytes(b"".join(len(wire).to_bytes(2) + wire for wire in (query.to_wire() for query in queries)))
    address, port = standing_lab.dns.endpoint
    options = ["-n", "1", "-q", "100", "-c", "2", "-t", "10", "-m", mode]
    command = ["dnsperf", "-s", address, "-p", str(port), "-B", "-d", str(data), *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)

    assert re.search(r"Queries completed:\s+2000 \(100.00%\)", ended.stdout), ended.stdout
    assert re.search(r"Response codes:\s+NOERROR 2000 \(100.00%\)", ended.stdout), ended.stdout
