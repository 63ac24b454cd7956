"""Record the lab's captures: `python lab/record.py --all`, or one session; `--plan` only prints what would happen."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import topology
import truth
from session import SessionPlan, prepare, record

from errors import LabError

HERE = Path(__file__).resolve().parent
SESSIONS = (
    SessionPlan("train-1", "train", 0, 11, 2100),
    SessionPlan("train-2", "train", 1, 23, 2100),
    SessionPlan("train-3", "train", 2, 37, 2100),
    SessionPlan("train-4", "train", 3, 41, 2100),
    SessionPlan("test-1", "test", 4, 101, 2100),
    SessionPlan("test-2", "test", 5, 211, 2100),
)
TOOLS = (
    "avahi-daemon",
    "busybox",
    "chronyd",
    "coap-client-notls",
    "curl",
    "dig",
    "dnsmasq",
    "ethtool",
    "ffmpeg",
    "hping3",
    "hydra",
    "mbpoll",
    "mosquitto",
    "mosquitto_pub",
    "ncat",
    "ncrack",
    "nginx",
    "nmap",
    "rsync",
    "scp",
    "slowhttptest",
    "snmpd",
    "snmpget",
    "socat",
    "sshd",
    "tcpdump",
    "telnet",
    "telnetd",
    "upnpc",
)


def main() -> int:
    """Read the command line, do it, and return an exit status."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _do(asked)
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; nothing was left running", file=sys.stderr)
        return 130
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--all", action="store_true", help="record all sessions side by side, then cut them and write the tables"
    )
    parser.add_argument("--session", help="record this one (a new name needs --seed and --split)")
    parser.add_argument("--split", choices=("train", "test"), default="train")
    parser.add_argument(
        "--number", type=int, help="0..200: the session's network 10.(20 + number).0.0/24 and its turn of kinds"
    )
    parser.add_argument("--seed", type=int)
    parser.add_argument("--duration", type=float, help="seconds (default 2100)")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on warm-up and distances, for trials")
    parser.add_argument(
        "--out", type=Path, default=HERE / "captures", help="where cut captures go (default lab/captures)"
    )
    parser.add_argument("--raw", type=Path, default=Path("/tmp/covey-lab-raw"), help="where uncut captures and logs go")
    parser.add_argument("--plan", action="store_true", help="print the schedule and stop")
    parser.add_argument("--raw-only", action="store_true", help="leave cutting and tables to a later --finish")
    parser.add_argument("--finish", action="store_true", help="cut what is in --raw and write the tables")
    parser.add_argument("--install", action="store_true", help="install the Debian packages of packages.txt")
    return parser.parse_args()


def _do(asked: argparse.Namespace) -> None:
    if asked.install:
        _install()
        return
    plans = [_resize(plan, asked) for plan in SESSIONS] if asked.all or not asked.session else [_single(asked)]
    if asked.plan:
        for plan in plans:
            _print_plan(plan, asked.raw)
        return
    if not asked.finish:
        if not (asked.all or asked.session):
            raise LabError("nothing to record", "say --all, --session NAME or --plan")
        _check_machine()
        if asked.all:
            _record_all(plans, asked)
        else:
            record(plans[0], asked.raw / plans[0].name)
    if not asked.raw_only:
        _finish(plans, asked.raw, asked.out)


def _single(asked: argparse.Namespace) -> SessionPlan:
    known = {plan.name: plan for plan in SESSIONS}
    plan = known.get(asked.session)
    if plan is None:
        if asked.seed is None or asked.number is None:
            raise LabError(
                f"no session {asked.session} in the table", "give --seed, --number and --split with a new name"
            )
        plan = SessionPlan(asked.session, asked.split, asked.number, asked.seed, 2100)
    return _resize(plan, asked)


def _resize(plan: SessionPlan, asked: argparse.Namespace) -> SessionPlan:
    seed = plan.seed if asked.seed is None else asked.seed
    return SessionPlan(plan.name, plan.split, plan.number, seed, asked.duration or plan.duration_s, asked.scale)


def _print_plan(plan: SessionPlan, raw: Path) -> None:
    recording = prepare(plan, raw / plan.name)
    print(f"{plan.name} ({plan.split}), seed {plan.seed}, {plan.duration_s:g} s, {recording.network.lan}.0/24")
    for slot in recording.schedule.slots:
        attack = slot.attack
        print(
            f"  {slot.start_s:8.1f} s  {attack.role:18} {attack.direction:8} {attack.kind:18} {attack.peer:16} "
            f"{attack.command[:70]}"
        )
    for start_s, role in recording.schedule.reboots:
        print(f"  {start_s:8.1f} s  {role:18} reboots")


def _check_machine() -> None:
    if os.geteuid() != 0:
        raise LabError("network namespaces need root", "run it with sudo")
    if not shutil.which("ip"):
        raise LabError("`ip` is not there", "python lab/record.py --install")
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    os.environ["PATH"] = path
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        raise LabError(
            f"programs that are not there: {', '.join(missing)}", "python lab/record.py --install (Debian 12)"
        )


def _install() -> None:
    if os.geteuid() != 0:
        raise LabError("installing packages needs root", "run it with sudo")
    packages = (HERE / "packages.txt").read_text().split()
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    subprocess.run(command, check=True, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"})


def _record_all(plans: list[SessionPlan], asked: argparse.Namespace) -> None:
    """Record all sessions at once, each in a process of its own, so that one's end is not the others'."""
    children = []
    try:
        for plan in plans:
            settings = ["--session", plan.name, "--seed", str(plan.seed), "--duration", str(plan.duration_s)]
            places = ["--raw", str(asked.raw), "--scale", str(plan.scale), "--raw-only"]
            children.append(subprocess.Popen([sys.executable, __file__, *settings, *places]))
            time.sleep(7)
        end = time.monotonic() + max(plan.duration_s for plan in plans) + 300
        failed = [child.pid for child in children if child.wait(max(1.0, end - time.monotonic()))]
    except BaseException:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(60)
        raise
    if failed:
        raise LabError(f"{len(failed)} sessions failed", f"look into {asked.raw}/*/logs")


def _finish(plans: list[SessionPlan], raw: Path, out: Path) -> None:
    rows, sessions = [], []
    for plan in plans:
        network = topology.lay_out(plan.name, plan.number, plan.seed)
        macs = {name: host.mac for name, host in network.hosts.items()}
        packets = truth.cut(plan.name, raw / plan.name, out, macs)
        addresses = {name: host.ipv4 for name, host in network.hosts.items()}
        found, wrong = truth.derive(plan.name, raw / plan.name, out / plan.name, addresses)
        rows += found
        facts = json.loads((raw / plan.name / "session.json").read_text())
        began = datetime.fromtimestamp(facts["start_ns"] / 1e9, UTC).isoformat(timespec="seconds")
        lasted_s = round((facts["end_ns"] - facts["start_ns"]) / 1e9)
        sessions.append(truth.Session(plan.name, plan.split, plan.seed, began, lasted_s))
        print(f"{plan.name}: {sum(packets.values()):,} packets, {len(found)} attack windows")
        for line in wrong:
            print(f"  {line}")
    truth.write_table(out.parent / "truth.csv", rows, truth.Row)
    truth.write_table(out.parent / "sessions.csv", sessions, truth.Session)
    truth.write_checksums(out)


if __name__ == "__main__":
    sys.exit(main())
