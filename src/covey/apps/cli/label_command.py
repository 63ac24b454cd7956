"""The command `covey label` and its help."""

from pathlib import Path

import click

from covey.apps.cli.commands import DEBUG


@click.command(short_help="Say what alerts were, for a device's own training.")
@click.argument("store", type=click.Path(path_type=Path))
@click.argument("alert", nargs=-1)
@click.option("label_name", "--as", metavar="LABEL", help="The answer: benign, attack, or a class of the model.")
@click.option("--list", "listing", is_flag=True, help="List alerts that wait for an answer. The default.")
@click.option("--all", "all_alerts", is_flag=True, help="List alerts that have been answered too.")
@click.option(
    "--since",
    metavar="TIME",
    help="Answer for all rows from this time on: 2026-03-01T12:00:00Z, or 90m, 2h, 3d for so long ago.",
)
@click.option("--until", metavar="TIME", help="Up to this time. Default: now, with --since.")
@click.option("--peer", metavar="ADDRESS", help="Only rows of packets from or to this address.")
@click.option("--undo", is_flag=True, help="Take the latest answer back; again for the one before it.")
@click.option("as_json", "--json", is_flag=True, help="List as JSON.")
@DEBUG
def label(
    *,
    store: Path,
    alert: tuple[str, ...],
    label_name: str | None,
    listing: bool,
    all_alerts: bool,
    since: str | None,
    until: str | None,
    peer: str | None,
    undo: bool,
    as_json: bool,
) -> None:
    """List the alerts in a device's local STORE, or say what they were.

    Answers stay on the device, like the rows that they are about: only its own training uses them.

    \b
    Examples:
      covey label DIR
      covey label DIR ALERT --as benign
      covey label DIR --since 2026-03-01T12:00:00Z --until 2026-03-02T12:00:00Z --as benign
      covey label DIR --since 2h --peer 192.168.1.20 --as attack
      covey label DIR --undo
    """  # noqa: D301 (click reads the escape)
    from covey.apps.cli.label import Request, label_store  # noqa: PLC0415

    label_store(
        Request(
            store=store,
            alerts=alert,
            label=label_name,
            since=since,
            until=until,
            peer=peer,
            lists=listing or all_alerts or as_json,
            all_alerts=all_alerts,
            undo=undo,
            as_json=as_json,
        )
    )
