"""Explanations of codes about models and their files."""

from covey.errors.catalogue.explanation import Explanation
from covey.errors.codes import Code

MODEL: dict[Code, Explanation] = {
    Code.MODEL_SPEC: Explanation(
        "The model is not well-formed",
        "Its layers, loss and outputs do not fit the task or each other.",
        "Change the Plan's [model] section.",
    ),
    Code.MODEL_TOO_LARGE: Explanation(
        "The model is too large for its devices",
        "The Plan names a class of devices, and the model does not fit the memory of that class.",
        "Use fewer units or knots, or a larger device class.",
    ),
    Code.MODEL_FILE: Explanation(
        "This is not a model of Covey",
        "The file is damaged, incomplete or of another format.",
        "Use a `model.covey` that `covey simulate` wrote.",
    ),
    Code.MODEL_DIGEST: Explanation(
        "The model's digest does not match",
        "The file was changed after it was written, or damaged.",
        "Get the file again from where it was made.",
    ),
    Code.MODEL_SHAPE: Explanation(
        "Parameters do not fit the model",
        "The number of parameters is not the one that the model's layers ask for.",
        "Use parameters and model from the same run.",
    ),
}
