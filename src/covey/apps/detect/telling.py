"""What a person sees while it detects, and where events go."""

import errno
import sys
from collections.abc import Mapping

from covey.apps.detect.request import Request
from covey.apps.printable import printable
from covey.core import Packet
from covey.io.files import standard_output_error
from covey.io.sinks import Sink, open_sink
from covey.watching import Suspicion, WindowRecord, alerts
from covey.watching.alerts import Json

#: Of syslog: critical, warning, notice and informational.
CRITICAL, WARNING, NOTICE, INFORMATIONAL = 2, 4, 5, 6


class Telling:
    """Lines for people, and events for programs."""

    def __init__(self, request: Request) -> None:
        """Open where alerts go; DetectionError (A106) if that cannot be."""
        self._request = request
        self.sink: Sink | None = open_sink(request.alerts) if request.alerts else None
        self.events = 0
        self._told_fault: str | None = None

    def event(self, event: Mapping[str, Json], severity: int) -> None:
        """Hand out an event; trouble with its delivery is said once, when it begins."""
        if self.sink is None:
            return
        self.events += 1
        self.sink.write(alerts.line(event), severity=severity)
        if self.sink.fault is not None and self.sink.fault != self._told_fault:
            self.warn(f"{self.sink.fault}; such events are counted and lost, detection goes on")
        self._told_fault = self.sink.fault

    def say(self, text: str) -> None:
        """A line of what goes on, on standard output unless that is taken."""
        if not self._request.quiet and not self._request.as_json:
            _write(printable(text), to_stderr=self._request.alerts == "-")

    def result(self, text: str) -> None:
        """The summary: the one thing on standard output with --json; OutputError where it cannot be written there."""
        if self._request.as_json:
            failure = _write(text, to_stderr=False)
            if failure is not None and failure.errno != errno.EPIPE:
                raise standard_output_error(failure)
        else:
            for line in text.split("\n"):
                self.say(line)

    def warn(self, text: str) -> None:
        """What must be known though it goes on."""
        _write(printable(f"warning: {text}"), to_stderr=True)

    def close(self) -> None:
        """Nothing more comes."""
        if self.sink is not None:
            self.sink.close()


def sentence(record: WindowRecord, suspicion: Suspicion) -> str:
    """An alert for people, on one line."""
    window = record.window
    score = f"score {window.score:.3g} over {window.threshold:.3g}"
    return f"ALERT {alerts.timestamp(window.start_ns)} {description(record, suspicion)} ({score})"


def description(record: WindowRecord, suspicion: Suspicion) -> str:
    """What was found, and between which ends."""
    packet = Packet.unpack(record.window.top)
    ends = [
        f"{address}:{port}" if port else address
        for address, port in ((packet.source, packet.source_port), (packet.destination, packet.destination_port))
        if address
    ]
    what = f"traffic like {suspicion.kind}" if suspicion.kind is not None else "unusual traffic"
    return f"{what} {' -> '.join(ends)}" if ends else what


def _write(text: str, *, to_stderr: bool) -> OSError | None:
    """A line, if somebody reads; what went wrong is no reason to stop watching."""
    stream = sys.stderr if to_stderr else sys.stdout
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except OSError as error:
        return error
    except ValueError:  # closed
        return None
    return None
