"""The lab's health checkers against a real control plane and a real endpoint."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta

import pytest
from botocore.exceptions import EndpointConnectionError

from harness.clock import ScaledClock
from harness.lab.health import LabHealth

MINUTE_S = 60.0


def test_a_broken_endpoint_is_found_after_three_failed_probes_of_14_of_16_checkers(world, eventually):
    """The 14th of 16 phases needs three probes: more than 60 s. The bound above leaves 0.5 wall s to a busy machine."""
    check = world.create(RequestInterval=30, FailureThreshold=3)
    world.start()
    eventually(lambda: len(world.health.statuses(check)) == 16)
    broken_s = world.break_endpoint()
    eventually(lambda: world.told("check-flipped", check))

    [flip] = world.told("check-flipped", check)
    assert flip.detail["healthy"] is False
    assert 60 < flip.at_s - broken_s < 92 + 0.5 * world.clock.rate
    assert len([t for t in world.told("checker-flipped", check) if t.at_s <= flip.at_s]) == 14
    assert not world.health.is_healthy(check)


def test_a_mended_endpoint_is_healthy_again_as_soon_as_three_checkers_say_so(world, eventually):
    world.break_endpoint()
    check = world.create(RequestInterval=30, FailureThreshold=3)
    world.start()
    eventually(lambda: len(world.told("checker-flipped", check)) == 16)
    world.mend_endpoint()
    eventually(lambda: len(world.told("check-flipped", check)) == 2)

    recovered = [t for t in world.told("checker-flipped", check) if t.detail["healthy"]]
    assert [t.detail["healthy"] for t in world.told("check-flipped", check)] == [False, True]
    assert len([t for t in recovered if t.at_s <= world.told("check-flipped", check)[1].at_s]) == 3


def test_an_https_endpoint_that_accepts_and_never_answers_is_found(tls_world, eventually):
    check = tls_world.create(Type="HTTPS", Port=443, EnableSNI=True)
    tls_world.start()
    eventually(lambda: len(tls_world.health.statuses(check)) == 16)
    tls_world.endpoint.answer = None
    eventually(lambda: not tls_world.health.is_healthy_in_dns(check))

    assert all(f.report.startswith("Failure: Connection timed out.") for f in tls_world.health.last_failures(check))


def test_dns_learns_of_a_flip_after_the_delay(world, eventually):
    """A delay of 1 to 10 s; the bound above leaves 0.5 wall s to a busy machine."""
    world.break_endpoint()
    check = world.create()
    world.start()
    eventually(lambda: world.dns_changes)

    delay_s = world.told("dns-status", check)[0].at_s - world.told("check-flipped", check)[0].at_s
    assert 1.0 <= delay_s <= 10.0 + 0.5 * world.clock.rate
    assert not world.health.is_healthy_in_dns(check)


def test_every_checker_probes_on_its_own_phase_once_per_interval(world, eventually):
    """Four rounds of 16 take three to four intervals, and at most one more for the machine.

    A machine that is busy for longer gets four more times four rounds; a schedule that is too slow is so each time.
    """
    check = world.create(RequestInterval=30, FailureThreshold=3)
    world.start()
    at_most_s, took_s, ended_s = 4 * 30 + 30, float("inf"), 0.0
    for rounds in range(1, 6):
        eventually(lambda count=64 * rounds: len(world.endpoint.requests) >= count)
        began_s, ended_s = ended_s, world.clock.now_s()
        took_s = ended_s - began_s
        if took_s < at_most_s:
            break

    assert len({status.address for status in world.health.statuses(check)}) == 16
    assert 3 * 30 < took_s < at_most_s


def test_checkers_do_not_probe_in_step(world, eventually):
    """That 16 uniform phases all fall within a third of the interval has a chance of 16 / 3^15, one in a million."""
    world.create(RequestInterval=30)
    world.start()
    eventually(lambda: len(world.endpoint.accepted_at_wall_s) >= 16)

    first_round = world.endpoint.accepted_at_wall_s[:16]
    assert first_round[-1] - first_round[0] > 10 / world.clock.rate


def test_statuses_name_checker_region_address_words_and_the_labs_time(world, eventually):
    check = world.create(Regions=["eu-west-1", "us-east-1", "sa-east-1"])
    world.start()
    eventually(lambda: len(world.health.statuses(check)) == 6)

    status = world.health.statuses(check)[0]
    assert {s.region for s in world.health.statuses(check)} == {"eu-west-1", "us-east-1", "sa-east-1"}
    assert status.healthy
    assert status.report == "Success: HTTP Status Code 200, OK. Resolved IP: 127.0.0.1"
    assert status.checked_at.endswith("Z")
    assert status.checked_at <= world.clock.calendar().astimezone(UTC).isoformat()


def test_a_checkers_status_changes_when_the_checker_flips_not_at_its_first_failure(world, eventually):
    check = world.create(FailureThreshold=2)
    world.start()
    eventually(lambda: len(world.health.statuses(check)) == 16)
    world.break_endpoint()
    eventually(lambda: world.health.last_failures(check))
    seen_at_first_failure = world.health.statuses(check)
    eventually(lambda: not all(status.healthy for status in world.health.statuses(check)))

    assert all(status.report.startswith("Success") for status in seen_at_first_failure)
    assert any(status.report.startswith("Failure: HTTP Status Code 503") for status in world.health.statuses(check))


def test_inverting_a_check_flips_it_and_dns_follows(world, eventually):
    check = world.create()
    world.start()
    world.configure(check, Inverted=True)

    assert not world.health.is_healthy(check)
    eventually(lambda: not world.health.is_healthy_in_dns(check))
    assert [t.detail["healthy"] for t in world.told("check-flipped", check)] == [False]


def test_a_new_inverted_check_is_unhealthy_until_there_is_data(world, eventually):
    check = world.create(Inverted=True)
    world.start()

    assert not world.health.is_healthy_in_dns(check)


def test_a_disabled_check_is_not_probed_and_counts_as_healthy(world, eventually):
    world.break_endpoint()
    check = world.create(Disabled=True)
    other = world.create()
    world.start()
    eventually(lambda: not world.health.is_healthy(other))

    assert world.health.is_healthy(check)
    assert world.health.statuses(check) == []
    assert not any(f"ref {check};".encode() in request for request in world.endpoint.requests)


def test_disabling_an_unhealthy_check_makes_it_healthy_and_inverting_it_unhealthy_again(world, eventually):
    world.break_endpoint()
    check = world.create()
    world.start()
    eventually(lambda: not world.health.is_healthy(check))
    world.configure(check, Disabled=True)
    healthy_when_disabled = world.health.is_healthy(check)
    world.configure(check, Disabled=True, Inverted=True)

    assert healthy_when_disabled
    assert not world.health.is_healthy(check)


def test_a_check_is_no_longer_probed_once_it_is_disabled(world, eventually):
    disabled, other = world.create(), world.create()
    world.start()
    eventually(lambda: world.health.statuses(disabled))
    world.configure(disabled, Disabled=True)

    eventually(lambda: world.endpoint.last_requests_are_all_of(other))


def test_a_change_leaves_the_other_checks_alone(world, eventually):
    world.break_endpoint()
    untouched = world.create()
    world.start()
    eventually(lambda: not world.health.is_healthy(untouched))
    world.create()
    world.reload()

    assert not world.health.is_healthy(untouched)
    assert len(world.health.last_failures(untouched)) >= 14
    assert len(world.told("check-flipped", untouched)) == 1


def test_a_changed_path_is_probed_without_forgetting_what_the_checkers_know(world, eventually):
    world.break_endpoint()
    check = world.create()
    world.start()
    eventually(lambda: not world.health.is_healthy(check))
    world.configure(check, ResourcePath="/prod/health/deep")
    eventually(lambda: world.endpoint.requests[-1].startswith(b"GET /prod/health/deep "))

    assert not world.health.is_healthy(check)


def test_a_deleted_check_is_no_longer_probed_and_unknown(world, eventually):
    world.break_endpoint()
    gone, other = world.create(), world.create()
    world.start()
    eventually(lambda: not world.health.is_healthy(gone))
    world.route53.delete_health_check(HealthCheckId=gone)
    world.reload()

    eventually(lambda: world.endpoint.last_requests_are_all_of(other))
    assert world.health.statuses(gone) == []
    assert world.health.is_healthy_in_dns(gone)


def test_a_calculated_check_follows_its_children(world, eventually):
    """At least 2 of 3: an inverted child is down from the start, a second one goes when the endpoint breaks."""
    children = [world.create(), world.create(Disabled=True), world.create(Inverted=True, Disabled=True)]
    check = world.create(Type="CALCULATED", ChildHealthChecks=children, HealthThreshold=2)
    world.start()
    healthy_before = world.health.is_healthy(check)
    world.break_endpoint()
    eventually(lambda: not world.health.is_healthy_in_dns(check))

    assert healthy_before
    assert not world.health.is_healthy(check)
    assert world.health.statuses(check) == []


def test_a_health_check_of_an_alarm_is_not_modelled_and_stays_healthy(world, eventually, caplog):
    check = world.create(Type="CLOUDWATCH_METRIC")
    world.start()
    world.reload()

    assert world.health.is_healthy(check)
    assert caplog.text.count("CLOUDWATCH_METRIC is not modelled") == 1


def test_an_unknown_check_counts_as_healthy(world, eventually):
    world.start()

    assert world.health.is_healthy_in_dns("no-such-check")
    assert world.health.statuses("no-such-check") == []


def test_metrics_tell_status_and_share_of_healthy_checkers_on_the_labs_calendar(world, eventually):
    check = world.create()
    world.start()
    cloudwatch = world.session.client("cloudwatch", endpoint_url=world.aws_url)

    def latest(name: str, statistic: str) -> float | None:
        now = world.clock.calendar()
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/Route53",
            MetricName=name,
            Dimensions=[{"Name": "HealthCheckId", "Value": check}],
            StartTime=now - timedelta(seconds=3 * MINUTE_S),
            EndTime=now,
            Period=60,
            Statistics=[statistic],
        )["Datapoints"]
        return max(points, key=lambda point: point["Timestamp"])[statistic] if points else None

    eventually(lambda: latest("HealthCheckStatus", "Minimum") == 1.0)
    eventually(lambda: latest("HealthCheckPercentageHealthy", "Average") == 100.0)
    world.break_endpoint()
    eventually(lambda: latest("HealthCheckStatus", "Minimum") == 0.0)
    eventually(lambda: latest("HealthCheckPercentageHealthy", "Average") == 0.0)
    cloudwatch.close()


def test_many_reloads_at_once_share_readings(world, eventually):
    world.start()
    check = world.create()
    asked = [world.health.reload() for _ in range(50)]
    for reading in asked:
        reading.result(10)
    eventually(lambda: world.health.statuses(check))


def test_stopping_ends_every_task_and_connection(world, eventually):
    world.endpoint.answer = None
    world.create()
    world.start()
    eventually(lambda: world.endpoint.open_connections)
    world.stop()

    assert [task for task in asyncio.all_tasks(world.loop.loop) if "health" in str(task)] == []
    eventually(lambda: world.endpoint.open_connections == 0)


def test_a_control_plane_that_fails_leaves_the_checkers_as_they_were(endpoint, loop, caplog):
    """The endpoint plays the control plane: it lists one disabled, inverted check, and then only fails."""
    endpoint.answer = http_reply("200 OK", ONE_CHECK)
    health = lab_health(loop, f"http://127.0.0.1:{endpoint.port}")
    loop.run(health.start())
    endpoint.answer = http_reply("400 Bad Request", "<ErrorResponse/>")
    health.reload().result(10)
    loop.run(health.stop())

    assert not health.is_healthy("hc-1")
    assert "could not be read again" in caplog.text


def test_starting_without_a_control_plane_is_an_error(loop):
    health = lab_health(loop, "http://127.0.0.1:1")

    with pytest.raises(EndpointConnectionError):
        loop.run(health.start())
    loop.run(health.stop())


ONE_CHECK = """<ListHealthChecksResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><HealthChecks><HealthCheck>
<Id>hc-1</Id><CallerReference>x</CallerReference><HealthCheckVersion>1</HealthCheckVersion>
<HealthCheckConfig><Type>HTTPS</Type><Disabled>true</Disabled><Inverted>true</Inverted></HealthCheckConfig>
</HealthCheck></HealthChecks><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListHealthChecksResponse>"""


def http_reply(status: str, body: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def lab_health(loop, aws_url: str) -> LabHealth:
    return LabHealth(
        loop.loop,
        clock=ScaledClock(1.0),
        aws_url=aws_url,
        connect_to=lambda _host, _port: None,
        seed=1,
        on_dns_change=lambda: None,
    )
