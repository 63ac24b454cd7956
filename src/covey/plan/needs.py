"""What the parts of a Plan need of each other, checked at load: what, why and what to do."""

from collections.abc import Iterator

from covey.errors import Code, PlanError
from covey.pipeline import compile_recipe
from covey.plan.plan import Plan
from covey.plan.problems import Problem
from covey.telemetry import Task


def unmet_needs(plan: Plan) -> Iterator[Problem]:
    """Every need that this Plan does not meet."""
    yield from _the_model_can_learn_the_task(plan)
    yield from _the_partition_leaves_rows_for_the_task(plan)
    yield from _stages_follow_each_other(plan)
    yield from _classes_are_merged_where_they_are_learned(plan)
    yield from _profiles_have_names_of_their_own(plan)
    yield from _captures_are_watched_in_windows(plan)


def _captures_are_watched_in_windows(plan: Plan) -> Iterator[Problem]:
    if plan.data.source.has_recordings and plan.detection.window_s == 0:
        cause = "captures are judged by windows of time, and `window_s` is 0: each packet would be one"
        yield Problem(Code.PLAN_CONFLICT, ("detection", "window_s"), cause, "set it to some seconds, such as 10.0")


def _the_model_can_learn_the_task(plan: Plan) -> Iterator[Problem]:
    learns = sorted(type(plan.model).tasks)
    if plan.data.task not in learns:
        cause = f'this model cannot learn the task "{plan.data.task}": it learns {" and ".join(learns)}'
        hint = f'set data.task to "{learns[0]}", or choose another model.kind'
        yield Problem(Code.PLAN_CONFLICT, ("data", "task"), cause, hint)


def _the_partition_leaves_rows_for_the_task(plan: Plan) -> Iterator[Problem]:
    teaches = sorted(plan.data.partition.tasks)
    if plan.data.task not in teaches:
        cause = f'this partition deals no rows to learn the task "{plan.data.task}" from, only {" and ".join(teaches)}'
        hint = f'set data.task to "{teaches[0]}", or choose another data.partition.kind'
        yield Problem(Code.PLAN_CONFLICT, ("data", "partition", "kind"), cause, hint)


def _stages_follow_each_other(plan: Plan) -> Iterator[Problem]:
    try:
        compile_recipe(plan.pipeline)
    except PlanError as error:
        yield Problem(error.code, ("pipeline",), error.cause, error.hint)


def _classes_are_merged_where_they_are_learned(plan: Plan) -> Iterator[Problem]:
    if plan.data.classes and plan.data.task is not Task.CLASSES:
        cause = f'data.classes merges attacks, but the task "{plan.data.task}" does not tell attacks apart'
        yield Problem(
            Code.PLAN_CONFLICT, ("data", "classes"), cause, 'remove data.classes, or set data.task to "classes"'
        )
    owners: dict[str, str] = {}
    for name, attacks in plan.data.classes.items():
        for attack in attacks:
            if attack in owners:
                cause = f"`{attack}` is merged into both `{owners[attack]}` and `{name}`: a row has one class"
                yield Problem(Code.PLAN_CONFLICT, ("data", "classes", name), cause, "name it in one of them")
            owners[attack] = name


def _profiles_have_names_of_their_own(plan: Plan) -> Iterator[Problem]:
    names = [profile.name for profile in plan.fleet.profiles]
    for index, name in enumerate(names):
        if name in names[:index]:
            cause = f"two device profiles are called `{name}`, so results could not be told apart"
            yield Problem(
                Code.PLAN_CONFLICT, ("fleet", "profiles", index, "name"), cause, "give each profile its own name"
            )
