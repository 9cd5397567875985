"""The command line of the CDK app; what it synthesizes is tested in test_synth.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "infra" / "app.py"


def run_app(*arguments, **environment):
    """The app in another process and folder, as a user starts it; none of these runs gets as far as CDK."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    return subprocess.run(
        [sys.executable, str(APP), *arguments],
        env={**inherited, **environment},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_under_the_cdk_cli_a_missing_domain_is_one_line_that_says_how_to_set_it(tmp_path):
    ran = run_app(CDK_OUTDIR=str(tmp_path), HOSTED_ZONE_ID="Z0", DOMAIN_NAME="")

    assert ran.returncode == 2
    assert ran.stderr.splitlines() == [
        "error: DomainName is not set: export DOMAIN_NAME, or pass -c domain-name=api.example.com to the cdk command"
    ]


def test_context_of_the_cdk_cli_is_read_and_the_rest_of_it_left_alone(tmp_path):
    context = '{"regions": "mars", "aws:cdk:version-reporting": true}'

    ran = run_app(CDK_OUTDIR=str(tmp_path), CDK_CONTEXT_JSON=context)

    assert ran.stderr == "error: 'mars' is not a region name; one looks like us-east-1\n"


@pytest.mark.parametrize("pair", ["region=eu-west-1", "regions"])
def test_context_that_is_not_understood_is_refused_with_the_keys_there_are(pair):
    ran = run_app("-c", pair)

    assert ran.returncode == 2
    assert "regions, single-region, suffix" in ran.stderr
