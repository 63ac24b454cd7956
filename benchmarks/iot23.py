"""A detector on a real trojan: IoT-23's capture 42-1, by models that never saw it.

    iot23.py [--out FILE] MODEL...     recall and precision of conversations and windows, as Markdown

In the capture (8.4 hours, its last record cut off) a device downloads a trojan and talks to its master for two hours.
The labels (Zeek's conn.log) call six downloads malicious, all within the first minute, and all else benign. So there is
no benign part before the attack. Thresholds come from the model's file, and once more from the last four hours, which
hold no attack by the labels: what the owner of a device would call normal, though it is later in time. What is judged
is the rest, the first 4.4 hours.

By the labels 1,947 connections to 185.244.25.183:4975 are benign: an address without a name, no answer in half of the
cases, a try every few seconds, over after two hours. Whoever takes them for calls to the trojan's master comes to other
figures; so both are told: by the labels, and with these connections as attacks.

The warm-up that models bring is left out: the downloads lie in it.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CAPTURE = "CTU-IoT-Malware-Capture-42-1.pcap"
LABELS = "42-1.conn.log.labeled.gz"
MASTER, MASTER_PORT = "185.244.25.183", "4975"
JUDGED_S = 4.4 * 3600
FRAME_HEAD = 16  # bytes of a classic pcap record before its frame
FILE_HEAD = 24


def data_folder() -> Path:
    """Where the capture is."""
    root = Path(os.environ.get("COVEY_DATA", Path(__file__).resolve().parents[1] / ".." / "shared" / "data"))
    return root / "pcaps" / "iot23"


def parted(capture: bytes) -> tuple[bytes, bytes]:
    """The capture before and behind JUDGED_S from its first packet; what is cut off at its end is left out."""
    head, at = capture[:FILE_HEAD], FILE_HEAD
    order = "little" if head[:4] == b"\xd4\xc3\xb2\xa1" else "big"
    begin_s, cut = None, None
    while at + FRAME_HEAD <= len(capture):
        seconds = int.from_bytes(capture[at : at + 4], order)
        size = int.from_bytes(capture[at + 8 : at + 12], order)
        if at + FRAME_HEAD + size > len(capture):
            break
        begin_s = seconds if begin_s is None else begin_s
        cut = at if cut is None and seconds - begin_s > JUDGED_S else cut
        at += FRAME_HEAD + size
    return capture[: cut or at], head + capture[cut or at : at]


def with_master(log: bytes) -> bytes:
    """The labels, with connections to the master called malicious."""
    lines = []
    for line in log.decode().split("\n"):
        fields = line.split("\t")
        if fields[4:6] == [MASTER, MASTER_PORT]:
            fields[-1] = fields[-1].replace("Benign   -", "Malicious   C&C")
        lines.append("\t".join(fields))
    return "\n".join(lines).encode()


def detect(model: Path, capture: Path, truth: Path, *options: str) -> dict[str, Any]:
    """One run of `covey detect`, as anybody would run it."""
    words = [sys.executable, "-m", "covey.apps.detect", str(model), str(capture), "--truth", str(truth), "--json"]
    words += ["--warm-up-s", "0"]
    done = subprocess.run([*words, *options], capture_output=True, text=True, check=True)
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def row(name: str, labels: str, threshold: str, summary: dict[str, Any]) -> str:
    """One line of the table."""
    truth = summary["truth"]
    flows = truth["flows"]
    cells = [
        name,
        labels,
        f"{threshold}: {summary['threshold']['value']:.2f}",
        f"{flows['attack_flagged']:,} of {flows['attack']:,}",
        share(flows["recall"]),
        share(flows["precision"]),
        f"{truth['attack_above']:,} of {truth['attack_windows']:,}",
        f"{truth['benign_above'] / truth['benign_hours']:.1f}",
        f"{truth['false_alarms_per_hour']:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL")
    parser.add_argument("--out", type=Path, help="file for the table, beside standard output")
    asked = parser.parse_args()
    head = ("model", "attacks", "threshold", "conversations flagged", "recall", "precision")
    head += ("attack windows above", "benign windows above, an hour", "false alarms an hour")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        judged, rest = parted((data_folder() / CAPTURE).read_bytes())
        (folder / "judged.pcap").write_bytes(judged)
        (folder / "rest.pcap").write_bytes(rest)
        log = gzip.decompress((data_folder() / LABELS).read_bytes())
        (folder / "labels.log").write_bytes(log)
        (folder / "master.log").write_bytes(with_master(log))
        for model in asked.models:
            for truth, labels in (("labels.log", "as labelled"), ("master.log", "and calls to the master")):
                for where, options in (("the fleet's", ()), ("its own", ("--calibrate", str(folder / "rest.pcap")))):
                    summary = detect(model, folder / "judged.pcap", folder / truth, *options)
                    lines.append(row(model.parent.name, labels, where, summary))
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
