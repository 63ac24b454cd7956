"""The simulation of a Plan: all its federations, one after the other, with a journal to go on from.

The journal holds a record for every round. From a checkpoint a run goes on to the same bits as an uninterrupted one;
rounds that the journal already has are computed again and must come out the same.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from covey import __version__
from covey.core import seed
from covey.errors import Code, EnvironmentFault, JournalError
from covey.io import (
    Header,
    Journal,
    OutFolder,
    read_journal,
    wall_s,
    write_atomically,
)
from covey.io.checkpoint import WITHOUT_CHECKPOINT, Checkpoint, read_checkpoint, write_checkpoint
from covey.models import ModelVersion
from covey.plan import Plan
from covey.protocol import Arrays, Outcome, below
from covey.simulation.baselines import Budget
from covey.simulation.comparison import Comparison, compare
from covey.simulation.federation import SEED_OF_PARTITION, Federation, Scene
from covey.simulation.reports import RoundReport, idle_rounds, idle_words
from covey.simulation.result import FederationResult, SimulationResult
from covey.simulation.windows import WindowJudgement
from covey.telemetry import Dataset, Targets, targets

#: Checkpoints cost time, with a big fleet more: at least so long between two, and so many times what the last one took.
CHECKPOINT_EVERY_S = 5.0
CHECKPOINT_COST_FACTOR = 50.0


class Simulation:
    """One run of a Plan on the rows of a data set.

    `out`: the folder for journal, checkpoint and model; None keeps nothing. `resume`: go on with the run in `out`.
    Iterate over it once: one report a round. JournalError where `out` holds the run of another Plan or other data.
    """

    def __init__(
        self, plan: Plan, dataset: Dataset, out: Path | None, resume: bool = False, threads: int | None = None
    ) -> None:
        self.plan = plan
        self.dataset = dataset
        self.targets: Targets = targets(dataset, plan.data.task, plan.data.merge)
        self._threads = threads or os.cpu_count() or 1
        rng = np.random.Generator(np.random.Philox(key=seed(plan.seed, SEED_OF_PARTITION)))
        self._populations = plan.data.partition(dataset, rng)
        self._scene = Scene(plan, dataset, self.targets, self._threads)
        self._out = OutFolder(out) if out is not None else None
        self._resume = resume
        self._stopped = False
        self._reports: list[RoundReport] = []
        self._finished: list[FederationResult] = []
        self._checked_s = wall_s()
        self._checkpoint_cost_s = 0.0

    def stop(self) -> None:
        """Ask for an end after the round that is running; the journal can be resumed."""
        self._stopped = True

    def __iter__(self) -> Iterator[RoundReport]:
        """Reports of the rounds as they end, of all federations; those that a resumed journal has come first."""
        if self._out is None:
            yield from self._run(None, [], None)
            return
        with self._journal(self._out) as journal:
            written, checkpoint = self._read(self._out, journal)
            try:
                yield from self._run(journal, written, checkpoint)
            except Exception:
                if not any(report.round for report in self._reports):
                    self._out.discard()
                raise

    def result(self) -> SimulationResult:
        """A run that is complete: judged, and compared as the Plan asks. Call it after the last round."""
        if len(self._finished) < len(self._populations):
            raise ValueError("the run is not complete")
        judging = self.plan.judging
        parts = [
            compare(
                self.dataset,
                self.targets,
                population,
                first=done.first,
                last=done.last,
                budget=self._budget(done),
                judged_on=judging.rows,
                local=judging.local,
                central=judging.central,
            )
            for population, done in zip(self._populations, self._finished, strict=True)
        ]
        finished = tuple(self._calibrated(done, part.windows) for done, part in zip(self._finished, parts, strict=True))
        rounds = tuple(self._reports)
        return SimulationResult(self._scene, self._populations, finished, rounds, Comparison.merged(parts))

    # -- the run

    def _run(
        self, journal: Journal | None, written: list[RoundReport], checkpoint: Checkpoint | None
    ) -> Iterator[RoundReport]:
        """All rounds from the checkpoint on; `written` are those that the journal has already."""
        begin = int(checkpoint.arrays["federation"][0]) if checkpoint else 0
        done = checkpoint.records if checkpoint else 0
        self._reports = written[:done]
        yield from self._reports
        if checkpoint:
            self._finished = _finished_federations(checkpoint)
        for number in range(begin, len(self._populations)):
            federation = Federation(self._scene, self._populations[number], number)
            if checkpoint and number == begin and "federation.state" in checkpoint.arrays:
                federation.restore(below("state/", checkpoint.arrays))
            for report in federation.reports():
                self._note(report, journal, written)
                self._save(federation, number, force=False)
                yield report
                if self._stopped:
                    self._save(federation, number, force=True)
                    return
            mine = [report for report in self._reports if report.federation == federation.name]
            finished = _finish(federation, mine)
            self._finished.append(finished)
            self._publish(finished.name, finished.last)
        self._save(None, len(self._populations), force=True)

    def _note(self, report: RoundReport, journal: Journal | None, written: list[RoundReport]) -> None:
        """Keep a report; what the journal has of the same round must be the same."""
        place = len(self._reports)
        self._reports.append(report)
        if journal is None:
            return
        if place >= len(written):
            journal.add(report.to_json())
        elif written[place].record != report.record:
            raise JournalError(
                Code.JOURNAL_CORRUPT,
                f"round {report.round} came out differently from what the journal says",
                "the journal was changed, or another core was used: run again into another folder",
            )

    def _save(self, federation: Federation | None, number: int, *, force: bool) -> None:
        """Write a checkpoint if it is time for one."""
        since = wall_s() - self._checked_s
        due = since > max(CHECKPOINT_EVERY_S, CHECKPOINT_COST_FACTOR * self._checkpoint_cost_s)
        if self._out is None or not (force or due):
            return
        begin = wall_s()
        arrays: Arrays = {"federation": np.array([number], np.int64)}
        for place, done in enumerate(self._finished):
            arrays |= {f"finished.{place}.{name}": array for name, array in done.arrays().items()}
        if federation is not None:
            arrays |= {
                "federation.state": np.ones(1),
                **{f"state/{name}": array for name, array in federation.arrays().items()},
            }
        write_checkpoint(self._out.checkpoint, Checkpoint(self._header, len(self._reports), arrays))
        self._checked_s = wall_s()
        self._checkpoint_cost_s = self._checked_s - begin

    def _calibrated(self, done: FederationResult, windows: WindowJudgement | None) -> FederationResult:
        """A federation whose model carries the fleet's threshold of windows, where captures gave one."""
        if windows is None or windows.fleet_threshold is None:
            return done
        last = done.last.with_thresholds((windows.fleet_threshold,))
        self._publish(done.name, last)
        return replace(done, last=last)

    def _publish(self, federation: str, version: ModelVersion) -> None:
        """Write the last model of a federation."""
        if self._out is not None:
            name = f"model-{federation.replace(' ', '-')}.covey" if federation else "model.covey"
            write_atomically(self._out.path / name, version.encode())

    # -- opening

    @cached_property
    def _header(self) -> Header:
        return Header(
            plan=self.plan.digest.hex(), data=self.dataset.digest().hex(), core=__version__, seed=self.plan.seed
        )

    def _journal(self, out: OutFolder) -> Journal:
        """The run's journal, which no other process can have open."""
        if self._resume:
            return Journal(out.journal)
        out.create()
        return Journal.create(out.journal, self._header)

    def _read(self, out: OutFolder, journal: Journal) -> tuple[list[RoundReport], Checkpoint | None]:
        """What is there to go on from; JournalError where it is of another run."""
        header = self._header
        found, records = read_journal(out.journal)
        if found is None:
            out.drop_checkpoint()
            journal.begin(header)
            return [], None
        header.check(found, out.journal)
        try:
            written = [RoundReport.from_json(record, self.plan.rounds.count) for record in records]
        except (KeyError, TypeError, ValueError) as error:
            cause = f"the journal holds a record that is no round: {error}"
            raise JournalError(Code.JOURNAL_CORRUPT, cause, None, str(out.journal)) from error
        checkpoint = read_checkpoint(out.checkpoint)
        if checkpoint is None:
            return written, None
        header.check(checkpoint.header, out.checkpoint, WITHOUT_CHECKPOINT)
        # A checkpoint may count on records that the journal lost: all is computed again then.
        return written, checkpoint if checkpoint.records <= len(written) else None

    def _budget(self, done: FederationResult) -> Budget:
        selected = [report.record.selected for report in done.trained(self._reports)]
        share = float(np.mean(selected)) / done.n_clients if selected else 1.0
        return Budget(
            trainer=self.plan.training,
            rounds=self.plan.rounds.count,
            seed=self.plan.seed,
            cohort_share=min(1.0, share),
            step_scale=done.step_scale,
            threads=self._threads,
        )


def _finish(federation: Federation, reports: list[RoundReport]) -> FederationResult:
    """What a federation came to; EnvironmentFault where that is nothing."""
    if federation.first is None or federation.last is None:
        raise EnvironmentFault(
            Code.SIMULATION_QUORUM,
            "too few devices answered in the statistics round, so there is no model to begin with",
            "lower rounds.quorum or the faults, or raise rounds.deadline_s",
        )
    if federation.last.sequence == federation.first.sequence:
        raise _nothing_learnt(idle_rounds(reports))
    return FederationResult(
        federation.name,
        federation.population.n_clients,
        federation.first,
        federation.last,
        federation.virtual_s,
        federation.step_scale,
    )


def _nothing_learnt(idle: Counter[Outcome]) -> EnvironmentFault:
    cause = f"no round changed the model: {idle_words(idle)}"
    if idle[Outcome.REJECTED_BY_GATE] >= idle[Outcome.TOO_FEW_UPDATES]:
        hint = "lower server.learning_rate or training.learning_rate"
        return EnvironmentFault(Code.SIMULATION_DIVERGED, cause, hint)
    hint = "lower rounds.quorum or the faults, or raise rounds.deadline_s"
    return EnvironmentFault(Code.SIMULATION_QUORUM, cause, hint)


def _finished_federations(checkpoint: Checkpoint) -> list[FederationResult]:
    places = sorted({int(name.split(".")[1]) for name in checkpoint.arrays if name.startswith("finished.")})
    return [FederationResult.from_arrays(below(f"finished.{place}.", checkpoint.arrays)) for place in places]
