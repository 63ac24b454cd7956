"""The options of `covey detect` and `covey features`, in one list for both command lines: click's and argparse's."""

from dataclasses import dataclass
from typing import Any, TypeAlias

MODES = ("inference", "adapt", "federated")  # watching.Mode, without loading the core for --help


@dataclass(frozen=True, slots=True)
class Option:
    """One option. kind: what its text is made into; `choices` and `is_flag` say more. A flag is false unless given."""

    flag: str
    help: str
    metavar: str | None = None
    kind: type[str] | type[int] | type[float] = str
    choices: tuple[str, ...] = ()
    default: str | int | float | None = None
    is_flag: bool = False
    is_multiple: bool = False

    @property
    def name(self) -> str:
        """As a Python name: the key of its value."""
        return {"--json": "as_json"}.get(self.flag, self.flag.lstrip("-").replace("-", "_"))


DETECT: tuple[Option, ...] = (
    Option("--follow", "Go on with what is appended to SOURCE, a growing capture or log.", is_flag=True),
    Option(
        "--mode",
        "inference: model and threshold stay; adapt: threshold and scaling follow the device's own benign traffic;"
        " federated: as inference, and take part in training.",
        choices=MODES,
        default="inference",
    ),
    Option(
        "--calibrate",
        "Capture or log of benign traffic of this device, to set the threshold from; may be given several times.",
        metavar="FILE",
        is_multiple=True,
    ),
    Option("--truth", "What is an attack in SOURCE: a table as of the lab, or a labelled conn.log.", metavar="FILE"),
    Option("--session", "With --truth: the session of the table that was recorded here.", metavar="NAME"),
    Option("--role", "With --truth: the device of the table that recorded this.", metavar="NAME"),
    Option("--device", "Only packets from or to this address; needed at a gateway.", metavar="MAC|IP"),
    Option(
        "--alerts",
        "Where events go as lines of JSON: a file (appended to), - for standard output, syslog, or syslog:HOST:PORT.",
        metavar="FILE|-|syslog",
    ),
    Option(
        "--warm-up-s",
        "Seconds of traffic after each start in which features settle and nothing is judged. Default: the model's.",
        metavar="S",
        kind=float,
    ),
    Option("--alarms-per-hour", "The budget of false alarms. Default: the model's.", metavar="X", kind=float),
    Option("--threshold", "Use this threshold instead of the model's.", metavar="X", kind=float),
    Option("--window-s", "Seconds of a window; 0: each row is one. Default: the model's.", metavar="S", kind=float),
    Option("--order", "A window's score is its n-th highest. Default: the model's.", metavar="N", kind=int),
    Option("--votes", "Windows above the threshold that raise an alarm. Default: the model's.", metavar="N", kind=int),
    Option("--of", "Windows in which so many votes count. Default: the model's.", metavar="N", kind=int),
    Option("--hysteresis", "How far below the threshold an alarm ends. Default: the model's.", metavar="X", kind=float),
    Option(
        "--quiet-s", "Seconds in which a new alarm is not told again. Default: the model's.", metavar="S", kind=float
    ),
    Option(
        "--learn-windows",
        "Windows from which a threshold is learnt where there is none; no alerts before.",
        metavar="N",
        kind=int,
        default=360,
    ),
    Option("--streams", "Streams of each kind that are remembered.", metavar="N", kind=int, default=1024),
    Option(
        "--store",
        "Folder for what this device learns and keeps: threshold, reference, rows for training.",
        metavar="DIR",
    ),
    Option("--store-mb", "Megabytes that --store may take for rows. Default: 32 MiB.", metavar="MB", kind=float),
    Option("--store-days", "Days after which --store forgets a row. Default: 30.", metavar="DAYS", kind=float),
    Option("--spool", "Folder by which tasks and updates travel; for --mode federated.", metavar="DIR"),
    Option(
        "--stats-s",
        "Seconds between events of counters, while following or live.",
        metavar="S",
        kind=float,
        default=60.0,
    ),
    Option("--fail-on-alert", "Exit with status 3 if an alert was given.", is_flag=True),
    Option("--json", "Print the summary as JSON, and nothing else, on standard output.", is_flag=True),
    Option("--quiet", "Print only warnings and errors.", is_flag=True),
)

FEATURES: tuple[Option, ...] = (
    Option("--out", "File to write. Default: standard output.", metavar="FILE"),
    Option(
        "--columns",
        "Features to write, as names or patterns such as HH_*, with commas between. Default: all.",
        metavar="LIST",
    ),
    Option("--window-s", "Readings: seconds of a window, on a grid.", metavar="S", kind=float),
    Option("--window-rows", "Readings: lines of a window; 10 if neither is given.", metavar="N", kind=int),
    Option("--device", "Only packets from or to this address.", metavar="MAC|IP"),
    Option("--truth", "Add a column `label` (0 or 1) and a column `attack` from this truth.", metavar="FILE"),
    Option("--session", "With --truth: the session of the table that was recorded here.", metavar="NAME"),
    Option("--role", "With --truth: the device of the table that recorded this.", metavar="NAME"),
    Option("--streams", "Streams of each kind that are remembered.", metavar="N", kind=int, default=1024),
)

#: Values by name, as a command line gives them; request.py checks them.
Values: TypeAlias = dict[str, Any]
