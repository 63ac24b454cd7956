"""The command line: `covey simulate`, `plan`, `detect`, `features`, `label`, `doctor`, `explain`."""

from covey.apps.cli.commands import main
from covey.apps.cli.detect_command import detect, features
from covey.apps.cli.label_command import label

__all__ = ["main"]

main.add_command(label)
main.add_command(detect)
main.add_command(features)
