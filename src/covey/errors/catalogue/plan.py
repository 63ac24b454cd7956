"""Explanations of codes about Plans."""

from covey.errors.catalogue.explanation import Explanation
from covey.errors.codes import Code

PLAN: dict[Code, Explanation] = {
    Code.PLAN_NOT_FOUND: Explanation(
        "The Plan was not found",
        "There is no file of this name, or it may not be read.",
        "Check the path. The Plans that come with Covey are in the folder `plans`.",
    ),
    Code.PLAN_SYNTAX: Explanation(
        "The Plan is not TOML",
        "The file breaks the rules of TOML at the line that the message names.",
        'Strings need quotes, lists need [ ], a table starts with [name]. Example: kind = "fedavg".',
    ),
    Code.PLAN_UNKNOWN_KEY: Explanation(
        "The Plan has an unknown key",
        "A key that nobody reads would be a setting without effect, so it is refused.",
        "Correct its spelling or remove it; `covey plan show PLAN` prints every key with its value.",
    ),
    Code.PLAN_WRONG_TYPE: Explanation(
        "A value of the Plan has the wrong type",
        "For example text where a number belongs, or 1.5 where a whole number belongs.",
        "Correct the value; `covey plan show` on one of the Plans in `plans` shows what it looks like.",
    ),
    Code.PLAN_OUT_OF_RANGE: Explanation(
        "A value of the Plan is out of its range",
        "The value has the right type but makes no sense here, such as a negative learning rate.",
        "The message names the range.",
    ),
    Code.PLAN_UNKNOWN_KIND: Explanation(
        "The Plan chooses a kind that does not exist",
        "Strategies (models, trainers, stages, selectors, aggregators, ...) are chosen by `kind`.",
        "Choose one of those that the message lists.",
    ),
    Code.PLAN_MISSING_KEY: Explanation(
        "The Plan lacks a key",
        "This key has no default, because no value would be right for most.",
        "Add it; the Plans in `plans` are examples to copy from.",
    ),
    Code.PLAN_CONFLICT: Explanation(
        "Two parts of the Plan do not go together",
        "Each part is right by itself, but one needs something that another does not give.",
        "The message says what is needed and which changes would do.",
    ),
    Code.PLAN_OVERRIDE: Explanation(
        "An override cannot be read",
        "An override is `--set key=value`, with the key's full path and a TOML value.",
        "Examples: --set training.learning_rate=0.1   --set model.hidden=[16,16]   --set training.kind=fedprox",
    ),
}
