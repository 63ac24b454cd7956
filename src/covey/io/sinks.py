"""Where events go, a line each: a file, standard output, or a system's log.

Opened, a sink never raises: what cannot be delivered is counted as lost, `fault` says why, and detection goes on. A
file is appended to with one write for a line, so that several writers do not mix; it is opened anew when somebody has
moved it away (rotation) or asks for it (SIGHUP).
"""

import errno
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from covey.errors import Code, DetectionError
from covey.io.clock import now_ns
from covey.watching.alerts import timestamp

SYSLOG_PORT = 514
LOCAL_LOG = "/dev/log"
FACILITY_DAEMON = 3
PROGRAM = "covey"
FILE_MODE = 0o640


class Sink(Protocol):
    """Takes lines."""

    lost: int  # lines that could not be delivered
    fault: str | None  # why the last one could not; None where it was delivered

    def write(self, line: bytes, *, severity: int) -> None:
        """Deliver one line, which ends with a line feed. severity: as in syslog, 0 to 7, 7 the least."""

    def reopen(self) -> None:
        """Open anew what can be."""

    def close(self) -> None:
        """Nothing more comes."""


def open_sink(where: str) -> Sink:
    """`-`, `syslog`, `syslog:HOST:PORT` or a file; DetectionError (A106) if it cannot be opened."""
    if where == "-":
        return StandardOutput()
    if where == "syslog" or where.startswith("syslog:"):
        return SystemLog(where.partition(":")[2])
    return AlertFile(Path(where))


class AlertFile:
    """A file of lines."""

    def __init__(self, path: Path) -> None:
        """Open it for appending, make it if it is not there; its folder must be."""
        self.path = path
        self.lost = 0
        self.fault: str | None = None
        self._is_torn = False  # its last line lacks its end, as the disk was full
        try:
            self._handle = self._open()
        except OSError as error:
            raise _not_opened(str(path), error) from error

    def write(self, line: bytes, *, severity: int) -> None:  # noqa: ARG002 (a file has one place for all)
        """Append one line."""
        try:
            if self._handle < 0 or self._has_moved():
                self.reopen()
            if self._handle < 0:
                raise OSError(errno.EBADF, self.fault or "not open")  # noqa: TRY301 (counted with the other losses)
            whole = b"\n" + line if self._is_torn else line
            written = os.write(self._handle, whole)
            self._is_torn = written < len(whole) and (written > 0 or self._is_torn)
            if written < len(whole):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301
            self.fault = None
        except OSError as error:
            self.lost += 1
            self.fault = f"{self.path} cannot be written: {error.strerror}"

    def reopen(self) -> None:
        """Close it and open what has its name now."""
        self.close()
        try:
            self._handle = self._open()
            self._is_torn = False
        except OSError as error:
            self.fault = error.strerror

    def close(self) -> None:
        """Close it."""
        if self._handle >= 0:
            with suppress(OSError):
                os.close(self._handle)
            self._handle = -1

    def _open(self) -> int:
        # O_NONBLOCK: a named pipe that nobody reads is an error or a loss, and does not hold up detection.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        return os.open(self.path, flags, FILE_MODE)

    def _has_moved(self) -> bool:
        try:
            named = self.path.stat()
        except FileNotFoundError:
            return True
        own = os.fstat(self._handle)
        return (named.st_dev, named.st_ino) != (own.st_dev, own.st_ino)


class StandardOutput:
    """Lines on standard output, each at once."""

    def __init__(self) -> None:
        """Nothing to open."""
        self.lost = 0
        self.fault: str | None = None

    def write(self, line: bytes, *, severity: int) -> None:  # noqa: ARG002
        """Write one line."""
        try:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
            self.fault = None
        except (OSError, ValueError) as error:  # ValueError: closed
            self.lost += 1
            self.fault = f"standard output cannot be written: {getattr(error, 'strerror', None) or error}"

    def reopen(self) -> None:
        """There is only one."""

    def close(self) -> None:
        """It is not ours to close; what waits in it for a reader that is gone must not be tried again at exit."""
        if self.fault is not None:
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class SystemLog:
    """Messages of RFC 5424 by UDP, or in the older local form to this machine's own log."""

    def __init__(self, address: str) -> None:
        """`HOST`, `HOST:PORT`, `[IPv6]:PORT`, or nothing for the local log."""
        self.lost = 0
        self.fault: str | None = None
        self._address = address
        self._host = socket.gethostname() or "-"
        try:
            self._socket = self._connected()
        except (OSError, ValueError) as error:
            raise _not_opened(f"syslog:{address}" if address else LOCAL_LOG, error) from error

    def write(self, line: bytes, *, severity: int) -> None:
        """Send one message. By UDP nobody says whether it arrives."""
        message = self._head(severity) + line.rstrip(b"\n")
        try:
            try:
                self._socket.send(message)
            except OSError:  # of an earlier message, or the local log was started anew
                self.reopen()
                self._socket.send(message)
            self.fault = None
        except OSError as error:
            self.lost += 1
            self.fault = f"the log cannot be reached: {error.strerror or error}"

    def reopen(self) -> None:
        """Look the server up again, or find the local log again."""
        try:
            fresh = self._connected()
        except (OSError, ValueError) as error:
            self.fault = str(error)
            return
        self.close()
        self._socket = fresh

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _connected(self) -> socket.socket:
        """A socket that never waits: a log that is stuck must not hold up detection."""
        family: socket.AddressFamily = socket.AF_UNIX
        place: str | tuple[Any, ...] = LOCAL_LOG
        if self._address:
            host, port = _host_and_port(self._address)
            family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        opened = socket.socket(family, socket.SOCK_DGRAM)
        opened.setblocking(False)
        try:
            opened.connect(place)
        except OSError:
            opened.close()
            raise
        return opened

    def _head(self, severity: int) -> bytes:
        priority, time = FACILITY_DAEMON * 8 + severity, timestamp(now_ns())
        if self._address:
            return f"<{priority}>1 {time[:-5]}Z {self._host} {PROGRAM} {os.getpid()} eve - ".encode()
        months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
        day = f"{months[int(time[5:7]) - 1]} {int(time[8:10]):2} {time[11:19]}"
        return f"<{priority}>{day} {PROGRAM}[{os.getpid()}]: ".encode()


def _host_and_port(address: str) -> tuple[str, int]:
    """ValueError for an address without a host, or with a port that is none."""
    host, _, port = address.rpartition(":") if not address.endswith("]") else (address, "", "")
    if not host or (":" in host and not host.startswith("[")):  # no port, or a bare IPv6 address
        host, port = address, ""
    number = int(port) if port else SYSLOG_PORT
    if not host.strip("[]") or not 0 < number < 1 << 16:
        raise ValueError(f"{address!r} is no HOST:PORT")
    return host.strip("[]"), number


def _not_opened(what: str, error: OSError | ValueError) -> DetectionError:
    cause = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    return DetectionError(Code.ALERT_SINK, f"alerts cannot go to {what}: {cause}", None, what)
