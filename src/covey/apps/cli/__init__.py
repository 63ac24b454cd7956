"""The command line: `covey simulate`, `plan`, `detect`, `features`, `doctor`, `explain`."""

from covey.apps.cli.commands import main
from covey.apps.cli.detect_command import detect, features

__all__ = ["main"]

main.add_command(detect)
main.add_command(features)
