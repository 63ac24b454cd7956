"""Signals while detecting: the first Ctrl-C or SIGTERM ends in order, a second at once; SIGHUP opens alerts anew."""

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self, TypeAlias

_Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | None


class Stopping:
    """Within `with`: `is_asked` says whether it is time to end; `take_hangup` whether SIGHUP came since."""

    def __init__(self, *, hangup_reopens: bool) -> None:
        """hangup_reopens: SIGHUP is for the file of alerts, as services know it; else it ends like SIGTERM."""
        self._hangup_reopens = hangup_reopens
        self._asked = False
        self._hangup = False
        self._before: dict[int, _Handler] = {}

    def is_asked(self) -> bool:
        """Whether to end."""
        return self._asked

    def take_hangup(self) -> bool:
        """Whether SIGHUP came; asks once."""
        hangup, self._hangup = self._hangup, False
        return hangup

    def __enter__(self) -> Self:
        """Take the signals over, where this is a program's main thread."""
        for number, handler in (
            (signal.SIGINT, self._stop),
            (signal.SIGTERM, self._stop),
            (signal.SIGHUP, self._hang_up if self._hangup_reopens else self._stop),
        ):
            try:
                if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                    continue  # nohup
                self._before[number] = signal.signal(number, handler)
            except ValueError:  # in another thread: whoever runs us there has the signals
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._asked:
            raise KeyboardInterrupt(number)
        self._asked = True

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._hangup = True
