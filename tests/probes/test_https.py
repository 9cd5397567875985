"""HTTPS looks, against real DNS and TLS servers on loopback: what is seen, and how each failure is told."""

from __future__ import annotations

import json
import re
import socket
import ssl
import struct
import time
from datetime import UTC, datetime, timedelta

import dns.rcode
import msgspec
import pytest
import trustme

from harness.clock import ScaledClock
from harness.events import Outcome, RegionFrom
from harness.probes import https
from harness.probes.https import look
from harness.probes.resolve import Resolved
from harness.probes.user import User
from harness.resolving import BeyondTtl, Resolver, ServeStale, SubnetFate
from harness.stack import ServedRegion


@pytest.fixture
def clock():
    return ScaledClock(20.0)


@pytest.fixture
def see(loopback_target, ireland, clock):
    """One look, by a new user unless one is given."""

    def see(user=None, **options):
        return look(loopback_target, user or User(ireland), clock=clock, path="/data/1", **options)

    return see


@pytest.fixture
def user(ireland):
    return User(ireland)


def knows(user, *addresses, ttl_s=60, now_s):
    """The user's resolver has this answer."""
    user.cache.store("api.example.com", Resolved(addresses=addresses), ttl_s=ttl_s, now_s=now_s)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(https, "TIMEOUT_FLOOR_WALL_S", 0.1)


def test_a_good_look_tells_who_served_and_how_long_each_step_took(see):
    reply = see()

    assert (reply.outcome, reply.error) == (Outcome.OK, None)
    assert (reply.status, reply.region, reply.address) == (200, "eu-west-1", "127.0.0.1")
    steps_s = [reply.dns_s, reply.connect_s, reply.tls_s, reply.first_byte_s]
    assert all(step_s > 0 for step_s in steps_s)
    assert sum(steps_s) <= reply.end_s - reply.start_s


def test_it_asks_as_a_user_of_the_domain_would(see, https_server):
    see()

    head = https_server.requests[0].decode().split("\r\n")
    assert head[0] == "GET /data/1 HTTP/1.1"
    assert "Host: api.example.com" in head
    assert "Connection: close" in head


def test_durations_are_in_stack_seconds(see, https_server):
    """The server waits 50 ms of wall time; at rate 20 that is a stack second."""

    def slowly(connection, _):
        time.sleep(0.05)
        connection.sendall(https_server.reply)

    https_server.handle = slowly

    assert see().first_byte_s >= 1.0


def test_the_name_server_is_asked_once_per_ttl(see, user, name_server, clock):
    first, second = see(user), see(user)

    assert [query.question[0].name.to_text() for query in name_server.queries].count("api.example.com.") == 1
    assert second.dns_s is None
    assert second.resolved_s == first.resolved_s < second.start_s


def test_an_expired_answer_is_asked_for_again(see, user, name_server, clock):
    knows(user, "127.0.0.9", now_s=-60)

    reply = see(user)

    assert (reply.outcome, reply.address) == (Outcome.OK, "127.0.0.1")
    assert reply.resolved_s >= reply.start_s


def test_a_cached_answer_is_used_even_when_it_is_wrong_by_now(see, user, clock):
    """Nothing listens on 127.0.0.9: users go on being sent there until their resolver's TTL has passed."""
    knows(user, "127.0.0.9", now_s=clock.now_s())

    reply = see(user)

    assert reply.outcome is Outcome.FAIL
    assert reply.error.startswith("connect refused by 127.0.0.9:")


def test_the_next_address_is_tried_when_one_refuses(see, user, name_server):
    knows(user, "127.0.0.9", "127.0.0.1", now_s=0)

    reply = see(user)

    assert (reply.outcome, reply.address) == (Outcome.OK, "127.0.0.1")


def test_addresses_that_refused_are_told(see, user, name_server):
    knows(user, "127.0.0.9", "127.0.0.8", "127.0.0.1", now_s=0)

    reply = see(user)

    assert (reply.outcome, reply.refused) == (Outcome.OK, ("127.0.0.9", "127.0.0.8"))


def test_lateness_is_counted_from_the_due_time(see, clock):
    due_s = clock.now_s() - 3

    reply = see(due_s=due_s)

    assert reply.late_s == pytest.approx(reply.start_s - due_s)


@pytest.mark.parametrize("status", [400, 404, 429, 503])
def test_an_error_status_fails_and_still_tells_the_region(see, https_server, status):
    https_server.reply = b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nx-served-region: us-east-1\r\n\r\n" % status

    reply = see()

    assert (reply.outcome, reply.status, reply.region) == (Outcome.FAIL, status, "us-east-1")
    assert reply.error == f"status {status}"


@pytest.mark.parametrize("status", [201, 204, 302])
def test_statuses_below_400_are_good(see, https_server, status):
    https_server.reply = b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status

    assert see().outcome is Outcome.OK


@pytest.mark.parametrize(
    ("rcode", "error"), [(dns.rcode.SERVFAIL, "DNS: SERVFAIL"), (dns.rcode.NXDOMAIN, "DNS: NXDOMAIN")]
)
def test_a_name_that_does_not_resolve_is_told_by_its_code(see, name_server, rcode, error):
    name_server.rcode = rcode

    reply = see()

    assert (reply.outcome, reply.error, reply.address) == (Outcome.FAIL, error, None)


def test_a_failed_lookup_is_not_cached(see, user, name_server):
    name_server.rcode = dns.rcode.SERVFAIL
    see(user)
    name_server.rcode = dns.rcode.NOERROR

    assert see(user).outcome is Outcome.OK


def test_a_certificate_for_another_host_is_told(see, https_server, make_context):
    https_server.context = make_context("other.example.com")

    reply = see()

    assert reply.error.startswith("certificate: Hostname mismatch")
    assert (reply.outcome, reply.tls_s, reply.status) == (Outcome.FAIL, None, None)


def test_a_certificate_of_another_ca_is_told(see, https_server, make_context):
    https_server.context = make_context("api.example.com", by=trustme.CA())

    assert see().error.startswith("certificate: ")


def test_an_expired_certificate_is_told(see, https_server, ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    now = datetime.now(UTC)
    ca.issue_cert("api.example.com", not_before=now - timedelta(2), not_after=now - timedelta(1)).configure_cert(
        context
    )
    https_server.context = context

    assert see().error == "certificate: certificate has expired"


def test_sni_names_the_domain(see, https_server, make_context):
    names = []
    https_server.context.sni_callback = lambda _socket, name, _context: names.append(name)

    see()

    assert names == ["api.example.com"]


def test_every_look_is_a_new_full_handshake(see, user, https_server):
    resumed = []

    def reply(connection, _):
        resumed.append(connection.session_reused)
        connection.sendall(https_server.reply)

    https_server.handle = reply
    see(user)
    see(user)

    assert resumed == [False, False]


def test_a_server_that_never_answers_times_out_by_name(see, https_server, impatient):
    """0.1 s of wall time at rate 20: 2 stack seconds."""
    https_server.handle = lambda *_: https_server.closing.wait(5)

    reply = see(timeout_s=1.0)

    assert re.fullmatch(r"timed out after [2-9](\.\d+)? s waiting for the first byte", reply.error)
    assert reply.end_s - reply.start_s < 20


def test_a_server_that_drips_does_not_hold_the_look(see, https_server, impatient):
    def drip(connection, _):
        for byte in https_server.reply * 100:
            connection.sendall(bytes([byte]))
            if https_server.closing.wait(0.02):
                return

    https_server.reply = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
    https_server.handle = drip

    assert see(timeout_s=1.0).error.endswith("waiting for the rest of the reply")


def test_a_server_that_does_not_shake_hands_times_out_by_name(see, https_server, impatient):
    https_server.before_handshake = lambda _: https_server.closing.wait(5)

    assert see(timeout_s=1.0).error.endswith("waiting for the TLS handshake")


def test_a_reset_is_told(see, https_server):
    def reset(connection, _):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    https_server.handle = reset
    https_server.before_handshake = lambda _: None

    reply = see()

    assert reply.outcome is Outcome.FAIL
    assert "first byte" in reply.error


def test_a_connection_closed_without_a_reply_is_told(see, https_server):
    https_server.handle = lambda *_: None

    assert see().error == "the server closed the connection before the first byte"


def test_a_server_that_speaks_no_tls_is_told(see, https_server):
    https_server.before_handshake = lambda raw: raw.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    assert see().error.startswith("TLS: ")


def test_a_reply_that_is_no_http_is_told(see, https_server):
    https_server.reply = b"SSH-2.0-OpenSSH_9.2\r\n"

    assert see().error.startswith("malformed reply: ")


def test_a_body_cut_short_fails(see, https_server):
    https_server.reply = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"

    reply = see()

    assert (reply.outcome, reply.status) == (Outcome.FAIL, 200)
    assert "before the reply's end" in reply.error


@pytest.fixture
def user_with(ireland):
    """A user in Ireland whose resolver or client has these ways."""

    def make(**ways):
        return User(msgspec.structs.replace(ireland, **ways))

    return make


def test_an_answer_kept_beyond_its_ttl_is_told_with_the_reason(see, user_with):
    """TTL 60, asked 100 s ago, by a resolver that keeps answers for 300 s at least."""
    user = user_with(resolver=Resolver(ttl_min_s=300))
    knows(user, "127.0.0.1", now_s=-100)

    reply = see(user)

    assert (reply.ttl_s, reply.resolved_s, reply.beyond_ttl) == (60, -100, BeyondTtl.CLAMPED)
    assert reply.beyond_ttl_because == "the resolver keeps answers for at least 300 s"


def test_a_stale_answer_is_used_when_the_refresh_fails_and_told_with_what_failed(see, user_with, name_server):
    name_server.rcode = dns.rcode.SERVFAIL
    user = user_with(resolver=Resolver(stale=ServeStale()))
    knows(user, "127.0.0.1", now_s=-100)

    reply = see(user)

    assert (reply.outcome, reply.beyond_ttl, reply.beyond_ttl_because) == (Outcome.OK, BeyondTtl.STALE, "SERVFAIL")
    assert reply.dns_s > 0
    assert see(user).dns_s is None  # not tried again so soon


def test_a_user_with_a_stale_answer_waits_no_longer_than_the_client_timer(see, user_with, name_server):
    """Three tries take 18 stack s at this rate; of the one timer of 1.8 s the floor makes 6 s, 0.3 s of wall time."""
    name_server.respond = lambda *_: []
    user = user_with(resolver=Resolver(stale=ServeStale()))
    knows(user, "127.0.0.1", now_s=-100)

    reply = see(user)

    assert (reply.outcome, reply.beyond_ttl) == (Outcome.OK, BeyondTtl.STALE)
    assert reply.beyond_ttl_because.startswith("no usable answer from")
    assert 6 <= reply.dns_s < 15


def test_an_answer_within_its_ttl_has_no_reason_to_tell(see):
    reply = see()

    assert (reply.ttl_s, reply.beyond_ttl, reply.beyond_ttl_because) == (60, None, None)
    assert (reply.subnet, reply.cache, reply.connection_age_s) == (SubnetFate.USED, None, None)


def test_a_resolver_that_sends_no_subnet_is_told(see, user_with, name_server):
    reply = see(user_with(resolver=Resolver(sends_subnet=False)))

    assert reply.subnet is SubnetFate.NOT_SENT
    assert not name_server.queries[0].options


def test_which_of_several_caches_answered_is_told(see, user_with):
    user = user_with(resolver=Resolver(caches=3))

    assert {see(user).cache for _ in range(20)} == {0, 1, 2}


@pytest.fixture
def keeps_alive(https_server):
    """The server answers as many requests on a connection as come."""

    def serve(connection, _):
        connection.sendall(https_server.reply)
        while request := connection.recv(65536):
            https_server.requests.append(request)
            connection.sendall(https_server.reply)

    https_server.handle = serve


def _with_ttl(name_server, ttl_s):
    def respond(query, _):
        reply = name_server.answer(query)
        for rrset in reply.answer:
            rrset.ttl = ttl_s
        return [reply.to_wire()]

    name_server.respond = respond


@pytest.mark.usefixtures("keeps_alive")
def test_a_kept_connection_is_used_again_and_its_age_told(see, user_with, https_server, name_server):
    user = user_with(keeps_connection=True)
    first, second = see(user), see(user)
    user.close()

    assert (first.outcome, second.outcome) == (Outcome.OK, Outcome.OK)
    assert first.connection_age_s is None
    assert second.connection_age_s > 0
    assert (second.dns_s, second.connect_s, second.tls_s) == (None, None, None)
    assert (second.address, second.resolved_s) == (first.address, first.resolved_s)
    assert second.beyond_ttl is None
    assert b"Connection: keep-alive" in https_server.requests[0]
    assert len([query for query in name_server.queries if query.question[0].name.to_text() == "api.example.com."]) == 1


@pytest.mark.usefixtures("keeps_alive")
def test_a_kept_connection_pins_its_user_beyond_the_ttl(see, user_with, name_server):
    _with_ttl(name_server, 0)
    user = user_with(keeps_connection=True)
    first, second = see(user), see(user)
    user.close()

    assert first.beyond_ttl is None
    assert (second.beyond_ttl, second.beyond_ttl_because) == (BeyondTtl.PINNED, "the client kept its connection")


@pytest.mark.usefixtures("keeps_alive")
def test_a_pool_closes_a_connection_that_is_too_old(see, user_with):
    user = user_with(keeps_connection=True, connection_max_age_s=1e-6)
    replies = [see(user) for _ in range(2)]
    user.close()

    assert [reply.connection_age_s for reply in replies] == [None, None]
    assert all(reply.tls_s for reply in replies)


def test_a_kept_connection_that_the_server_closed_is_replaced_without_a_word(see, user_with):
    """The test server serves one request a connection, and closes."""
    user = user_with(keeps_connection=True)
    replies = [see(user) for _ in range(3)]

    assert [reply.outcome for reply in replies] == [Outcome.OK] * 3
    assert [reply.connection_age_s for reply in replies] == [None] * 3


def test_a_kept_connection_that_falls_silent_fails_the_look_and_is_given_up(see, user_with, https_server, impatient):
    def once_then_silent(connection, _):
        connection.sendall(https_server.reply)
        https_server.closing.wait(2)

    https_server.handle = once_then_silent
    user = user_with(keeps_connection=True)
    replies = [see(user, timeout_s=1.0) for _ in range(3)]
    user.close()

    assert [reply.outcome for reply in replies] == [Outcome.OK, Outcome.FAIL, Outcome.OK]
    assert replies[1].error.endswith("waiting for the first byte")
    assert replies[1].connection_age_s > 0


@pytest.mark.usefixtures("keeps_alive")
def test_a_connection_that_the_server_wants_closed_is_not_kept(see, user_with, https_server):
    https_server.reply = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    user = user_with(keeps_connection=True)

    assert [see(user).connection_age_s for _ in range(2)] == [None, None]


@pytest.fixture
def see_from(see, loopback_target, https_server):
    """A look at a stack that tells its region so, and sends this reply."""

    def see_from(told_by, reply):
        loopback_target.served_region = told_by
        https_server.reply = reply
        return see()

    return see_from


def _reply(body, header=b""):
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (header, len(body), body)


@pytest.mark.parametrize(
    ("told_by", "reply", "served"),
    [
        (ServedRegion(), _reply(b"", b"X-Served-Region: eu-west-1\r\n"), ("eu-west-1", RegionFrom.HEADER)),
        (ServedRegion(), _reply(b"", b"X-Served-Region:\r\n"), (None, None)),
        (ServedRegion(header="X-Cell"), _reply(b"", b"x-cell: us-east-1\r\n"), ("us-east-1", RegionFrom.HEADER)),
        (
            ServedRegion(header="", body_field="meta.region"),
            _reply(b'{"meta": {"region": "eu-west-1"}}'),
            ("eu-west-1", RegionFrom.BODY),
        ),
        (
            ServedRegion(body_field="region"),
            _reply(b'{"region": "us-east-1"}', b"X-Served-Region: eu-west-1\r\n"),
            ("eu-west-1", RegionFrom.HEADER),
        ),
        (ServedRegion(body_field="meta.region"), _reply(b'{"meta": "eu-west-1"}'), (None, None)),
        (ServedRegion(body_field="region"), _reply(b'{"region": 7}'), (None, None)),
        (ServedRegion(body_field="region"), _reply(b"not JSON"), (None, None)),
        (ServedRegion(body_field="region"), _reply(b"\xff"), (None, None)),
    ],
)
def test_the_region_that_served_is_told_by_header_or_body(see_from, told_by, reply, served):
    seen = see_from(told_by, reply)

    assert seen.outcome is Outcome.OK
    assert (seen.region, seen.region_from) == served


@pytest.mark.parametrize(
    ("network", "served"), [("127.0.0.0/24", ("eu-west-1", RegionFrom.ADDRESS)), ("192.0.2.0/24", (None, None))]
)
def test_where_the_reply_says_nothing_the_published_range_of_its_address_does(see_from, tmp_path, network, served):
    """An address in no known region is recorded as that."""
    ranges = tmp_path / "ip-ranges.json"
    prefix = {"ip_prefix": network, "region": "eu-west-1", "service": "EC2"}
    ranges.write_text(json.dumps({"prefixes": [prefix]}))

    seen = see_from(ServedRegion(ip_ranges_file=str(ranges)), _reply(b""))

    assert (seen.outcome, seen.address) == (Outcome.OK, "127.0.0.1")
    assert (seen.region, seen.region_from) == served
