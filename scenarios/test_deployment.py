"""Is what is deployed what the article prescribes, in every region, resource by resource?"""

from __future__ import annotations

from harness.experiment import inspect_deployment
from harness.run import Run
from scenarios.verdicts import require_pass


def test_the_deployment_is_as_prescribed(run: Run) -> None:
    findings = inspect_deployment(
        run, name="deployment", question="Is every region deployed so that its users can fail over?"
    )

    require_pass(findings)
