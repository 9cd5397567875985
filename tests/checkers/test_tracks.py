from __future__ import annotations

from builders import DUBLIN, EU, SYDNEY, US, VANTAGES, a_history, dns, reply

from harness.checkers.tracks import tracks_of
from harness.resolving import DnsWay


def test_a_track_holds_one_vantages_events_of_one_kind_with_their_indexes():
    history = a_history(dns(DUBLIN, EU, 1), dns(SYDNEY, US, 2), reply(DUBLIN, EU, 3), dns(DUBLIN, US, 4))

    track = tracks_of(history).dns[DUBLIN]

    assert [history[index] for index in track.indexes] == track.events
    assert [event.start_s for event in track.events] == [1, 4]


def test_between_includes_its_start_and_excludes_its_end():
    track = tracks_of(a_history([dns(DUBLIN, EU, at_s) for at_s in range(5)])).dns[DUBLIN]

    assert [event.start_s for _, event in track.between(1, 3)] == [1, 2]


def test_where_a_vantage_was_skips_looks_that_tell_nothing():
    tracks = tracks_of(
        a_history(
            dns(DUBLIN, EU, 1), dns(DUBLIN, None, 2, rcode=None), reply(DUBLIN, US, 3), reply(DUBLIN, EU, 4, ok=False)
        )
    )

    assert tracks.regions_before(DUBLIN, 9) == {EU, US}


def test_what_starts_at_the_moment_itself_is_not_before_it():
    assert tracks_of(a_history(dns(DUBLIN, EU, 5))).dns_region_before(DUBLIN, 5) is None


def test_vantages_are_those_of_the_header_and_those_that_were_seen():
    assert set(tracks_of(a_history(reply("lagos", EU, 1))).vantages) == {"lagos", *(v.name for v in VANTAGES)}


def test_tracks_are_made_once_for_a_history():
    history = a_history()

    assert tracks_of(history) is tracks_of(history)


def test_what_a_resolver_says_is_kept_apart_from_what_the_name_servers_say():
    """A resolver that still names Virginia after DNS has gone back must not look like a failback undone."""
    tracks = tracks_of(a_history(dns(DUBLIN, EU, 1), dns(DUBLIN, US, 2, way=DnsWay.RECURSIVE)))

    assert tracks.dns_region_before(DUBLIN, 9) == EU
    assert [answer.region for answer in tracks.resolved[DUBLIN].events] == [US]
