"""`covey doctor`: is this machine ready, and if not, what is missing."""

import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from covey import __version__
from covey.apps.cli.data_folder import data_root
from covey.apps.cli.rendering import Exit, colours
from covey.apps.printable import printable
from covey.errors import CoveyError

PACKAGES = ("numpy", "pydantic", "cbor2", "cffi", "click", "rich", "plotly", "Jinja2")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `is_needed`: nothing works without it."""

    name: str
    is_well: bool
    text: str
    is_needed: bool = True


def examine(data: Path | None) -> int:
    """Print all findings; the exit status says whether something needed is missing."""
    findings = list(_findings(data))
    for finding in findings:
        mark, colour = (
            ("ok", "green") if finding.is_well else ("FAIL", "red") if finding.is_needed else ("note", "yellow")
        )
        text = f"{click.style(f'{mark:<5}', fg=colour)} {finding.name:<14} {printable(finding.text)}"
        click.echo(text, color=colours())
    failed = sum(finding.is_needed and not finding.is_well for finding in findings)
    click.echo(f"{failed} of {len(findings)} need attention" if failed else "everything needed is here")
    return Exit.FAILURE if failed else Exit.OK


def _findings(data: Path | None) -> Iterator[Finding]:
    yield Finding("covey", is_well=True, text=__version__)
    is_new = sys.version_info >= (3, 11)
    yield Finding("python", is_well=is_new, text=f"{platform.python_version()} ({platform.machine()})")
    yield from (_package(name) for name in PACKAGES)
    yield _core()
    yield _compiler()
    yield _tool("make", "apt-get install make")
    headers = Path(sysconfig.get_paths()["include"], "Python.h")
    yield Finding("headers", headers.is_file(), str(headers.parent), is_needed=False)
    yield Finding("cores", is_well=True, text=f"{os.cpu_count() or 1}")
    yield _data(data)


def _package(name: str) -> Finding:
    try:
        return Finding(name, is_well=True, text=version(name))
    except PackageNotFoundError:
        return Finding(name, is_well=False, text="not installed: pip install .")


def _core() -> Finding:
    try:
        from covey.core import kernel_name, self_test  # noqa: PLC0415 (may fail to load, which is a finding)

        self_test()
        return Finding("core", is_well=True, text=f"self-test passed, kernel {kernel_name()}")
    except CoveyError as error:
        return Finding("core", is_well=False, text=f"{error.cause} ({error.code}: covey explain {error.code})")
    except ImportError as error:
        return Finding("core", is_well=False, text=f"cannot be loaded: {error} (covey explain C101)")


def _compiler() -> Finding:
    name = os.environ.get("CC") or next((known for known in ("gcc", "cc", "clang") if shutil.which(known)), "")
    text = shutil.which(name.split()[0]) if name else None
    return Finding("C compiler", text is not None, text or "none: apt-get install gcc", is_needed=False)


def _tool(name: str, remedy: str) -> Finding:
    path = shutil.which(name)
    return Finding(name, path is not None, path or f"not found: {remedy}", is_needed=False)


def _holds_data(folder: Path) -> bool:
    """Whether there are devices' files, or captures up to two folders below."""
    patterns = ("*.csv.gz", "*.pcap*", "*/*.pcap*", "*/*/*.pcap*")
    return any(next(folder.glob(pattern), None) for pattern in patterns)


def _data(given: Path | None) -> Finding:
    root = data_root(given)
    if not root.is_dir():
        text = f"no folder {root}: give --data or set COVEY_DATA"
        return Finding("data", is_well=False, text=text, is_needed=False)
    sets = sorted(folder.name for folder in root.iterdir() if folder.is_dir() and _holds_data(folder))
    return Finding("data", is_well=True, text=f"{root}: {', '.join(sets) or 'device files'}", is_needed=False)
