"""The one hierarchy of exceptions that a user may see, each with a code, a cause and, where there is one, a hint.

Faults of remote devices are values (a verdict), never exceptions. Rendering belongs to the applications.
"""

from covey.errors.codes import Code


class CoveyError(Exception):
    """Something a user can act on: `code` to look up, `cause` in one sentence, `hint` with the next step.

    `where` is the place to look at, where there is one: a file, with line or key.
    """

    def __init__(self, code: Code, cause: str, hint: str | None = None, where: str | None = None) -> None:
        super().__init__(cause)
        self.code = code
        self.cause = cause
        self.hint = hint
        self.where = where

    def __reduce__(self) -> tuple[type["CoveyError"], tuple[Code, str, str | None, str | None]]:
        """Keep all parts when the exception travels between processes."""
        return type(self), (self.code, self.cause, self.hint, self.where)


class CoreError(CoveyError):
    """The compiled core refused its input, or is missing."""


class DataError(CoveyError):
    """Telemetry is missing, unreadable or unusable."""


class SourceError(CoveyError):
    """A capture, log or table that rows are to come from is missing, damaged or not what is needed."""


class DetectionError(CoveyError):
    """A device cannot detect as it was told to: interface, calibration, stored state or store are not fit for it."""


class PlanError(CoveyError):
    """A Plan does not say something that can be run."""


class ModelError(CoveyError):
    """A model does not fit together, its limits or its file."""


class WireError(CoveyError):
    """Bytes from outside are not the message they claim to be."""


class JournalError(CoveyError):
    """A journal cannot be read or does not belong to this run."""


class OutputError(CoveyError):
    """A result cannot be written."""


class EnvironmentFault(CoveyError):  # noqa: N818 (EnvironmentError is a name of Python's own)
    """The machine, or the way a command was called, does not allow what was asked for."""
