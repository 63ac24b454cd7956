"""`covey label`: what an operator says of alerts, for the device's own training."""

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from covey.apps.printable import printable
from covey.errors import Code, EnvironmentFault
from covey.io.clock import now_ns as clock_ns
from covey.io.labels import AlertEntry, LabelBook, peer_bytes

NANOSECONDS = 1_000_000_000
_AGO = re.compile(r"([0-9]{1,9})([smhd])")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LAST_NS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Request:
    """What the command was asked for."""

    store: Path
    alerts: tuple[str, ...]
    label: str | None
    since: str | None
    until: str | None
    peer: str | None
    lists: bool
    all_alerts: bool
    undo: bool
    as_json: bool


def label_store(request: Request) -> None:
    """List alerts, answer them or a stretch of time, or take the last answer back."""
    spans = [request.since, request.until, request.peer]
    faults = (
        (request.undo and (request.label or request.alerts or any(spans) or request.lists), "--undo goes alone"),
        (request.label and request.lists, "list alerts or answer them, not both"),
        (request.label is None and request.alerts, "say what the alert was: --as benign, attack or a class"),
        (request.label is None and any(spans), "say what the rows were: --as benign, attack or a class"),
        (request.alerts and any(spans), "name alerts or a stretch of time, not both"),
        (request.label and not request.alerts and not any(spans), "say which alert, or --since, --until or --peer"),
    )
    for is_fault, text in faults:
        if is_fault:
            raise EnvironmentFault(Code.USAGE, text, "covey label --help")
    with LabelBook.open(request.store) as book:
        if request.undo:
            click.echo(f"taken back: {printable(book.undo())}")
        elif request.label is None:
            _show(book.alerts(waiting=not request.all_alerts), as_json=request.as_json)
        elif request.alerts:
            for alert in request.alerts:
                book.judge(alert, request.label, clock_ns())
                click.echo(f"{alert}: {request.label}")
        else:
            _judge_span(book, request, request.label)


def _judge_span(book: LabelBook, request: Request, label: str) -> None:
    now_ns = clock_ns()
    since_ns = time_ns("--since", request.since, now_ns, default=0)
    until_ns = time_ns("--until", request.until, now_ns, default=now_ns if request.since else _LAST_NS)
    if since_ns > until_ns:
        raise EnvironmentFault(Code.USAGE, "--since is after --until", "covey label --help")
    try:
        peer = peer_bytes(request.peer) if request.peer else None
    except ValueError as error:
        hint = "give one IPv4 or IPv6 address, such as 192.168.1.20"
        raise EnvironmentFault(Code.USAGE, f"--peer {request.peer!r} is no address", hint) from error
    n = book.judge_span(label, since_ns, until_ns, peer, now_ns)
    click.echo(f"{n} row{'s' if n != 1 else ''} of the store: {label}")


def time_ns(option: str, text: str | None, now_ns: int, *, default: int) -> int:
    """A time in nanoseconds since 1970 from ISO 8601 (UTC unless it says otherwise) or "90m" for so long ago."""
    if text is None:
        return default
    ago = _AGO.fullmatch(text)
    if ago:
        return now_ns - int(ago[1]) * _UNITS_S[ago[2]] * NANOSECONDS
    try:
        found = datetime.fromisoformat(text)
        moment = found if found.tzinfo else found.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1e6) * 1000
    except (ValueError, OverflowError) as error:
        hint = "give a time such as 2026-03-01T12:00:00Z, or 90m, 2h, 3d for so long ago"
        raise EnvironmentFault(Code.USAGE, f"{option} {text!r} is no time", hint) from error


def _show(alerts: list[AlertEntry], *, as_json: bool) -> None:
    """Alerts as lines for people, or as JSON."""
    if as_json:
        click.echo(json.dumps([asdict(alert) for alert in alerts], indent=2))
        return
    if not alerts:
        click.echo("no alert is waiting for a label")
    for alert in alerts:
        when = datetime.fromtimestamp(alert.start_ns / NANOSECONDS, UTC).isoformat(timespec="seconds")
        score = f"score {alert.score:.3g} over {alert.threshold:.3g}, {alert.rows} rows kept"
        said = f", {alert.label}" if alert.label else ""
        click.echo(printable(f"{alert.id}  {when}  {alert.kind}  {alert.text}  ({score}{said})"))
