"""Parameters of scenarios: declared in the scenario, set from outside, refused in one line when they cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from harness.errors import UsageError
from harness.parameters import (
    load_scenario,
    parameters_of,
    parameters_taken,
    parse_settings,
    refuse_unknown,
    scenario_file,
    scenario_names,
)

SCENARIOS = Path(__file__).parents[1] / "scenarios"

HOLDING = """
import msgspec

class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    hold_s: float = 10.0
    region: str | None = None
"""
EACH_REGION = "def test_each(region, run): ..."


@pytest.fixture
def scenario(tmp_path: Path) -> Callable[..., ModuleType]:
    def written(text: str, name: str = "holding") -> ModuleType:
        path = tmp_path / "scenarios" / f"test_{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return load_scenario(path)

    return written


def test_what_is_set_takes_the_place_of_the_default(scenario: Callable[..., ModuleType]) -> None:
    found = parameters_of(scenario(HOLDING), parse_settings(["hold_s=2.5"]))

    assert msgspec.to_builtins(found) == {"hold_s": 2.5, "region": None}


def test_what_another_scenario_takes_is_left_to_it(scenario: Callable[..., ModuleType]) -> None:
    found = parameters_of(scenario(HOLDING), {"hold_s": "3", "watched_s": "1"})

    assert msgspec.to_builtins(found) == {"hold_s": 3.0, "region": None}


def test_a_test_for_each_region_takes_a_region(scenario: Callable[..., ModuleType]) -> None:
    assert parameters_taken(scenario(EACH_REGION)) == ("region",)
    assert parameters_taken(scenario(HOLDING)) == ("hold_s", "region")
    assert parameters_taken(scenario("def test_a(run): ...")) == ()


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["hold_s"], "--set hold_s: give it as name=value"),
        (["1=2"], "--set 1=2: give it as name=value"),
        (["a=1", "a=2"], "a was set to '1' before; set it once"),
    ],
)
def test_what_is_no_setting_is_refused(texts: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_settings(texts)


def test_a_value_of_another_type_is_named(scenario: Callable[..., ModuleType]) -> None:
    with pytest.raises(UsageError, match=r"scenario holding: hold_s = long: Expected `float`"):
        parameters_of(scenario(HOLDING), {"hold_s": "long"})


def test_an_unknown_parameter_is_refused_with_the_closest(scenario: Callable[..., ModuleType]) -> None:
    with pytest.raises(UsageError, match=r"no parameter 'holds'; did you mean hold_s\?: looked for in holding"):
        refuse_unknown(["holds"], [scenario(HOLDING)])
    with pytest.raises(UsageError, match=r"no parameter 'x'; there is none"):
        refuse_unknown(["x"], [scenario("")])


def test_scenarios_are_found_by_name(scenario: Callable[..., ModuleType], tmp_path: Path) -> None:
    scenario(HOLDING, "session_continuity")

    assert scenario_names(tmp_path / "scenarios") == ("session-continuity",)
    assert scenario_file(tmp_path / "scenarios", "session-continuity").name == "test_session_continuity.py"
    with pytest.raises(UsageError, match=r"no scenario 'sesion-continuity' in .*; did you mean session-continuity\?"):
        scenario_file(tmp_path / "scenarios", "sesion-continuity")


def test_a_scenario_that_cannot_be_imported_is_named(scenario: Callable[..., ModuleType]) -> None:
    with pytest.raises(UsageError, match=r"test_broken.py cannot be imported: ModuleNotFoundError: No module"):
        scenario("import nothing_of_that_name", "broken")


@pytest.mark.parametrize("name", scenario_names(SCENARIOS))
def test_every_scenario_of_ours_has_defaults_for_all_that_it_takes(name: str) -> None:
    module = load_scenario(scenario_file(SCENARIOS, name))

    parameters_of(module, {})
