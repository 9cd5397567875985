"""harness load: traffic as locust users, with faults on the same timeline."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click


@click.group()
def load() -> None:
    """Put load on a target, and break it meanwhile.

    For load alone, and on many machines: locust -f harness/load/locustfile.py --help
    """


@load.command("run")
@click.argument("plan_file", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--target", default="lab", show_default=True, help='"lab" (running), "aws", or a target file.')
@click.option("--lab", default="default", show_default=True, help="Name of the running lab.")
@click.option("--report-dir", default=Path("reports"), show_default=True, type=click.Path(path_type=Path))
@click.option("--seed", default=1, show_default=True)
@click.option("--web-port", type=int, help="Serve locust's page on this port of 127.0.0.1 meanwhile.")
@click.option("--allow-faults", is_flag=True, help="On AWS: really break what the plan breaks.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def run_command(
    *,
    plan_file: Path,
    target: str,
    lab: str,
    report_dir: Path,
    seed: int,
    web_port: int | None,
    allow_faults: bool,
    as_json: bool,
) -> None:
    """Run the load test of PLAN (TOML; docs/load.md) and write a report."""
    import msgspec

    from harness.aws import is_loopback
    from harness.cli.progress import ProgressLine
    from harness.cli.targets import journal_file, target_for
    from harness.errors import UsageError
    from harness.experiment import run_experiment
    from harness.faults.signals import signals_held, terminate_unwinds
    from harness.load.experiment import experiment_of
    from harness.load.plan import load_plan
    from harness.report.terminal import summary_text
    from harness.report.write import write_report
    from harness.run import Run
    from harness.vantages import choose

    plan = load_plan(plan_file)
    vantages = choose(plan.vantages)
    stack_target = target_for(target, lab=lab)
    if plan.steps and not allow_faults and not is_loopback(stack_target.endpoints.aws_url or ""):
        raise UsageError(f"plan {plan_file} breaks {stack_target.name!r}, which is not on this machine: --allow-faults")
    run = Run(
        f"load-{plan.name}",
        stack_target,
        reports=report_dir.absolute(),
        journal=journal_file(stack_target.name),
        vantages=vantages,
        seed=seed,
    )
    web = () if web_port is None else ("--autostart", "--web-host", "127.0.0.1", "--web-port", str(web_port))
    if web_port is not None and not as_json:
        click.echo(f"locust's page: http://127.0.0.1:{web_port}")
    live = not as_json and sys.stderr.isatty()
    progress = ProgressLine(lambda text: click.echo(text, nl=False, err=True), live=live)
    try:
        with terminate_unwinds():
            run_experiment(experiment_of(plan, stack_target, web), run, progress.tell)
    except KeyboardInterrupt:
        run.interrupted = True
        raise
    finally:
        progress.clear()
        with signals_held():
            history = run.recorder.history()
            record = run.close()
            page = write_report(run.folder, history, record, run.findings)
            if as_json:
                click.echo(json.dumps(msgspec.to_builtins(run.findings), indent=2))
            else:
                color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
                click.echo(summary_text(run.folder, color=color) + f"report: {page}")
    raise SystemExit(record.exit_code)
