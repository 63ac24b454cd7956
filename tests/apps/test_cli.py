"""Commands that train nothing, and every way to call a command wrongly: code, cause and hint, never a traceback."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fleet_folder import PLAN, write_fleet, write_plan

from covey import __version__
from covey.apps.cli import main
from covey.apps.cli.run_folder import seeds_of
from covey.apps.printable import printable
from covey.errors import CATALOGUE, Code, CoveyError

PLANS = Path(__file__).resolve().parents[2] / "plans"


def covey(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def assert_refused(result: Result, code: Code, *, status: int, cause: str, hint: str = "") -> None:
    """The error has all its parts on stderr, nothing is on stdout, and there is no traceback."""
    assert result.exit_code == status, result.output
    assert f"error[{code}]: " in result.stderr
    assert cause in result.stderr
    assert "  hint: " in result.stderr
    assert hint in result.stderr
    assert f"covey explain {code}" in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_the_version_is_printed() -> None:
    result = covey("--version")
    assert (result.exit_code, result.stdout) == (0, f"covey {__version__}\n")


@pytest.mark.parametrize("words", [("--help",), ("simulate", "--help"), ("plan", "-h"), ("plan", "check", "-h")])
def test_help_comes_with_examples(words: tuple[str, ...]) -> None:
    result = covey(*words)
    assert result.exit_code == 0
    assert "Example" in result.stdout


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["simulate", "--help"]], ids=" ".join)
def test_help_loads_none_of_the_heavy_packages(words: list[str]) -> None:
    code = (
        "import sys; from covey.apps.cli import main; main(sys.argv[1:], standalone_mode=False);"
        "heavy = {'numpy', 'pydantic', 'plotly', 'rich', 'jinja2', 'cffi'} & set(sys.modules);"
        "sys.exit(' '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("code", Code, ids=str)
def test_every_code_can_be_explained(code: Code) -> None:
    result = covey("explain", code.lower())
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{code}: {CATALOGUE[code].title}\n")
    assert "What to do: " in result.stdout


def test_explain_without_a_code_lists_all() -> None:
    lines = covey("explain").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(Code)


def test_an_unknown_code_is_refused_with_the_nearest() -> None:
    assert_refused(covey("explain", "D10"), Code.UNKNOWN_CODE, status=2, cause="`D10`", hint="did you mean D1")


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_plans_we_ship_are_in_order(path: Path) -> None:
    result = covey("plan", "check", path)
    assert result.exit_code == 0, result.stderr
    assert f"{path}: in order" in result.stdout


def test_a_shown_plan_can_be_checked_again(tmp_path: Path) -> None:
    shown = covey("plan", "show", write_plan(tmp_path), "--set", "rounds.count=5")
    again = tmp_path / "again.toml"
    again.write_text(shown.stdout)
    assert "count = 5" in shown.stdout
    assert 'kind = "mean"' in shown.stdout  # a default
    digest = re.search(r"digest (\w{16})", shown.stdout)
    assert digest
    assert digest[1] in covey("plan", "check", again).stdout


def test_all_problems_of_a_plan_are_listed(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, PLAN.replace("epochs = 8", "epoch = 8").replace("count = 3", "count = 0"))
    result = covey("plan", "check", plan)
    assert_refused(result, Code.PLAN_UNKNOWN_KEY, status=2, cause="`epoch`", hint="did you mean `epochs`?")
    assert_refused(result, Code.PLAN_OUT_OF_RANGE, status=2, cause="`count` is 0")
    assert f"{plan}:14 (training.epoch)" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "cause", "hint"),
    [
        (["simulat"], Code.USAGE, "simulat", "covey --help"),
        (["simulate", "--sead", "3"], Code.USAGE, "--sead", "covey simulate --help"),
        (["simulate"], Code.USAGE, "PLAN is missing", "covey simulate plans/"),
        (["simulate", "{plan}", "--seeds", "three"], Code.USAGE, "--seeds three", "--seeds 1,5,9"),
        (["simulate", "{plan}", "--seeds", "1,1"], Code.USAGE, "--seeds 1,1", "--seeds 3"),
        (["simulate", "{plan}", "--resume", "x", "--out", "y"], Code.USAGE, "exclude each other", ""),
        (["simulate", "none.toml"], Code.PLAN_NOT_FOUND, "none.toml", ""),
        (["simulate", "{plan}", "--set", "rounds.cont=3"], Code.PLAN_UNKNOWN_KEY, "`cont`", "did you mean `count`?"),
        (["simulate", "{plan}", "--set", "rounds"], Code.PLAN_OVERRIDE, "`rounds`", "--set training.learning_rate"),
        (["plan", "check"], Code.USAGE, "PLAN", "covey plan check --help"),
        (["plan", "check", "none.toml"], Code.PLAN_NOT_FOUND, "none.toml", ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_call_is_refused(tmp_path: Path, words: list[str], code: Code, cause: str, hint: str) -> None:
    plan = write_plan(tmp_path)
    result = covey(*(word.format(plan=plan) for word in words))
    assert_refused(result, code, status=2, cause=cause, hint=hint)


@pytest.mark.parametrize(
    ("words", "code", "cause"),
    [
        (["--data", "{folder}/none"], Code.DATA_NOT_FOUND, "none"),
        (["--data", "{folder}"], Code.DATA_NO_DEVICES, ".csv"),
        (["--data", "{folder}/fleet", "--out", "{folder}/tiny.toml"], Code.OUTPUT_NOT_WRITABLE, "cannot be written"),
        (["--data", "{folder}/fleet", "--out", "{folder}/tiny.toml/deeper"], Code.OUTPUT_NOT_WRITABLE, "deeper"),
        (["--data", "{folder}/fleet", "--resume", "{folder}/fleet"], Code.JOURNAL_NOT_FOUND, "no run to resume"),
    ],
)
def test_folders_that_will_not_do_are_refused_before_anything_is_written(
    tmp_path: Path, words: list[str], code: Code, cause: str
) -> None:
    write_fleet(tmp_path / "fleet")
    plan = write_plan(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    result = covey("simulate", plan, *(word.format(folder=tmp_path) for word in words))
    assert_refused(result, code, status=1, cause=cause)
    assert sorted(tmp_path.rglob("*")) == before


def test_doctor_finds_the_core_and_the_data(tmp_path: Path) -> None:
    write_fleet(tmp_path / "fleet")
    result = covey("doctor", "--data", tmp_path)
    assert result.exit_code == 0, result.output
    assert re.search(r"ok +core +self-test passed, kernel \w+", result.stdout)
    assert re.search(r"ok +data .*fleet", result.stdout)


def test_doctor_can_do_without_data(tmp_path: Path) -> None:
    result = covey("doctor", "--data", tmp_path / "none")
    assert result.exit_code == 0
    assert re.search(r"note +data .*no folder", result.stdout)


def test_a_defect_ends_without_a_traceback_unless_one_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("wires crossed")

    monkeypatch.setattr("covey.plan.load", broken)
    quiet = covey("plan", "check", tmp_path / "plan.toml")
    assert_refused(quiet, Code.INTERNAL, status=70, cause="RuntimeError: wires crossed", hint="--debug")
    loud = covey("plan", "check", tmp_path / "plan.toml", "--debug")
    assert (loud.exit_code, "Traceback" in loud.stderr) == (70, True)


def test_what_comes_from_outside_cannot_steer_the_terminal(tmp_path: Path) -> None:
    result = covey("plan", "check", tmp_path / "evil\x1b[2J\r.toml")
    assert "\x1b" not in result.stderr
    assert "\r" not in result.stderr
    assert printable("a\x07b\u202ec") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"


@pytest.mark.parametrize(
    ("text", "seeds"), [(None, [4]), ("1", [4]), ("3", [4, 5, 6]), ("9,1", [1, 9]), ("5,", [5]), (" 1 , 2 ", [1, 2])]
)
def test_seeds_are_a_number_or_a_list(text: str | None, seeds: list[int]) -> None:
    assert seeds_of(text, 4) == seeds


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", ",", "1,x", "2,2", "99999", "99999999999999999999999,"])
def test_other_seeds_are_refused(text: str) -> None:
    with pytest.raises(CoveyError) as caught:
        seeds_of(text, 1)
    assert caught.value.code is Code.USAGE


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -c 'from covey.apps.cli import main; main()' explain | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        cwd=tmp_path,
    )
    assert done.stdout.startswith("C101")
    assert done.stderr == ""
