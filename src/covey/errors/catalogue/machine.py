"""Explanations of codes about the machine, the command line and Covey itself."""

from covey.errors.catalogue.explanation import Explanation
from covey.errors.codes import Code

MACHINE: dict[Code, Explanation] = {
    Code.ENVIRONMENT_TOOLCHAIN: Explanation(
        "A tool is missing",
        "Covey's core is compiled from C, which needs a C compiler and Python's headers.",
        "On Debian: apt-get install gcc make python3-dev python3-venv",
    ),
    Code.ENVIRONMENT_PYTHON: Explanation(
        "This Python is too old",
        "Covey needs Python 3.11 or newer.",
        "Install a newer Python, then `make demo PYTHON=python3.12` for example.",
    ),
    Code.ENVIRONMENT_PACKAGE: Explanation(
        "A Python package is missing",
        "This command needs a package that is not installed.",
        "Install Covey by `make demo` or `pip install .`; both bring all it needs.",
    ),
    Code.USAGE: Explanation(
        "The command was not called correctly",
        "An option or argument is unknown, is missing, or does not go together with another.",
        "Add --help to the command for its options and examples.",
    ),
    Code.UNKNOWN_CODE: Explanation(
        "There is no such code",
        "Codes are a letter and three digits, such as D101.",
        "`covey explain` lists all of them.",
    ),
    Code.INTERNAL: Explanation(
        "Something went wrong inside Covey",
        "This is a defect of Covey, not of your Plan or data.",
        "Run the same command again with --debug and report what it prints, with the output of `covey doctor`.",
    ),
}
