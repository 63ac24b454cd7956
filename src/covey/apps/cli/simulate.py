"""`covey simulate`: from a Plan and a folder of devices to a judged model, a result and a report."""

import json
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TextIO

import click

from covey import __version__
from covey.apps.cli.data_folder import data_folder
from covey.apps.cli.live import progress, show_devices, show_windows
from covey.apps.cli.plain_fedavg import with_plain_fedavg
from covey.apps.cli.rendering import Exit, show_warning
from covey.apps.cli.run_folder import RunFolder, new_run, old_run, seeds_of
from covey.apps.cli.seeds import Tree, merged
from covey.apps.printable import printable
from covey.apps.report import Result, render
from covey.errors import Code, EnvironmentFault
from covey.io import write_atomically
from covey.plan import Plan, load
from covey.simulation import RoundReport, Simulation, idle_rounds, idle_words
from covey.telemetry import Dataset


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for on the command line."""

    plan: Path | None
    data: Path | None
    overrides: tuple[str, ...]
    seeds: str | None
    out: Path | None
    resume: Path | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class Run:
    """All that a run needs, found and checked before anything is written."""

    plans: tuple[Plan, ...]  # one a seed
    seeds: list[int]
    data: Path
    dataset: Dataset
    folder: RunFolder
    is_resumed: bool


def simulate_plan(request: Request) -> int:
    """Run, judge, write and show; returns the exit status."""
    run = _prepared(request)
    screen = sys.stderr if request.as_json else sys.stdout
    _announce(run, screen)
    try:
        trees = [_one_seed(run, plan, screen) for plan in run.plans]
    except KeyboardInterrupt:
        click.echo(f"stopped; to go on: {_resume_command(request, run)}", err=True)
        return Exit.INTERRUPTED
    except Exception:
        run.folder.leave_nothing_unbegun(run.seeds)
        raise
    text = _written(_completed(merged(trees, run.seeds), run), run, screen)
    if request.as_json:
        sys.stdout.write(text)
    return Exit.OK


def _written(tree: Tree, run: Run, screen: TextIO) -> str:
    """Result, report and model in the out folder, the table by device on the screen; returns the result's text."""
    result = Result.model_validate(tree)
    text = json.dumps(tree, indent=1, allow_nan=False) + "\n"
    folder, first = run.folder.path, run.folder.of_seed(run.seeds[0], run.seeds)
    write_atomically(folder / "report.html", render(result).encode())
    write_atomically(folder / "result.json", text.encode())
    if first != folder:
        for model in first.glob("*.covey"):
            write_atomically(folder / model.name, model.read_bytes())
    show_devices(result, screen)
    if result.windows:
        show_windows(result.windows, screen)
    screen.write(f"\nreport: {folder / 'report.html'}\n")
    return text


def _prepared(request: Request) -> Run:
    """Everything that can be wrong is found here, before the out folder is made."""
    if request.resume and request.out:
        raise EnvironmentFault(
            Code.USAGE, "--resume and --out exclude each other", "--resume goes on in its own folder"
        )
    path = request.plan or (request.resume and request.resume / "plan.toml")
    if path is None:
        raise EnvironmentFault(
            Code.USAGE, "which Plan? PLAN is missing", "for example covey simulate plans/nbaiot-skew.toml"
        )
    resumed = old_run(request.resume) if request.resume else None
    plan = load(path, request.overrides)
    seeds = seeds_of(request.seeds, plan.seed)
    if resumed and request.seeds is None:
        seeds = resumed.seeds() or seeds
    plans = tuple(plan.changed(seed=seed) for seed in seeds)
    data = data_folder(request.data, plan.data.path, plan.data.source)
    dataset = plan.data.source.load(data, plan.data.features, plan.detection.warm_up_s)
    folder = resumed or new_run(request.out, plan.name)
    if resumed is None:
        folder.begin(plans[0].source, seeds)
    return Run(plans, seeds, data, dataset, folder, is_resumed=resumed is not None)


def _announce(run: Run, screen: TextIO) -> None:
    plan, dataset = run.plans[0], run.dataset
    rows, features = dataset.x.shape
    screen.write(f"{plan.title or plan.name}: {dataset.n_devices} devices, {rows:,} rows, {features} features")
    screen.write(f", {plan.rounds.count} rounds, seed {', '.join(map(str, run.seeds))}\n")


def _one_seed(run: Run, plan: Plan, screen: TextIO) -> Tree:
    """All rounds of one seed, shown as they end; KeyboardInterrupt once Ctrl-C has ended them early."""
    folder = run.folder.of_seed(plan.seed, run.seeds)
    simulation = Simulation(
        plan, run.dataset, folder, resume=run.is_resumed and run.folder.was_begun(plan.seed, run.seeds)
    )
    if len(run.seeds) > 1:
        screen.write(f"\nseed {plan.seed}\n")
    with _clean_end(simulation) as asked, progress(screen) as view:
        reports = []
        for report in simulation:
            view.show(report)
            reports.append(report)
    if asked:
        raise KeyboardInterrupt
    _warn_of_idle_rounds(reports)
    if plan.judging.local or plan.judging.central:
        screen.write("rounds are over; training the baselines ...\n")
    tree: Tree = dict(simulation.result().as_json())
    return with_plain_fedavg(tree, plan, run.dataset) if plan.judging.plain_fedavg else tree


def _warn_of_idle_rounds(reports: list[RoundReport]) -> None:
    idle = idle_rounds(reports)
    if idle:
        of_rounds = sum(report.round > 0 for report in reports)
        show_warning(f"{idle.total():,} of {of_rounds:,} rounds left the model as it was: {idle_words(idle)}")


@contextmanager
def _clean_end(simulation: Simulation) -> Iterator[list[bool]]:
    """The first Ctrl-C lets the round at hand end (and is noted in the list), the second ends at once."""
    asked: list[bool] = []

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if asked:
            signal.default_int_handler(number, frame)
        asked.append(True)
        simulation.stop()
        click.echo("ending after this round; Ctrl-C again ends at once", err=True)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield asked
    finally:
        # Once an end was asked for, nothing but an orderly exit is left to do: no impatient key shall cut it short.
        signal.signal(signal.SIGINT, signal.SIG_IGN if asked else before)


def _completed(tree: Tree, run: Run) -> Tree:
    """The tree with what only the command knows: the version, the Plan's text, where the rows came from."""
    plan = run.plans[0]
    about_plan = {
        "name": plan.name,
        "title": plan.title,
        "notes": list(plan.notes),
        "digest": plan.digest.hex(),
        "source": plan.source,
    }
    about_data = {"source": "captures" if run.dataset.recordings else "data set", "folder": printable(run.data.name)}
    begin = {"format": "covey.result", "version": 1, "covey": __version__, "outcome": "complete", "plan": about_plan}
    return {**begin, **tree, **begin, "data": {**tree["data"], **about_data}}


def _resume_command(request: Request, run: Run) -> str:
    words = ["covey", "simulate", "--resume", str(run.folder.path)]
    if request.data:
        words += ["--data", str(request.data)]
    return shlex.join(words)
