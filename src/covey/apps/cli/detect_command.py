"""The commands `covey detect` and `covey features` and their help; options are those of apps/detect/options.py."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from covey.apps.cli.commands import DEBUG
from covey.apps.detect.options import DETECT, FEATURES, Option

Command = TypeVar("Command", bound=Callable[..., Any])


def _with_options(options: tuple[Option, ...]) -> Callable[[Command], Command]:
    """A decorator that adds all options, in their order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = _decorator(option)(command)
        return command

    return decorate


def _decorator(option: Option) -> Callable[[Command], Command]:
    if option.is_flag:
        return click.option(option.name, option.flag, is_flag=True, help=option.help)
    return click.option(
        option.name,
        option.flag,
        metavar=option.metavar,
        type=click.Choice(option.choices) if option.choices else option.kind,
        default=option.default,
        show_default=option.default is not None,
        multiple=option.is_multiple,
        help=option.help,
    )


@click.command(short_help="Watch a device's traffic and give alerts.")
@click.argument("model")
@click.argument("source")
@_with_options(DETECT)
@DEBUG
def detect(*, model: str, source: str, **values: Any) -> int:
    """Watch SOURCE with MODEL (a model.covey) and give alerts.

    SOURCE is a capture (pcap, pcapng), a log of connections (Zeek), a table of readings, an interface
    (eth0, or iface:eth0), or - for standard input. Which of them a model takes is part of the model.

    Ctrl-C or SIGTERM ends in order, with the summary and status 0; SIGHUP opens the file of alerts anew.
    Exit status 3: an alert was given, with --fail-on-alert. docs/detect.md says what all of it means.

    \b
    Examples:
      covey detect model.covey capture.pcap
      covey detect model.covey capture.pcap --calibrate yesterday.pcap --alerts alerts.json
      covey detect model.covey eth0 --store DIR --mode adapt --alerts syslog
      covey detect model.covey conn.log --follow --alerts -
      covey detect model.covey capture.pcap --truth truth.csv --session one --role camera --json
    """  # noqa: D301 (click reads the escape)
    from covey.apps.detect.request import Request  # noqa: PLC0415 (loads the core)
    from covey.apps.detect.runner import detect as run  # noqa: PLC0415

    return run(Request.of(model, source, values))


@click.command(short_help="Write the features of a capture, log or readings as CSV.")
@click.argument("source")
@_with_options(FEATURES)
@DEBUG
def features(*, source: str, **values: Any) -> None:
    """Write the features of SOURCE (a file, or - for standard input) as CSV: a row a packet, connection or window.

    For packets they are the 115 of N-BaIoT under its names; docs/SPEC.md has the formulas, and in what they
    differ from N-BaIoT's own.

    \b
    Examples:
      covey features capture.pcap --out rows.csv
      covey features capture.pcap --columns 'MI_dir_L1_*,HH_L1_magnitude'
      covey features readings.csv --window-s 60 --out rows.csv
      covey features capture.pcap --truth truth.csv --session one --role camera --out rows.csv
    """  # noqa: D301 (click reads the escape)
    from covey.apps.detect.feature_table import write_features  # noqa: PLC0415 (loads the core)

    write_features(source, values)
