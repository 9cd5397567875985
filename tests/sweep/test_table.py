from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from sweep_builders import TIMEOUT, about, served_by

from harness.errors import UsageError
from harness.findings import Verdict
from harness.sweep.asking import Answer
from harness.sweep.table import COLUMNS, read_about, summarize

SERVFAIL = Answer(rcode="SERVFAIL")
EMPTY = Answer(rcode="NOERROR", scope=24)
STRANGE = Answer(rcode="NOERROR", addresses=("198.51.100.1",), ttl_s=60.0, scope=24)
NO_ECHO = Answer(rcode="NOERROR", addresses=("192.0.2.2",), ttl_s=60.0)
CUT = Answer(rcode="NOERROR", error="truncated, and over TCP: timed out")
MIXED = Answer(rcode="NOERROR", addresses=("192.0.2.1", "192.0.2.2"), ttl_s=60.0, scope=24)


def rows(path: Path, columns: str) -> list[tuple]:
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT {columns} FROM read_parquet('{path}') ORDER BY network").fetchall()


def test_a_row_says_who_serves_whom_from_where_and_how_far(write):
    """3.248.0.0/24 is the catalogue's Dublin: 225 ms or so from Sydney, in its own region a few."""
    path, _ = write("map", {"3.248.0.0/24": served_by("eu-west-1"), "9.9.9.0/24": served_by("us-east-1")})

    assert rows(path, "subnet, version, network, prefix_length, status, region, vantage, latency_class") == [
        ("3.248.0.0/24", 4, 0x03F80000, 24, "ok", "eu-west-1", "aws:eu-west-1", "near"),
        ("9.9.9.0/24", 4, 0x09090900, 24, "ok", "us-east-1", None, None),
    ]
    assert rows(path, "addresses, ttl_s, scope, rcode, retries, start_s, round(took_s, 6), error")[0] == (
        ["192.0.2.2"], 60.0, 24, "NOERROR", 0, 0.25, pytest.approx(0.002), None,
    )  # fmt: skip


def test_the_columns_are_those_that_are_listed(write):
    path, _ = write("map", {"9.9.9.0/24": served_by("us-east-1")})

    with duckdb.connect() as connection:
        found = connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{path}')").fetchall()
    assert {name: kind for name, kind, *_ in found} == {**COLUMNS, "addresses": "VARCHAR[]"}


@pytest.mark.parametrize(
    ("answer", "status", "region", "verdict"),
    [
        (SERVFAIL, "error code", None, Verdict.FAIL),
        (EMPTY, "no address", None, Verdict.FAIL),
        (STRANGE, "unknown region", None, Verdict.FAIL),
        (MIXED, "unknown region", None, Verdict.FAIL),
        (NO_ECHO, "not echoed", "eu-west-1", Verdict.FAIL),
        (CUT, "truncated", None, Verdict.FAIL),
        (TIMEOUT, "timeout", None, Verdict.UNKNOWN),
    ],
    ids=["servfail", "empty", "strange", "mixed", "no echo", "cut", "timeout"],
)
def test_what_went_wrong_is_a_row_and_decides_the_verdict(write, answer, status, region, verdict):
    path, summary = write("map", {"9.9.9.0/24": served_by("us-east-1"), "9.9.10.0/24": answer})

    assert rows(path, "status, region")[1] == (status, region)
    assert summary.by_status == {"ok": 1, status: 1}
    assert summary.verdict is verdict


def test_all_well_is_a_pass_and_regions_without_anybody_are_listed(write):
    _, summary = write("map", {"3.248.0.0/24": served_by("eu-west-1"), "9.9.9.0/24": served_by("us-east-1")})

    assert summary.verdict is Verdict.PASS
    assert summary.by_region == {"us-east-1": 1, "eu-west-1": 1, "ap-southeast-2": 0}
    assert summary.by_latency_class == {"near": 1, "unknown": 1}


def test_subnets_that_were_not_asked_make_it_unknown(write):
    _, summary = write("map", {"9.9.9.0/24": served_by("us-east-1")}, asked_for=10, ended="interrupted")

    assert (summary.not_asked, summary.verdict) == (9, Verdict.UNKNOWN)


def test_refusals_are_told_by_code(write):
    _, summary = write("map", {"9.9.9.0/24": SERVFAIL, "9.9.10.0/24": Answer(rcode="REFUSED")})

    assert summary.rcodes == {"SERVFAIL": 1, "REFUSED": 1}


def test_the_file_says_what_it_is_of(write):
    path, summary = write("map", {"9.9.9.0/24": served_by("us-east-1")})

    assert read_about(path) == summary.about == about(asked_for=1, counts=summary.about.counts)
    assert summarize(path) == summary


def test_an_ipv6_subnet_is_numbered_by_its_first_64_bits(write):
    path, _ = write("map", {"2001:db8:7::/48": served_by("us-east-1")})

    assert rows(path, "subnet, version, network, prefix_length") == [("2001:db8:7::/48", 6, 0x20010DB800070000, 48)]


@pytest.mark.parametrize("content", [b"", b"not parquet, but long enough to have a magic number"])
def test_what_is_no_map_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "x.parquet"
    path.write_bytes(content)

    with pytest.raises(UsageError, match=r"x\.parquet"):
        read_about(path)


def test_somebody_elses_parquet_is_refused(tmp_path: Path):
    path = tmp_path / "x.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 1 AS one) TO '{path}' (FORMAT parquet)")

    with pytest.raises(UsageError, match="no file that `harness sweep` wrote"):
        read_about(path)


def test_a_folder_that_cannot_be_written_is_an_error_that_leaves_nothing(write, tmp_path: Path):
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="cannot be written"):
        write("file/map", {"9.9.9.0/24": served_by("us-east-1")})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
