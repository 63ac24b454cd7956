"""From what is named on the command line to a source of rows."""

import os
from collections.abc import Iterator
from pathlib import Path

from covey.apps.detect.request import Request, wrong_usage
from covey.apps.detect.stopping import Stopping
from covey.errors import Code, DetectionError, SourceError, did_you_mean
from covey.io.follow import FollowedFile, standard_input
from covey.io.interface import InterfaceSource, interfaces
from covey.sensing import PacketRows, Source, Truth, TruthTable, open_source, read_truth
from covey.watching import Origin
from covey.wire import ModelDesign, SourceKind

INTERFACE_PREFIX = "iface:"


class Incoming:
    """The source of a run, opened anew where a followed file is replaced."""

    def __init__(self, request: Request, design: ModelDesign, stopping: Stopping) -> None:
        """Find out what the name means; EnvironmentFault (usage) where it goes ill with other options."""
        self._request = request
        self._design = design
        self._stopping = stopping
        self._seed = int.from_bytes(os.urandom(8), "little")
        self.interface = _interface_of(request.source)
        self.is_live = self.interface is not None or request.follow or request.source == "-"
        if self.interface is None and request.source != "-" and not Path(request.source).exists():
            raise _not_found(request.source)
        name = self.interface or ("standard input" if request.source == "-" else request.source)
        self.origin = Origin(Path(name).name if self.interface is None else name, self.interface is not None)
        if self.interface is not None and design.schema.kind is not SourceKind.PACKETS:
            raise wrong_usage(f"{self.interface} is an interface; the model wants {design.schema.kind.value}")
        if self.interface is not None and request.follow:
            raise wrong_usage("--follow is for files; an interface is followed anyway")

    def sources(self) -> Iterator[Source]:
        """One source after the other: more than one only where a followed file was replaced."""
        request = self._request
        if self.interface is not None:
            rows = PacketRows(self._design.feature_names, request.device, self._seed, request.streams)
            yield InterfaceSource(self.interface, rows, self._stopping.is_asked)
        elif request.source == "-":
            yield self._open("standard input", standard_input(self._stopping.is_asked))
        elif request.follow:
            yield from self._followed()
        else:
            yield self._open(request.source)

    def calibration(self, name: str) -> Source:
        """A file of benign traffic."""
        return self._open(name)

    def _followed(self) -> Iterator[Source]:
        file = FollowedFile(Path(self._request.source), self._stopping.is_asked)
        while True:
            yield self._open(self._request.source, file.chunks())
            if not file.is_replaced:
                return

    def _open(self, name: str, chunks: Iterator[bytes] | None = None) -> Source:
        design, request = self._design, self._request
        return open_source(
            name,
            design.schema,
            chunks=chunks,
            feature_names=design.feature_names,
            device=request.device,
            seed=self._seed,
            capacity=request.streams,
        )


def truth_of(request: Request) -> Truth | None:
    """What is known to be an attack, for this source; DetectionError where that is not clear."""
    return None if request.truth is None else read_chosen_truth(request.truth, request.session, request.role)


def read_chosen_truth(path: Path, session: str | None, role: str | None) -> Truth:
    """The part of a truth that is of one session and role; DetectionError (A111) where more than one could be meant."""
    truth = read_truth(path)
    if not isinstance(truth, TruthTable):
        if session or role:
            raise wrong_usage("--session and --role are for tables of truth; a conn.log has neither")
        return truth
    sessions, roles = {row.session for row in truth.rows}, {row.role for row in truth.rows}
    chosen_session = _chosen("session", session, sessions, path)
    chosen_role = _chosen("role", role, roles, path)
    return truth.of(chosen_session, chosen_role)


def _chosen(what: str, given: str | None, known: set[str], path: Path) -> str:
    """The given name, or the only one; a name that is not in the table is more likely a slip than a quiet day."""
    if given in known:
        return given
    if given is not None:
        near = did_you_mean(given, known)
        meant = f"did you mean {near}? " if near else ""
        raise DetectionError(
            Code.DETECTION_TRUTH,
            f"{path} has no attack in the {what} {given}",
            f"{meant}where nothing was attacked, leave --truth out",
            str(path),
        )
    if len(known) <= 1:
        return next(iter(known), "")
    names = ", ".join(sorted(known)[:20])
    raise DetectionError(
        Code.DETECTION_TRUTH,
        f"{path} has {len(known)} {what}s, and it is not said which was recorded here",
        f"--{what} with one of: {names}",
        str(path),
    )


def _interface_of(source: str) -> str | None:
    """The interface that a source names, if it does: a file of that name comes first."""
    if source.startswith(INTERFACE_PREFIX):
        name = source.removeprefix(INTERFACE_PREFIX)
        if not name:
            raise wrong_usage(f"{INTERFACE_PREFIX} wants the name of an interface behind it")
        return name
    return source if source in _interfaces() and not Path(source).exists() else None


def _interfaces() -> list[str]:
    try:
        return interfaces()
    except OSError:
        return []


def _not_found(source: str) -> SourceError:
    """A name that is neither a file nor an interface; one without a dot or slash may be a slip in either."""
    names = _interfaces()
    if not names or {".", "/"} & set(source):
        return SourceError(Code.SOURCE_NOT_FOUND, f"there is no file {source}", where=source)
    near = did_you_mean(source, names)
    meant = f"did you mean {near}? " if near else ""
    return SourceError(
        Code.SOURCE_NOT_FOUND,
        f"there is neither a file nor an interface {source}",
        f"{meant}this machine has the interfaces {', '.join(names)}; - is standard input",
        source,
    )


def require_detection_source(design: ModelDesign, model: Path) -> None:
    """DetectionError (A107) for a model that no source on a device feeds."""
    if design.schema.kind is SourceKind.ROWS:
        raise DetectionError(
            Code.DETECTION_NO_SOURCE, f"{model} was trained on rows of features made elsewhere", None, str(model)
        )
