"""Where results go: the folder of a run, new or resumed, and its seeds."""

from dataclasses import dataclass
from pathlib import Path

from covey.errors import Code, EnvironmentFault, JournalError, OutputError
from covey.io import OutFolder, output_error, write_atomically

#: Files that say that a folder holds a run: the result, and the Plan that is written before the first round.
RUN_FILES = ("result.json", "plan.toml")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run; with several seeds each has a folder `seed-N` of its own inside."""

    path: Path
    is_made: bool = False  # by this command; otherwise it was there before

    def of_seed(self, seed: int, seeds: list[int]) -> Path:
        """Where the journal and the model of one seed go."""
        return self.path if len(seeds) == 1 else self.path / f"seed-{seed}"

    def was_begun(self, seed: int, seeds: list[int]) -> bool:
        """Whether this seed has a journal to go on with."""
        return OutFolder(self.of_seed(seed, seeds)).journal.exists()

    def seeds(self) -> list[int]:
        """The seeds of a run of several; none for a run of one."""
        names = [folder.name.removeprefix("seed-") for folder in self.path.glob("seed-*") if folder.is_dir()]
        return sorted(int(name) for name in names if name.isdigit())

    def begin(self, plan_source: str, seeds: list[int]) -> None:
        """Leave behind what a resumption needs: the resolved Plan, and a folder for each seed."""
        for seed in seeds:
            self.of_seed(seed, seeds).mkdir(exist_ok=True)
        write_atomically(self.path / "plan.toml", plan_source.encode())

    def leave_nothing_unbegun(self, seeds: list[int]) -> None:
        """After a failure before the first round: take back what `begin` wrote, so that nothing half-made is left."""
        if any(self.was_begun(seed, seeds) for seed in seeds):
            return
        (self.path / "plan.toml").unlink(missing_ok=True)
        folders = {self.of_seed(seed, seeds) for seed in seeds} - {self.path}
        for folder in [*folders, *([self.path] if self.is_made else [])]:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def old_run(path: Path) -> RunFolder:
    """The folder of a run that was begun; JournalError where there is none."""
    if not _holds(path, "plan.toml"):
        hint = "give --resume the folder that an earlier `covey simulate --out DIR` wrote"
        raise JournalError(Code.JOURNAL_NOT_FOUND, f"there is no run to resume in {path}", hint)
    return RunFolder(path)


def new_run(given: Path | None, plan_name: str) -> RunFolder:
    """A folder for a new run, made and known to be writable; OutputError where that cannot be."""
    path = given or _free_folder(plan_name)
    if _holds(path, *RUN_FILES):
        raise OutputError(
            Code.OUTPUT_EXISTS,
            f"{path} holds a run already",
            f"choose another folder with --out, or go on with it: covey simulate --resume {path}",
        )
    is_made = not _holds(path, ".")
    OutFolder(path).create()
    return RunFolder(path, is_made)


def _holds(folder: Path, *names: str) -> bool:
    """Whether any of these is in a folder; OutputError where that cannot be seen."""
    try:
        return any((folder / name).exists() for name in names)
    except OSError as error:
        raise output_error(folder, error) from error


def _free_folder(plan_name: str) -> Path:
    number = 1
    while (path := Path("runs") / (plan_name if number == 1 else f"{plan_name}-{number}")).exists():
        number += 1
    return path


def seeds_of(text: str | None, first: int) -> list[int]:
    """`3`: three seeds from `first` on; `1,5,9`: these; none: `first` alone; ascending. EnvironmentFault otherwise."""
    if text is None:
        return [first]
    parts = [part.strip() for part in text.split(",") if part.strip()]
    seeds = [int(part) for part in parts] if all(part.isascii() and part.isdigit() for part in parts) else []
    if "," not in text:
        seeds = list(range(first, first + seeds[0])) if seeds and seeds[0] <= 1_000 else []
    if not seeds or len(set(seeds)) != len(seeds) or max(seeds) >= 2**63:
        raise EnvironmentFault(
            Code.USAGE,
            f"--seeds {text} is neither a number of seeds nor a list of different ones",
            "for example --seeds 3, or --seeds 1,5,9",
        )
    return sorted(seeds)
