"""The recorder on this machine: it builds its network, records, and leaves nothing behind, whatever happens."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LAB = Path(__file__).resolve().parents[2] / "lab"
RECORD = [sys.executable, str(LAB / "record.py")]
PROGRAMS = ("ip", "tcpdump", "hping3", "nmap", "mosquitto", "ffmpeg", "ncrack", "snmpd", "dnsmasq", "slowhttptest")


def why_not():
    if os.geteuid() != 0:
        return "network namespaces need root"
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    if missing:
        return f"the lab's programs are not there: {', '.join(missing)} (python lab/record.py --install)"
    tried = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "this machine allows no network namespaces"


CANNOT = why_not()
needs_root = pytest.mark.skipif(bool(CANNOT), reason=CANNOT or "never")


def left_behind(session):
    prefix = f"covey-{session}-"
    spaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    return [line for line in spaces.splitlines() if line.startswith(prefix)] + [
        str(path) for path in [*Path("/etc/netns").glob(f"{prefix}*"), *Path("/tmp").glob(f"covey-lab-{session}*")]
    ]


def command(session, folder, duration_s):
    places = ["--raw", str(folder / "raw"), "--out", str(folder / "captures")]
    return [*RECORD, "--session", session, "--number", "200", "--seed", "5", "--duration", str(duration_s), *places]


def test_the_plan_is_the_same_for_the_same_seed_and_needs_no_root():
    plans = [subprocess.run([*RECORD, "--plan"], capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert plans[0] == plans[1]
    assert plans[0].count("reboots") == 66


def test_a_new_session_without_a_seed_is_refused_with_a_hint():
    done = subprocess.run([*RECORD, "--session", "nameless", "--plan"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "hint: give --seed" in done.stderr


@needs_root
def test_ten_seconds_of_recording_hold_packets_of_every_role_and_leave_nothing_behind(tmp_path):
    done = subprocess.run(
        command("mini", tmp_path, 14), capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "captures" / "mini").glob("*.pcap.gz")}
    assert len(sizes) == 11
    assert min(sizes.values()) > 200
    assert (tmp_path / "truth.csv").read_text().startswith("session,role,attack,")
    assert left_behind("mini") == []


@needs_root
def test_an_interrupted_recording_leaves_nothing_behind(tmp_path):
    running = subprocess.Popen(command("cut", tmp_path, 60), stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    end = time.monotonic() + 60
    while not (tmp_path / "raw" / "cut" / "hub.pcap").exists() and time.monotonic() < end:
        time.sleep(0.2)
    assert left_behind("cut") != []
    running.send_signal(signal.SIGTERM)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert left_behind("cut") == []
