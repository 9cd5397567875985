from __future__ import annotations

from builders import DUBLIN, EU, US, VIRGINIA, a_fault, a_header, a_history, an_experiment, reply

from harness.events import LoadSample
from harness.report.carried import carried

EXPERIMENT = an_experiment(end_s=300.0)


def a_load(*, rate=1.0):
    """Ireland serves until 100 s, Virginia once a second all along."""
    sample = LoadSample(start_s=50, end_s=50, source="w", users=2, cpu_share=0.1)
    ireland = [reply(DUBLIN, EU, float(at_s), took_s=0.25) for at_s in range(100)]
    virginia = [reply(VIRGINIA, US, float(at_s), took_s=0.5) for at_s in range(300)]
    fault = a_fault(EU, injected_s=(100, 100), rolled_back_s=(200, 200))
    return a_history(EXPERIMENT, fault, sample, ireland, virginia, header=a_header(rate=rate))


def test_each_region_is_told_in_each_phase():
    before, during, after = carried(a_load(), EXPERIMENT)

    assert [(phase.name, phase.lasts) for phase in (before, during, after)] == [
        ("before", "90 s"),
        ("during", "100 s"),
        ("after", "100 s"),
    ]
    assert [(one.region, one.share, one.per_s, one.p95) for one in before.regions] == [
        (EU, "50%", "1.0", "0.25"),
        (US, "50%", "1.0", "0.50"),
    ]
    assert [(one.region, one.share) for one in during.regions] == [(US, "100%")]


def test_requests_are_a_wall_second():
    """At rate 20 one in a stack second is twenty in a wall second."""
    assert carried(a_load(rate=20.0), EXPERIMENT)[0].regions[0].per_s == "20.0"


def test_without_a_load_generator_there_is_no_table():
    assert carried(a_history(EXPERIMENT, reply(DUBLIN, EU, 1.0)), EXPERIMENT) == []
