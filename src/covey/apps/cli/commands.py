"""The commands and their help. Heavy imports wait until a command needs them, so that --help answers at once."""

from pathlib import Path

import click

from covey import __version__
from covey.apps.cli.program import Program

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
DEBUG = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an internal error.")
OVERRIDES = click.option(
    "overrides",
    "--set",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change a key of the Plan, such as training.learning_rate=0.1; may be given several times.",
)


@click.group("covey", cls=Program, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="covey", message="%(prog)s %(version)s")
def main() -> None:
    """Train tiny threat detectors across a fleet of IoT devices; the telemetry stays where it is.

    \b
    Examples:
      covey simulate plans/nbaiot-skew.toml --data ../shared/data
      covey plan show plans/nbaiot-attacks.toml
      covey doctor
      covey explain D101

    \b
    Exit status: 0 all went well, 1 data, output or environment at fault, 2 options or Plan at fault,
    70 a defect of Covey, 130 stopped by Ctrl-C.
    """  # noqa: D301 (click reads the escape)


@main.command(short_help="Train across the fleet of a Plan, and write a report.")
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@click.option(
    "--data",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder that holds the Plan's data.path, or that folder itself. Default: COVEY_DATA, then ../shared/data.",
)
@OVERRIDES
@click.option("--seeds", metavar="N|LIST", help="Repeat with N seeds from the Plan's on, or with a list such as 1,5,9.")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Folder for results. Default: runs/<plan>.")
@click.option(
    "--resume",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Go on with an interrupted run in this folder; without PLAN with the Plan it was begun with.",
)
@click.option("as_json", "--json", is_flag=True, help="Print the result as JSON (docs/RESULT.md), and nothing else.")
@DEBUG
def simulate(
    *,
    plan: Path | None,
    data: Path | None,
    overrides: tuple[str, ...],
    seeds: str | None,
    out: Path | None,
    resume: Path | None,
    as_json: bool,
) -> int:
    """Train across the fleet that PLAN describes, judge the result and write a report.

    The out folder gets report.html, result.json, model.covey and the journal. Ctrl-C ends after the
    round at hand; a second Ctrl-C ends at once. Both can be resumed, to the same bits.

    \b
    Examples:
      covey simulate plans/nbaiot-skew.toml
      covey simulate plans/nbaiot-attacks.toml --data ../shared/data/nbaiot --out runs/attacks
      covey simulate plans/nbaiot-attacks.toml --set rounds.count=5 --set training.kind=fedprox
      covey simulate plans/nbaiot-skew.toml --seeds 3 --json > result.json
      covey simulate --resume runs/attacks
    """  # noqa: D301 (click reads the escape)
    from covey.apps.cli.simulate import Request, simulate_plan  # noqa: PLC0415

    return simulate_plan(
        Request(plan=plan, data=data, overrides=overrides, seeds=seeds, out=out, resume=resume, as_json=as_json)
    )


@main.group("plan", short_help="Check or show a Plan without running it.")
def plan_group() -> None:
    """Look at a Plan without running it.

    \b
    Examples:
      covey plan check plans/nbaiot-skew.toml
      covey plan show plans/nbaiot-skew.toml --set rounds.count=5
    """  # noqa: D301 (click reads the escape)


@plan_group.command("check")
@click.argument("plan", type=click.Path(path_type=Path))
@OVERRIDES
@DEBUG
def plan_check(plan: Path, overrides: tuple[str, ...]) -> None:
    """Say that PLAN is in order, or everything that is wrong with it.

    \b
    Example:
      covey plan check plans/nbaiot-skew.toml
    """  # noqa: D301 (click reads the escape)
    from covey.plan import load  # noqa: PLC0415

    loaded = load(plan, overrides)
    click.echo(f"{plan}: in order ({loaded.name}, digest {loaded.digest.hex()[:16]})")


@plan_group.command("show")
@click.argument("plan", type=click.Path(path_type=Path))
@OVERRIDES
@DEBUG
def plan_show(plan: Path, overrides: tuple[str, ...]) -> None:
    """Print PLAN with every default written out; what is printed is itself a Plan.

    \b
    Example:
      covey plan show plans/nbaiot-skew.toml > mine.toml
    """  # noqa: D301 (click reads the escape)
    from covey.plan import load  # noqa: PLC0415

    loaded = load(plan, overrides)
    click.echo(f"# digest {loaded.digest.hex()}\n{loaded.source}", nl=False)


@main.command(short_help="Check toolchain, core, data and versions.")
@click.option("--data", metavar="DIR", type=click.Path(path_type=Path), help="Folder that holds the data sets.")
@DEBUG
def doctor(data: Path | None) -> int:
    """Check this machine: toolchain, the core's self-test, data, versions.

    \b
    Example:
      covey doctor --data ../shared/data
    """  # noqa: D301 (click reads the escape)
    from covey.apps.cli.doctor import examine  # noqa: PLC0415

    return examine(data)


@main.command(short_help="Say what an error code means.")
@click.argument("code", required=False)
@DEBUG
def explain(code: str | None) -> None:
    """Say what an error CODE means and what to do; without CODE list all of them.

    \b
    Examples:
      covey explain D101
      covey explain
    """  # noqa: D301 (click reads the escape)
    from covey.apps.cli.explain import explain_code, list_codes  # noqa: PLC0415

    click.echo(explain_code(code) if code else list_codes())
