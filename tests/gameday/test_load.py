"""A plan file that is wrong says where: file, line, column, rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from plans import EXPERIMENT, MINIMAL, a_plan

from harness.errors import InvalidPlan
from harness.gameday.load import checked_plan, load_plan, problems_of
from harness.parameters import scenario_names

SCENARIOS = Path(__file__).parents[2] / "scenarios"
EXAMPLES = sorted((SCENARIOS / "gamedays").glob("*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_good_for_the_scenarios_that_there_are(path: Path) -> None:
    loaded = checked_plan(path, SCENARIOS)

    assert loaded.plan.window.cron
    assert {one.scenario for one in loaded.plan.experiments} <= set(scenario_names(SCENARIOS))


def test_there_are_the_four_examples() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "black-friday",
        "gray-failure",
        "quarterly-region-evacuation",
        "replication-pause",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (MINIMAL + "x = = 1", "day.toml:5:5: "),
        (MINIMAL + 'x = "', "day.toml:5:6: "),
        (MINIMAL + EXPERIMENT + "pause_s = 'long'", "day.toml:8:1: `pause_s`: expected `float`, got `str`"),
        (MINIMAL + EXPERIMENT + "pause_s = -1", "day.toml:8:1: pause_s -1: a pause lasts 0 to 86400 s"),
        (MINIMAL + EXPERIMENT + "scenari = 1", "day.toml:8:1: unknown field `scenari`"),
        (MINIMAL + "[[experiments]]", "day.toml:5:1: Object missing required field `scenario`"),
        (MINIMAL, "day.toml: Object missing required field `experiments`"),
        (MINIMAL + "experiments = []", "day.toml: the plan has no [[experiments]]: nothing would be done"),
        (MINIMAL + "rto_s = 0" + EXPERIMENT, "`rto_s` 0: it must be above 0"),
        (MINIMAL + '[window]\ncron = "0 10 * *"' + EXPERIMENT, "day.toml:6:1: cron '0 10 * *' has 4 fields"),
        (MINIMAL + '[window]\ncron = "0 25 * * *"' + EXPERIMENT, "cron '0 25 * * *' cannot be read: bad hour; it is"),
        (MINIMAL + '[window]\ncron = "0 0 30 2 *"' + EXPERIMENT, "cron '0 0 30 2 *' cannot be read: bad day-of-month"),
        (MINIMAL + '[window]\ntime_zone = "Europe/Dubln"' + EXPERIMENT, "time_zone 'Europe/Dubln' is none of IANA's"),
        (MINIMAL + '[window]\ntime_zone = "../etc"' + EXPERIMENT, "time_zone '../etc' is none of IANA's"),
        (MINIMAL + '[window]\nafter = "09:00"' + EXPERIMENT, "allowed hours need both `after` and `before`"),
        (MINIMAL + '[window]\nafter = "9"\nbefore = "10:00"' + EXPERIMENT, "after '9' is no time of day"),
        (
            MINIMAL + "[window]\nfreeze = [{ first = 2026-02-02, last = 2026-02-01 }]" + EXPERIMENT,
            "day.toml:6:11: the freeze (change freeze) ends on 2026-02-01, before it begins on 2026-02-02",
        ),
        (MINIMAL + '[notify]\nwebhook = "hooks"' + EXPERIMENT, "day.toml:6:1: webhook is neither a URL nor"),
        (MINIMAL + '[[guards]]\nguard = "alarms"' + EXPERIMENT, "day.toml:6:1: `guard`: invalid value 'alarms'"),
        (
            MINIMAL + '[[guards]]\nguard = "every-vantage-served"\nlongest_s = -1' + EXPERIMENT,
            "day.toml:6:1: guard 'every-vantage-served': longest_s -1",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "day.toml"
    path.write_text(text)

    with pytest.raises(InvalidPlan, match=re.escape(told)) as error:
        load_plan(path)

    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_to_break_every_region_takes_the_stacks_name_and_a_person() -> None:
    every = EXPERIMENT.replace("failover", "all-regions-unhealthy")

    (problem,) = problems_of(a_plan(experiments=every), SCENARIOS)

    assert str(problem).startswith("day.toml:8:1: scenario all-regions-unhealthy breaks every region at once: name")
    with pytest.raises(InvalidPlan, match="all_regions_of needs an `approval`"):
        a_plan(experiments=every + 'all_regions_of = "demo"')
    assert not problems_of(a_plan(experiments=every + 'all_regions_of = "demo"\napproval = "Sure?"'), SCENARIOS)


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidPlan, match="No such file or directory; `harness gameday new FILE` writes one"):
        load_plan(tmp_path / "none.toml")


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "day.toml").write_bytes(b"title = '\xff'")

    with pytest.raises(InvalidPlan, match="it is not UTF-8 text"):
        load_plan(tmp_path / "day.toml")


def test_all_that_is_asked_of_scenarios_in_vain_is_told_at_once() -> None:
    loaded = a_plan(
        experiments=EXPERIMENT
        + "parameters = { hold_s = 1, hold_more_s = 'x' }\n"
        + EXPERIMENT.replace("failover", "failovr")
        + EXPERIMENT.replace("failover", "deployment")
        + 'parameters = { region = "eu-west-1" }'
    )

    found = [str(problem) for problem in problems_of(loaded, SCENARIOS)]

    assert found[0].startswith("day.toml:9:16: scenario failover has no parameter 'hold_s'; did you mean hold_more_s?")
    assert found[1].startswith("day.toml:9:28: scenario failover: hold_more_s = x: Expected `float`")
    assert found[2].startswith("day.toml:12:1: no scenario 'failovr' in ")
    assert found[2].endswith("did you mean failover?")
    assert found[3].startswith("day.toml:16:16: scenario deployment has no parameter 'region'; there is none")
    assert len(found) == 4
