"""The group of commands, and the one place where errors end: every failure leaves by a message and an exit status."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from covey.apps.cli.rendering import Exit, exit_status, show_error, show_internal
from covey.errors import Code, CoveyError, EnvironmentFault


class Program(click.Group):
    """A click group that renders Covey's errors; commands raise them or return an exit status."""

    # click's overloads say only that standalone mode does not return.
    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run a command; returns its exit status, or exits with it in standalone mode (click's default)."""
        standalone = extra.pop("standalone_mode", True)
        arguments = list(sys.argv[1:] if args is None else args)
        status = self._status(arguments, prog_name or "covey", extra)
        if standalone:
            sys.exit(status)
        return status

    def _status(self, arguments: list[str], name: str, extra: dict[str, Any]) -> int:
        try:
            return int(super().main(arguments, name, standalone_mode=False, **extra) or 0)
        except (KeyboardInterrupt, click.exceptions.Abort):
            click.echo("stopped", err=True)
            return Exit.INTERRUPTED
        except BrokenPipeError:
            sys.stderr.close()  # the reader of our output is gone (`covey explain | head`): leave without a word
            return Exit.FAILURE
        except (click.ClickException, CoveyError, ModuleNotFoundError) as error:
            known = _in_our_words(error)
            show_error(known)
            return exit_status(known)
        except Exception as error:  # noqa: BLE001 (the last resort: no user sees a traceback unasked)
            show_internal(error, debug="--debug" in arguments)
            return Exit.INTERNAL


def _in_our_words(error: click.ClickException | CoveyError | ModuleNotFoundError) -> CoveyError:
    """The same failure as an error with a code."""
    if isinstance(error, CoveyError):
        return error
    if isinstance(error, ModuleNotFoundError):
        hint = "install Covey with all it needs: make demo, or pip install ."
        return EnvironmentFault(Code.ENVIRONMENT_PACKAGE, f"the Python package {error.name} is missing", hint)
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"{context.command_path} --help" if context else "covey --help"
    return EnvironmentFault(Code.USAGE, error.format_message().rstrip("."), hint)
