"""The command line: `covey simulate`, `plan`, `doctor`, `explain`."""

from covey.apps.cli.commands import main

__all__ = ["main"]
