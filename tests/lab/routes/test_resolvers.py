"""The resolver API through its WSGI application, and its client through a real server."""

from __future__ import annotations

import asyncio
import threading

import pytest

from harness.clock import VirtualClock
from harness.errors import LabError
from harness.lab.client import LabClient
from harness.lab.dns.latency import LatencyDatabase
from harness.lab.replication.levers import Levers
from harness.lab.resolvers import LabResolvers, ResolverSettings
from harness.lab.routes.levers import PREFIX as LEVERS
from harness.lab.routes.levers import lever_routes
from harness.lab.routes.resolvers import LEVER_PREFIX, PREFIX, resolver_routes
from harness.models.wan import ReplicationDelay


@pytest.fixture(scope="module")
def loop():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
def clock():
    return VirtualClock(7.0)


@pytest.fixture
def resolvers(loop, clock):
    resolvers = LabResolvers(loop, name_server=("127.0.0.1", 9), clock=clock, latency=LatencyDatabase.load(), seed=1)
    yield resolvers
    asyncio.run_coroutine_threadsafe(resolvers.stop(), loop).result(5)


@pytest.fixture
def routes(resolvers, clock, truth):
    return resolver_routes(lambda: resolvers, clock, truth.append)


@pytest.fixture
def ask(routes, asking):
    return asking(routes[PREFIX], PREFIX)


@pytest.fixture
def turn(routes, asking):
    return asking(routes[LEVER_PREFIX], LEVER_PREFIX)


def test_a_resolver_is_made_changed_seen_and_ended(ask, truth):
    made = ask("PUT", "isp", {"region": "eu-west-1", "ttl_min_s": 300})
    changed = ask("PUT", "isp", {"region": "eu-west-1", "sends_subnet": False})

    assert (made[0], made[1]["settings"]["ttl_min_s"]) == (200, 300)
    assert changed[1]["settings"]["sends_subnet"] is False
    assert changed[1]["address"] == made[1]["address"]
    assert ask("GET", "isp") == changed
    assert [one["name"] for one in ask("GET")[1]["resolvers"]] == ["isp"]
    assert ask("DELETE", "isp") == (200, {"resolvers": []})
    assert ask("GET", "isp")[0] == 404
    assert [line.what for line in truth] == ["resolver-set", "resolver-set", "resolver-removed"]


def test_its_lever_gives_it_other_settings_until_it_is_undone(ask, turn):
    """The region is left out: a resolver stays where it stands."""
    ask("PUT", "isp", {"region": "eu-west-1"})

    assert turn("GET", "isp")[0] == 404
    turned = turn("PUT", "isp", {"reaches_name_servers": False, "stale": {}})
    assert (turned[0], turned[1]["overridden"], turned[1]["settings"]["region"]) == (200, True, "eu-west-1")
    assert turn("GET", "isp")[1]["reaches_name_servers"] is False
    undone = turn("DELETE", "isp")
    assert (undone[1]["overridden"], undone[1]["settings"]["reaches_name_servers"]) == (False, True)
    assert turn("DELETE", "isp") == undone


def test_undoing_all_levers_undoes_a_resolvers_too(ask, turn, asking, resolvers):
    class Tables:
        levers = Levers(delay=ReplicationDelay())

    app = lever_routes(Tables(), ("us-east-1",), VirtualClock(), lambda _: None, reset_others=resolvers.restore_all)[
        LEVERS
    ]
    ask("PUT", "isp", {"ttl_min_s": 60})
    ask("PUT", "other", {})
    turn("PUT", "isp", {"answers": False})

    assert asking(app, LEVERS)("DELETE")[0] == 200
    settings = {one.name: one.settings for one in resolvers.all()}
    assert settings == {"isp": ResolverSettings(ttl_min_s=60), "other": ResolverSettings()}


@pytest.mark.parametrize(
    ("path", "body", "refusal"),
    [
        ("isp", {"min_ttl": 5}, (400, "min_ttl", "unknown field")),
        ("isp", {"ttl_min_s": -5}, (400, "body", "ttl_min_s")),
        ("isp", b"{", (400, "body", "not JSON")),
        ("isp", {"region": "atlantis"}, (400, "path", "no loopback address stands for 'atlantis'")),
        ("Isp", {}, (400, "path", "resolver name 'Isp'")),
        ("a/b", {}, (404, "path", "name one resolver")),
    ],
)
def test_what_cannot_be_is_refused_by_name(ask, path, body, refusal):
    status, field, message = refusal

    answered, reply = ask("PUT", path, body)

    assert (answered, reply["error"]["field"]) == (status, field)
    assert message in reply["error"]["message"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "GET"])
def test_the_lever_of_a_resolver_that_is_not_there_is_not_there(turn, method):
    status, reply = turn(method, "isp", {})

    assert status == 404
    assert "no resolver 'isp' in this lab; there are: none" in reply["error"]["message"]


def test_other_methods_are_refused(ask):
    assert ask("POST", "isp")[0] == 405


def test_the_client_speaks_it(routes, served):
    def app(environ, start_response):
        prefix = LEVER_PREFIX if environ["PATH_INFO"].startswith(LEVER_PREFIX) else PREFIX
        return routes[prefix](environ, start_response)

    served["app"] = app
    client = LabClient(served["url"])

    made = client.put_resolver("isp", ResolverSettings(region="eu-west-1"))
    turned = client.turn_resolver("isp", ResolverSettings(answers=False))
    restored = client.restore_resolver("isp")

    assert made == restored
    assert turned.settings == ResolverSettings(region="eu-west-1", answers=False)
    assert client.resolvers().resolvers == (made,)
    assert client.remove_resolver("isp").resolvers == ()
    with pytest.raises(LabError, match="no resolver"):
        client.restore_resolver("isp")
