"""The group of commands, and the one place where errors end: every failure leaves by a message and an exit status."""

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from covey.apps.cli.rendering import Exit, exit_status, show_error, show_internal
from covey.errors import Code, CoveyError, EnvironmentFault


class Program(click.Group):
    """A click group that renders Covey's errors; commands raise them or return an exit status."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:
        """Run a command; returns its exit status, or exits with it in standalone mode (click's default)."""
        standalone = extra.pop("standalone_mode", True)
        arguments = list(sys.argv[1:] if args is None else args)
        status = self._status(arguments, prog_name or "covey", extra)
        if standalone:
            sys.exit(status)
        return status

    def _status(self, arguments: list[str], name: str, extra: dict[str, Any]) -> int:
        try:
            outcome = super().main(arguments, name, standalone_mode=False, **extra)
        except click.exceptions.Abort:
            click.echo("stopped", err=True)
            return Exit.INTERRUPTED
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
            return Exit.INTERRUPTED
        except click.ClickException as error:
            show_error(_usage(error))
            return Exit.USAGE
        except CoveyError as error:
            show_error(error)
            return exit_status(error)
        except BrokenPipeError:
            _leave_pipe()
        except Exception as error:  # noqa: BLE001 (the last resort: no user sees a traceback unasked)
            show_internal(error, debug="--debug" in arguments)
            return Exit.INTERNAL
        return int(outcome or 0)


def _usage(error: click.ClickException) -> CoveyError:
    cause = error.format_message().rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    return EnvironmentFault(Code.USAGE, cause, f"{context.command_path} --help" if context else None)


def _leave_pipe() -> NoReturn:
    """The reader of our output is gone (`covey explain | head`): leave without a word."""
    sys.stderr.close()
    sys.exit(Exit.FAILURE)
