"""Loading a Plan: what is right loads to the same thing again, what is wrong says what, where and what to do."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from covey.aggregation import SERVER_OPTIMISERS
from covey.errors import Code, PlanError
from covey.models import SplineMlp
from covey.pipeline import Clip, Int8
from covey.plan import InvalidPlanError, Plan, load
from covey.selection import Uniform
from covey.telemetry import Captures, CsvFolder, Natural, Task
from covey.training import TRAINERS, FedProx
from covey.wire import DetectionSettings, FeatureSchema, Missing, SourceKind

PLANS = Path(__file__).resolve().parents[2] / "plans"
SMALL = """\
name = "small"

[data]
task = "binary"

[model]
kind = "spline_mlp"
hidden = [8]

[training]
kind = "fedprox"
learning_rate = 0.05

[[pipeline]]
kind = "clip"
norm = 5.0

[[pipeline]]
kind = "int8"

[rounds]
count = 3
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def problems(path: Path, *overrides: str) -> tuple[PlanError, ...]:
    with pytest.raises(InvalidPlanError) as caught:
        load(path, overrides)
    return caught.value.problems


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_plan_we_ship_loads_and_is_named_like_its_file(path: Path) -> None:
    assert load(path).name == path.stem


@pytest.mark.parametrize("path", sorted(PLANS.glob("nbaiot-*.toml")), ids=lambda path: path.stem)
def test_no_plan_of_ours_learns_from_the_columns_that_tell_the_time_of_capture(path: Path) -> None:
    features = load(path).data.features
    assert not features.takes("HH_jit_L5_mean")
    assert not features.takes("H_L5_mean")
    assert features.takes("MI_dir_L5_mean")


def test_a_plan_becomes_the_strategies_it_names(small: Path) -> None:
    plan = load(small)
    assert plan.model == SplineMlp(hidden=(8,))
    assert plan.training == FedProx(learning_rate=0.05)
    assert plan.pipeline == (Clip(norm=5.0), Int8())
    assert plan.data.partition == Natural()
    assert plan.data.task is Task.BINARY


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_shown_plan_is_the_plan(path: Path, tmp_path: Path) -> None:
    plan = load(path)
    again = tmp_path / "again.toml"
    again.write_text(plan.source)
    assert load(again) == plan
    assert load(again).digest == plan.digest


def test_comments_order_and_written_out_defaults_do_not_change_the_digest(small: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("# a comment\nseed = 1\n" + SMALL.replace('kind = "int8"', 'block = 64\nkind = "int8"'))
    assert load(other).digest == load(small).digest


def test_every_value_counts_in_the_digest(small: Path) -> None:
    assert load(small, ["seed=2"]).digest != load(small).digest


def test_a_plan_can_be_made_in_python(small: Path) -> None:
    plan = load(small)
    made = Plan(
        name="small",
        data=plan.data,
        model=SplineMlp(hidden=(8,)),
        training=FedProx(learning_rate=0.05),
        pipeline=(Clip(norm=5.0), Int8()),
        rounds=plan.rounds,
    )
    assert made.digest == plan.digest


def test_a_changed_plan_is_checked_and_named_anew(small: Path) -> None:
    plan = load(small)
    assert plan.digest
    changed = plan.changed(seed=7)
    assert changed.digest == load(small, ["seed=7"]).digest
    with pytest.raises(ValidationError):
        plan.changed(seed=-1)


def test_a_table_without_a_kind_is_of_the_kind_that_is_the_default(small: Path) -> None:
    assert load(small, ["selection.cohort=2"]).selection == Uniform(cohort=2)
    (problem,) = problems(small, "model={hidden=[4]}")
    assert problem.code is Code.PLAN_MISSING_KEY


def test_the_class_map_is_read_by_attack(small: Path) -> None:
    plan = load(small, ['data.task="classes"', 'data.classes={flood=["tcp","udp"]}'])
    assert plan.data.merge == {"tcp": "flood", "udp": "flood"}


@pytest.mark.parametrize(
    ("override", "code", "cause", "hint"),
    [
        ("training.learning_rat=0.1", Code.PLAN_UNKNOWN_KEY, "learning_rat", "did you mean `learning_rate`?"),
        ("rounds.cout=3", Code.PLAN_UNKNOWN_KEY, "cout", "did you mean `count`?"),
        ("judgin.every=3", Code.PLAN_UNKNOWN_KEY, "judgin", "did you mean `judging`?"),
        ('data.features.exclud=["x"]', Code.PLAN_UNKNOWN_KEY, "exclud", "did you mean `exclude`?"),
        ("training.kind=fedprx", Code.PLAN_UNKNOWN_KIND, '"fedprx"', 'did you mean "fedprox"?'),
        ("model.kind=7", Code.PLAN_UNKNOWN_KIND, "7", "kinds: spline_mlp"),
        ("training.learning_rate=-1.0", Code.PLAN_OUT_OF_RANGE, "learning_rate must be above 0", ""),
        ("training.learning_rate=nan", Code.PLAN_OUT_OF_RANGE, "finite", ""),
        ("rounds.count=0", Code.PLAN_OUT_OF_RANGE, "`count` is 0", ""),
        ("rounds.quorum=1.5", Code.PLAN_OUT_OF_RANGE, "`quorum` is 1.5", ""),
        ("model.hidden=[0]", Code.PLAN_OUT_OF_RANGE, "hidden is [0]", ""),
        ("pipeline.1.block=3", Code.PLAN_OUT_OF_RANGE, "block", ""),
        ("training.learning_rate=fast", Code.PLAN_WRONG_TYPE, '"fast": a number', ""),
        ("rounds.count=2.5", Code.PLAN_WRONG_TYPE, "whole number", ""),
        ("rounds.count=true", Code.PLAN_WRONG_TYPE, "whole number", ""),
        ('model.hidden=["8"]', Code.PLAN_WRONG_TYPE, "`hidden[0]`", ""),
        ("model.hidden=8", Code.PLAN_WRONG_TYPE, "list", ""),
        ("model=8", Code.PLAN_WRONG_TYPE, "no table", "kinds:"),
        ("pipeline=8", Code.PLAN_WRONG_TYPE, "list of tables", ""),
        ("title=2020-01-01", Code.PLAN_WRONG_TYPE, "date", ""),
        ("data.task=anomaly", Code.PLAN_CONFLICT, "cannot learn", 'data.task to "binary"'),
        ("data.partition.kind=benign_only", Code.PLAN_CONFLICT, "no rows to learn", 'data.task to "anomaly"'),
        ("rounds.deadline_s=5e6", Code.PLAN_OUT_OF_RANGE, "`deadline_s` is 5000000.0", ""),
        ("judging.every=1000000000", Code.PLAN_OUT_OF_RANGE, "`every` is 1000000000", ""),
        ("faults.straggler_factor=1e300", Code.PLAN_OUT_OF_RANGE, "`straggler_factor` is 1e+300", ""),
        ("fleet.profiles=[{latency_s=1e300}]", Code.PLAN_OUT_OF_RANGE, "`latency_s` is 1e+300", ""),
        ("fleet.profiles=[{share=1e300}]", Code.PLAN_OUT_OF_RANGE, "`share` is 1e+300", ""),
        ("fleet.profiles=[{rows_per_s=1e-300}]", Code.PLAN_OUT_OF_RANGE, "`rows_per_s` is 1e-300", ""),
        ("fleet.profiles=[{uplink_bytes_per_s=1e-300}]", Code.PLAN_OUT_OF_RANGE, "`uplink_bytes_per_s` is 1e-300", ""),
        ('data.partition={kind="iid",clients=100000000}', Code.PLAN_OUT_OF_RANGE, "clients is 100000000", ""),
        ('data.partition={kind="repeat",clients=100000000}', Code.PLAN_OUT_OF_RANGE, "clients is 100000000", ""),
        ('data.classes={a=["x"]}', Code.PLAN_CONFLICT, "does not tell attacks apart", 'data.task to "classes"'),
        ('pipeline=[{kind="int8"},{kind="clip"}]', Code.PLAN_CONFLICT, "after the codec", "before"),
        ('fleet.profiles=[{name="a"},{name="a"}]', Code.PLAN_CONFLICT, "called `a`", "own name"),
    ],
)
def test_a_bad_value_is_named_with_a_hint_and_its_override(
    small: Path, override: str, code: Code, cause: str, hint: str
) -> None:
    (problem,) = problems(small, override)
    assert problem.code is code
    assert cause in problem.cause
    assert problem.hint
    assert hint in problem.hint
    assert problem.where == f"--set {override}"


@pytest.mark.parametrize(
    ("line", "code", "place"),
    [
        ("learning_rate = 0.05", Code.PLAN_OUT_OF_RANGE, "small.toml:12 (training.learning_rate)"),
        ("count = 3", Code.PLAN_WRONG_TYPE, "small.toml:22 (rounds.count)"),
        ("norm = 5.0", Code.PLAN_WRONG_TYPE, "small.toml:16 (pipeline[0].norm)"),
    ],
)
def test_a_problem_in_the_file_is_named_with_its_line(small: Path, line: str, code: Code, place: str) -> None:
    key = line.split(" ", maxsplit=1)[0]
    value = "-1.0" if code is Code.PLAN_OUT_OF_RANGE else '"x"'
    small.write_text(SMALL.replace(line, f"{key} = {value}"))
    (problem,) = problems(small)
    assert problem.code is code
    assert problem.where == f"{small.parent}/{place}"


def test_all_problems_are_found_not_only_the_first(small: Path) -> None:
    found = problems(small, "seeed=1", "rounds.count=x", "model.kind=y", "pipeline.0.norm=0", "training.batc=3")
    assert {problem.code for problem in found} == {
        Code.PLAN_UNKNOWN_KEY,
        Code.PLAN_WRONG_TYPE,
        Code.PLAN_UNKNOWN_KIND,
        Code.PLAN_OUT_OF_RANGE,
    }
    assert len(found) == 5


def test_an_empty_plan_lacks_all_that_has_no_default(tmp_path: Path) -> None:
    path = tmp_path / "empty.toml"
    path.write_text("")
    found = problems(path)
    assert {problem.code for problem in found} == {Code.PLAN_MISSING_KEY}
    assert [problem.cause.split("`")[1] for problem in found] == ["name", "data", "model", "training", "rounds"]


@pytest.mark.parametrize(
    "override", ["nonsense", "=3", "a b=3", "pipeline.7.norm=1", "name.x=1", "title=two words", "seed="]
)
def test_an_override_that_cannot_be_read_says_so(small: Path, override: str) -> None:
    with pytest.raises(PlanError) as caught:
        load(small, [override])
    assert caught.value.code is Code.PLAN_OVERRIDE
    assert caught.value.where == f"--set {override}"
    assert caught.value.hint


def test_what_is_not_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text('name = "x"\nseed = = 3\n')
    with pytest.raises(PlanError, match="line 2") as caught:
        load(path)
    assert caught.value.code is Code.PLAN_SYNTAX


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PlanError) as caught:
        load(path)
    assert caught.value.code is Code.PLAN_SYNTAX


def test_a_missing_plan_names_those_that_are_there(small: Path) -> None:
    with pytest.raises(PlanError) as caught:
        load(small.parent / "smal.toml")
    assert caught.value.code is Code.PLAN_NOT_FOUND
    assert "small.toml" in (caught.value.hint or "")


@pytest.mark.parametrize("kind", TRAINERS)
def test_every_trainer_can_be_chosen(small: Path, kind: str) -> None:
    assert type(load(small, [f"training.kind={kind}"]).training) is TRAINERS[kind]


@pytest.mark.parametrize("kind", SERVER_OPTIMISERS)
def test_every_server_optimiser_can_be_chosen(small: Path, kind: str) -> None:
    assert type(load(small, [f"server.kind={kind}"]).server) is SERVER_OPTIMISERS[kind]


@given(title=st.text(max_size=40), notes=st.lists(st.text(max_size=20), max_size=3), rate=st.floats(1e-9, 10.0))
def test_any_text_and_number_survive_the_way_through_toml(
    tmp_path_factory: pytest.TempPathFactory, title: str, notes: list[str], rate: float
) -> None:
    folder = tmp_path_factory.mktemp("plan")
    (folder / "small.toml").write_text(SMALL)
    plan = load(folder / "small.toml")
    changed = plan.changed(title=title, notes=tuple(notes), training=FedProx(learning_rate=rate))
    (folder / "again.toml").write_text(changed.source, encoding="utf-8", newline="")
    assert load(folder / "again.toml") == changed


def test_a_source_is_chosen_by_kind_and_the_old_plans_keep_theirs(small: Path) -> None:
    assert load(small).data.source == CsvFolder()
    plan = load(small, ["data.source.kind=captures", "data.source.most_benign=50", 'data.source.sessions=["a"]'])
    assert plan.data.source == Captures(most_benign=50, sessions=("a",))
    assert load_again(plan).data.source == plan.data.source


def load_again(plan: Plan) -> Plan:
    """The Plan of a Plan's own text."""
    return Plan.model_validate_json(json.dumps(tomllib.loads(plan.source)))


def test_what_is_wrong_with_a_source_is_said(small: Path) -> None:
    (unknown,) = problems(small, "data.source.kind=capture")
    assert unknown.code is Code.PLAN_UNKNOWN_KIND
    assert '"captures"' in (unknown.hint or "")
    (rows,) = problems(small, "data.source.kind=captures", "data.source.most_benign=0")
    assert rows.code is Code.PLAN_OUT_OF_RANGE
    assert "most_benign" in rows.cause


def test_rows_that_were_made_of_something_say_so_to_the_model(small: Path) -> None:
    assert load(small).data.source.schema == FeatureSchema()
    assert load(small, ["data.source.rows_of=connections"]).data.source.schema.kind is SourceKind.CONNECTIONS
    plan = load(small, ["data.source.rows_of=readings", "data.source.window_s=60.0", "data.source.missing=hold"])
    assert plan.data.source.schema == FeatureSchema(SourceKind.READINGS, window_s=60.0, missing=Missing.HOLD)
    assert load_again(plan).data.source == plan.data.source
    (problem,) = problems(small, "data.source.rows_of=connections", "data.source.window_s=60.0")
    assert "windows" in problem.cause


def test_how_a_device_detects_is_part_of_the_plan(small: Path) -> None:
    assert load(small).detection == DetectionSettings()
    plan = load(small, ["detection.window_s=5.0", "detection.alarms_per_hour=0.5", "detection.order=1"])
    assert plan.detection == DetectionSettings(window_s=5.0, alarms_per_hour=0.5, order=1)
    assert load_again(plan).detection == plan.detection
    (votes,) = problems(small, "detection.votes=4")
    assert "votes is 4" in votes.cause
    (unknown,) = problems(small, "detection.window=4")
    assert "window_s" in (unknown.hint or "")


def test_captures_need_windows_of_time(small: Path) -> None:
    (problem,) = problems(small, "data.source.kind=captures", "detection.window_s=0.0")
    assert problem.code is Code.PLAN_CONFLICT
    assert load(small, ["detection.window_s=0.0"]).detection.window_s == 0
