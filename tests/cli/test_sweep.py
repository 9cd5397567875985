"""`harness sweep` and `harness sweep diff` as a shell runs them: on the lab, and against servers that misbehave."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.edns
import dns.message
import dns.rcode
import pytest
from builders import AP, EU, US

from harness.lab.client import LabClient
from harness.lab.dns import LatencyDatabase
from harness.lab.state import LabInfo
from harness.target import Target, save_target

ADDRESS = {EU: "127.0.0.2", US: "127.0.0.3"}


@pytest.fixture
def planted(loopback_target: Target, name_server: Any, tmp_path: Path) -> Any:
    """A target file of the two-region stack whose name server answers what the test sets."""
    for regional in loopback_target.stack.regions:
        name_server.addresses[regional.domain_target] = (ADDRESS[regional.region],)
    name_server.addresses["api.example.com"] = (ADDRESS[EU],)
    save_target(loopback_target, tmp_path / "target.json")
    return name_server


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all that is waited for is silence."""
    monkeypatch.setattr("harness.probes.flights.TRY_FLOOR_WALL_S", 0.05)


def swept(harness: Callable[..., Any], *arguments: str) -> tuple[int, dict[str, Any]]:
    ended = harness("sweep", "--target", "target.json", "--json", "--out", "map.parquet", *arguments)
    assert ended.err == ""
    return ended.exit_code, json.loads(ended.out)


@pytest.mark.lab
class TestOnTheLab:
    @pytest.fixture(autouse=True)
    def _found(self, lab: LabInfo, lab_target: Target, tmp_path: Path) -> None:
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "labs").symlink_to(Path(lab.endpoints.ca_file or "").parents[2])

    def test_the_map_is_the_labs_own(self, harness: Callable[..., Any], lab: LabInfo, lab_target: Target) -> None:
        """3,000 subnets: each is given the region that the documented rule chooses by the lab's latency database."""
        ended = harness("sweep", "--lab", "tests", "--subnets", "3000", "--out", "map.parquet", "--json")
        told = json.loads(ended.out)

        assert (ended.exit_code, told["verdict"], told["rows"], told["by_status"]) == (0, "pass", 3000, {"ok": 3000})
        latency = LatencyDatabase.load(seed=lab.seed)
        regions = lab_target.stack.region_names
        for subnet, region in rows("subnet, region"):
            client = latency.client_of(subnet)
            assert region == min(regions, key=lambda name: client.rtt_ms[name]), subnet

    def test_people_read_shares_rates_and_where_the_file_is(self, harness: Callable[..., Any]) -> None:
        ended = harness("sweep", "--lab", "tests", "--subnets", "500")

        assert ended.exit_code == 0
        for told in ("api.example.test from 500 client subnets", "eu-west-1", " %", "500 answers in", "PASS  reports/"):
            assert told in ended.out
        assert [path.suffix for path in Path("reports/sweeps").iterdir()] == [".parquet"]

    def test_a_planted_routing_fault_is_found_by_the_diff(
        self, harness: Callable[..., Any], lab: LabInfo, lab_target: Target
    ) -> None:
        """One subnet of Ireland is routed as if it asked from Sydney; the sweep after the repair sees it come back."""
        Path("own.txt").write_text("".join(f"3.248.{number}.0/24\n" for number in range(30)))
        arguments = ("sweep", "--lab", "tests", "--subnets-file", "own.txt", "--out")
        client = LabClient(lab.endpoints.aws_url or "")
        harness(*arguments, "before.parquet")
        client.move_subnet("3.248.7.0/24", AP)
        try:
            harness(*arguments, "after.parquet")
        finally:
            client.move_no_subnets()
        harness(*arguments, "repaired.parquet")

        ended = harness("sweep", "diff", "before.parquet", "after.parquet")
        repaired = harness("sweep", "diff", "after.parquet", "repaired.parquet", "--json")

        assert ended.exit_code == 1
        assert f"3.248.7.0/24, in aws:eu-west-1: moved without need, {AP} instead of {EU}" in ended.out
        assert [(flow["change"], flow["subnets"]) for flow in json.loads(repaired.out)["flows"]] == [
            ("stayed", 29),
            ("moved home", 1),
        ]


def rows(columns: str) -> list[tuple[Any, ...]]:
    import duckdb

    with duckdb.connect() as connection:
        return connection.execute(f"SELECT {columns} FROM 'map.parquet'").fetchall()


def test_a_moved_subnet_is_found_by_the_diff(planted: Any, harness: Callable[..., Any]) -> None:
    """The planted routing fault: one subnet of Ireland is served as if it asked from Virginia."""
    Path("own.txt").write_text("".join(f"3.248.{number}.0/24\n" for number in range(30)))
    arguments = ("sweep", "--target", "target.json", "--subnets-file", "own.txt", "--out")
    harness(*arguments, "before.parquet")

    def moved(query: dns.message.Message, _: str) -> list[bytes]:
        astray = bool(query.options) and query.options[0].address == "3.248.7.0"
        planted.addresses["api.example.com"] = (ADDRESS[US if astray else EU],)
        return [planted.answer(query).to_wire()]

    planted.respond = moved
    harness(*arguments, "after.parquet")
    ended = harness("sweep", "diff", "before.parquet", "after.parquet")

    assert ended.exit_code == 1
    assert "3.248.7.0/24, in aws:eu-west-1: moved without need, us-east-1 instead of eu-west-1" in ended.out
    same = harness("sweep", "diff", "before.parquet", "before.parquet", "--json")
    assert (same.exit_code, json.loads(same.out)["verdict"]) == (0, "pass")


def test_a_server_that_loses_5_percent_costs_retries_and_no_rows(planted: Any, harness: Callable[..., Any]) -> None:
    lost: list[int] = []

    def lossy(query: dns.message.Message, _: str) -> list[bytes]:
        if len(planted.queries) % 20 == 0:
            lost.append(query.id)
            return []
        return [planted.answer(query).to_wire()]

    planted.respond = lossy
    code, told = swept(harness, "--subnets", "400")

    counts = told["about"]["counts"]
    assert (code, told["by_status"], counts["answered"]) == (0, {"ok": 400}, 400)
    assert counts["sent"] - 400 == len(lost) > 15


def echoing(address: str) -> Callable[[Any, dns.message.Message], bytes]:
    def forge(planted: Any, query: dns.message.Message) -> bytes:
        reply = planted.answer(query)
        if query.options:
            reply.use_edns(0, options=[dns.edns.ECSOption(address, 24, 24)])
        return reply.to_wire()

    return forge


def another_id(planted: Any, query: dns.message.Message) -> bytes:
    reply: bytes = planted.answer(query).to_wire()
    return (query.id ^ 0x0101).to_bytes(2) + reply[2:]


def another_name(planted: Any, query: dns.message.Message) -> bytes:
    forged: bytes = planted.answer(query).to_wire().replace(b"\x03api", b"\x03abc")
    return forged


@pytest.mark.parametrize(
    ("forge", "counted"),
    [(another_id, "strangers"), (another_name, "mismatched"), (echoing("9.9.9.0"), "mismatched")],
    ids=["id", "question", "subnet"],
)
def test_forged_answers_before_the_true_one_are_counted_and_change_nothing(
    planted: Any, harness: Callable[..., Any], forge: Callable[..., bytes], counted: str
) -> None:
    """Only what has a client subnet is the sweep's; the harness also asks for the regions' own addresses."""
    planted.respond = lambda query, _: [
        *([forge(planted, query)] if query.options else []),
        planted.answer(query).to_wire(),
    ]
    code, told = swept(harness, "--subnets", "50")

    counts = told["about"]["counts"]
    assert (code, told["by_status"]) == (0, {"ok": 50})
    # Seldom a forged id is that of another question in flight, and then a mismatch; a slow server is asked again.
    assert 50 <= counts["strangers"] + counts["mismatched"] <= len(planted.queries)
    assert counts[counted] >= 48


@pytest.mark.usefixtures("_impatient")
def test_forged_answers_alone_end_as_an_error_before_anything_is_swept(planted: Any, refusal: Any) -> None:
    planted.respond = lambda query, _: [another_name(planted, query)]

    assert "no name server gives a usable answer for api.example.com" in refusal("sweep", "--target", "target.json")


def test_second_answers_are_counted(planted: Any, harness: Callable[..., Any]) -> None:
    planted.respond = lambda query, _: [planted.answer(query).to_wire()] * 2
    code, told = swept(harness, "--subnets", "200")

    assert (code, told["rows"]) == (0, 200)
    # Two to each query, of which 200 count; the last ones come when none listens any more.
    assert 190 <= told["about"]["counts"]["duplicates"] <= 2 * len(planted.queries) - 200


@pytest.mark.parametrize(
    ("address", "rcode", "status"),
    [
        (ADDRESS[EU], dns.rcode.SERVFAIL, "error code"),
        (ADDRESS[EU], dns.rcode.NXDOMAIN, "error code"),
        ("198.51.100.9", dns.rcode.NOERROR, "unknown region"),
    ],
    ids=["servfail", "nxdomain", "unknown region"],
)
def test_what_goes_wrong_is_a_row_and_exit_code_1(
    planted: Any, harness: Callable[..., Any], address: str, rcode: dns.rcode.Rcode, status: str
) -> None:
    planted.addresses["api.example.com"] = (address,)
    planted.rcode = rcode
    code, told = swept(harness, "--subnets", "40")

    assert (code, told["verdict"], told["by_status"]) == (1, "fail", {status: 40})


def test_an_answer_without_an_address_is_a_row(planted: Any, harness: Callable[..., Any]) -> None:
    planted.respond = lambda query, _: [dns.message.make_response(query).to_wire()]
    code, told = swept(harness, "--subnets", "40")

    assert (code, told["by_status"]) == (1, {"no address": 40})


@pytest.mark.usefixtures("_impatient")
def test_silence_for_some_is_unknown_and_exit_code_3(planted: Any, harness: Callable[..., Any]) -> None:
    """The server answers nobody in 3.0.0.0/8."""
    Path("own.txt").write_text("9.9.9.0/24\n3.3.3.0/24\n")
    planted.respond = lambda query, _: (
        [] if query.options and query.options[0].address.startswith("3.") else [planted.answer(query).to_wire()]
    )
    code, told = swept(harness, "--subnets-file", "own.txt")

    assert (code, told["verdict"], told["by_status"]) == (3, "unknown", {"ok": 1, "timeout": 1})
    assert rows("subnet, status, retries, error") == [
        ("3.3.3.0/24", "timeout", 2, "timeout"),
        ("9.9.9.0/24", "ok", 0, None),
    ]


def test_interrupted_it_keeps_what_it_has(planted: Any, harness: Callable[..., Any]) -> None:
    """Ctrl-C after 300 answers of 5,000: a map of those, exit code 130."""

    def interrupt(query: dns.message.Message, _: str) -> list[bytes]:
        if len(planted.queries) == 300:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return [planted.answer(query).to_wire()]

    planted.respond = interrupt
    code, told = swept(harness, "--subnets", "5000")

    assert (code, told["about"]["ended"]) == (130, "interrupted")
    assert 100 <= told["rows"] == len(rows("subnet")) < 5000
    assert told["by_status"] == {"ok": told["rows"]}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--subnets", "0"), "0 subnets: choose 1 to"),
        (("--subnets", "5", "--subnets-file", "own.txt"), "choose one"),
        (("--subnets-file", "none.txt"), "subnets file none.txt cannot be read: No such file"),
        (("--subnets-file", "own.txt"), "own.txt, line 1: '10.0.0.1/24' is not a subnet"),
        (("--target", "none.json"), "target file none.json: No such file"),
        (("--out", "own.txt/map.parquet"), "cannot be written"),
        (("diff", "a.parquet", "b.parquet"), "sweep a.parquet cannot be read"),
        (("diff", "own.txt", "own.txt"), "sweep own.txt cannot be read"),
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(
    planted: Any, refusal: Any, arguments: tuple[str, ...], told: str
) -> None:
    Path("own.txt").write_text("10.0.0.1/24\n")
    options = () if arguments[0] in ("diff", "--target") else ("--target", "target.json")

    assert told in refusal("sweep", *options, *arguments)
    assert len(planted.queries) <= 1
