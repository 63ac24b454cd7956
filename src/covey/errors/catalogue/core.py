"""Explanations of codes about the compiled core."""

from covey.errors.catalogue.explanation import Explanation
from covey.errors.codes import Code

CORE: dict[Code, Explanation] = {
    Code.CORE_NOT_BUILT: Explanation(
        "The compiled core is missing",
        "Covey computes in a C library that is compiled when Covey is installed. The extension module was not found or"
        " was built for another machine.",
        "Run `make demo` or `make test` once in the repository: both compile the core. `covey doctor` says what is"
        " missing.",
    ),
    Code.CORE_ARGUMENT: Explanation(
        "The core refused an argument",
        "A count, a buffer or a parameter given to the C core is out of its range.",
        "Check the Plan's [training] and [model] sections with `covey plan check`; otherwise please report it.",
    ),
    Code.CORE_MODEL: Explanation(
        "The layers do not fit together",
        "The outputs of one layer are not the inputs of the next, or a limit of the core is exceeded (8 layers, width"
        " 1,024, 1,048,576 parameters).",
        "Change the widths in the Plan's [model] section.",
    ),
    Code.CORE_ARENA: Explanation(
        "Scratch memory is too small",
        "The caller owns all memory of the core, and gave less than the matching size function asked for.",
        "This is a defect of Covey or of an extension to it: please report it.",
    ),
    Code.CORE_NONFINITE: Explanation(
        "Numbers are no longer finite",
        "Training produced NaN or infinity: usually steps that are too long.",
        "Lower training.learning_rate, set training.gradient_clip, or scale the features.",
    ),
    Code.CORE_LABEL: Explanation(
        "A class index is out of range",
        "A row's class is not one of the model's outputs.",
        "Check the Plan's [data] task and class map against the data.",
    ),
    Code.CORE_SELF_TEST: Explanation(
        "The core's self-test failed",
        "The core trains and encodes a small fixed case when it is loaded, and the result must be the same bits on"
        " every machine. Here it was not, so nothing it computes can be trusted.",
        "Compile it again without your own compiler flags (`make clean`, then `make test`). If it persists, please"
        " report the output of `covey doctor`.",
    ),
    Code.CORE_KERNEL: Explanation(
        "This kernel cannot run here",
        "The requested vector kernel is unknown or this processor does not have its instructions.",
        "Leave the choice to Covey; `covey doctor` names the kernel in use.",
    ),
    Code.CORE_SPACE: Explanation(
        "An output buffer is too small",
        "The core will not write past the end of the memory it was given.",
        "This is a defect of Covey or of an extension to it: please report it.",
    ),
}
