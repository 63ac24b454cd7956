"""The examples of docs/sources.md are read as it says, and its lists are those of the code."""

import re

from sources import ROOT, take_bytes

from covey.sensing import CONNECTION_FEATURES
from covey.sensing.incoming import Incoming
from covey.sensing.packet_csv import COLUMNS
from covey.sensing.packets_of import PROTOCOLS
from covey.sensing.readings import TIMES
from covey.sensing.statistics import Statistic
from covey.sensing.truth import _table
from covey.wire import SourceKind

PAGE = (ROOT / "docs" / "sources.md").read_text()
EXAMPLES = [block.encode() for block in re.findall(r"^```(?:csv|text)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)]


def test_every_example_is_read() -> None:
    packets, connections, readings, truth = EXAMPLES
    for example, kind, n in (
        (packets, SourceKind.PACKETS, 2),
        (connections, SourceKind.CONNECTIONS, 1),
        (readings, SourceKind.READINGS, 1),
    ):
        taken = take_bytes(example)
        assert (taken.error, taken.source.kind, len(taken.rows)) == (None, kind, n)
    assert _table(Incoming([truth], "given")).kinds == ("syn-scan", "udp-flood")


def test_every_name_of_the_code_stands_in_the_page() -> None:
    others = {name for names in COLUMNS.values() for name in names}
    plain = {name.removeprefix("conn_") for name in CONNECTION_FEATURES}
    plain = {re.sub(r"_10+s$", "_", name) if not name.startswith("source_1") else name for name in plain}
    for name in {*COLUMNS, *others, *PROTOCOLS, *TIMES, *map(str, Statistic), *plain} - {"icmp6"}:
        assert name in PAGE, f"docs/sources.md does not name {name}"
    assert f"| {len(CONNECTION_FEATURES)}, named" in PAGE
