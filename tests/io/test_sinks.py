"""Alerts reach their place, or are counted as lost; detection is never held up."""

import os
import re
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from covey.errors import DetectionError
from covey.io.sinks import AlertFile, StandardOutput, SystemLog, open_sink

LINE = b'{"event_type":"alert"}\n'


def test_lines_are_appended_whole_and_a_moved_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "alerts.json"
    path.write_bytes(b"before\n")
    sink = open_sink(str(path))
    assert isinstance(sink, AlertFile)
    sink.write(LINE, severity=4)
    moved = path.rename(tmp_path / "alerts.json.1")
    sink.write(LINE, severity=4)
    path.unlink()
    sink.write(LINE, severity=4)
    sink.reopen()
    sink.write(LINE, severity=4)
    sink.close()
    assert moved.read_bytes() == b"before\n" + LINE
    assert path.read_bytes() == LINE + LINE
    assert (sink.lost, sink.fault) == (0, None)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_pipe_that_nobody_reads_is_refused_and_one_that_is_full_loses_lines(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(DetectionError):
        AlertFile(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sink = AlertFile(path)
    for _ in range(10_000):
        sink.write(LINE, severity=4)
    os.close(reader)
    sink.close()
    assert sink.lost > 0
    assert sink.fault is not None


def test_a_full_disk_loses_lines_counts_them_and_says_why() -> None:
    sink = open_sink("/dev/full")
    for _ in range(3):
        sink.write(LINE, severity=4)
    assert sink.lost == 3
    assert sink.fault is not None
    assert "No space left on device" in sink.fault


def test_a_line_that_was_torn_by_a_full_disk_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "alerts.json"
    child = os.fork()
    if child == 0:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        sink = AlertFile(path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (30, 100_000))
        sink.write(LINE, severity=4)
        sink.write(LINE, severity=4)  # 7 bytes of it fit
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        sink.write(LINE, severity=4)
        os._exit(0 if (sink.lost, sink.fault) == (1, None) else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert path.read_bytes() == LINE + LINE[:7] + b"\n" + LINE


def test_a_folder_that_vanishes_and_comes_back_is_used_again(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    sink = AlertFile(folder / "alerts.json")
    sink.write(LINE, severity=4)
    (folder / "alerts.json").unlink()
    folder.rmdir()
    sink.write(LINE, severity=4)
    assert sink.lost == 1
    folder.mkdir()
    sink.write(LINE, severity=4)
    assert (sink.lost, sink.fault) == (1, None)
    assert (folder / "alerts.json").read_bytes() == LINE


@pytest.mark.parametrize("where", ["/nowhere/alerts.json", "/", "syslog:", "syslog::x", "syslog:host:99999"])
def test_what_cannot_be_opened_is_refused_at_the_beginning(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("covey.io.sinks.LOCAL_LOG", "/nowhere/log")
    with pytest.raises(DetectionError) as caught:
        open_sink(where)
    assert caught.value.code == "A106"


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
def test_a_server_gets_messages_of_rfc_5424(family: socket.AddressFamily) -> None:
    host = "127.0.0.1" if family is socket.AF_INET else "::1"
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        try:
            server.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        server.settimeout(5)
        name = host if family is socket.AF_INET else f"[{host}]"
        sink = open_sink(f"syslog:{name}:{server.getsockname()[1]}")
        sink.write(LINE, severity=2)
        message = server.recv(65536)
        sink.close()
    pattern = rb"<26>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ covey \d+ eve - (.*)"
    found = re.fullmatch(pattern, message, re.DOTALL)
    assert found, message
    assert found[1] + b"\n" == LINE


def test_a_server_that_is_gone_costs_messages_and_no_more() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    sink = open_sink(f"syslog:127.0.0.1:{port}")
    for _ in range(5):
        sink.write(LINE, severity=4)
    sink.close()


def test_the_local_log_gets_the_local_form_and_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "log"
    monkeypatch.setattr("covey.io.sinks.LOCAL_LOG", str(place))
    first = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    first.settimeout(5)
    first.bind(str(place))
    sink = open_sink("syslog")
    assert isinstance(sink, SystemLog)
    sink.write(LINE, severity=4)
    message = first.recv(65536)
    assert re.fullmatch(rb"<28>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d covey\[\d+\]: " + re.escape(LINE[:-1]), message)
    first.close()
    place.unlink()
    sink.write(LINE, severity=4)
    assert sink.lost == 1
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as second:
        second.settimeout(5)
        second.bind(str(place))
        sink.write(LINE, severity=4)
        assert second.recv(65536).endswith(LINE[:-1])
    sink.close()
    assert (sink.lost, sink.fault) == (1, None)


def test_a_reader_of_standard_output_that_leaves_is_counted_and_leaves_no_traceback() -> None:
    code = (
        "import sys, time\n"
        "from covey.io.sinks import StandardOutput\n"
        "sink = StandardOutput()\n"
        f"for _ in range(200): sink.write({LINE!r} * 100, severity=4)\n"
        "sink.close()\n"
        "sys.stderr.write(str(sink.lost > 0 and 'Broken pipe' in sink.fault))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b"True"
    assert process.wait() == 0
    process.stderr.close()
    assert StandardOutput().fault is None
