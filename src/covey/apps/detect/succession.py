"""Which model watches, where the fleet sends new ones.

A new model watches at once if there is a threshold to begin with: a cautious one from the device's own rows, or the
model's own. Beside it, unseen, the same model learns a threshold from windows that the one that watches believes
benign; then that holds. Where there is none to begin with, the model before goes on watching until the new one has
learnt; models that come meanwhile wait, the latest of them: else a fleet that is quicker than learning would never be
followed.
"""

from collections.abc import Callable

from covey.sensing import Block
from covey.watching import Finding, Settled, Watcher, WindowRecord
from covey.wire import ModelFile


class Succession:
    """The watcher in use, and the one that learns to follow it."""

    def __init__(self, watcher: Watcher, make: Callable[[ModelFile, float | None], Watcher]) -> None:
        """make: a watcher for a model, with a cautious threshold of this device or None."""
        self.watcher = watcher
        self.models = 0  # that came
        self._make = make
        self._heir: Watcher | None = None
        self._distrusted: set[int] = set()  # starts of windows that the heir may still have to end
        self._waiting: tuple[ModelFile, float | None] | None = None

    def offer(self, file: ModelFile, cautious: float | None) -> bool:
        """A new model; whether it watches from now on."""
        self.models += 1
        if self._heir is not None and self._heir.detector.digest != self.watcher.detector.digest:
            self._waiting = (file, cautious)
            return False
        return self._admit(file, cautious)

    def follow(self, block: Block, findings: list[Finding]) -> Settled | None:
        """The same block for the one that learns, after the one that watches; its threshold if it takes over now."""
        heir = self._heir
        if heir is None:
            return None
        ended = (found for found in findings if isinstance(found, WindowRecord))
        self._distrusted.update(record.window.start_ns for record in ended if not record.is_believed)
        if not block.n:  # a silent link: the heir ends its window with the next row, and must know then
            return None
        scores = heir.score(block.rows, block.n)
        for finding in heir.take(block.packets, block.rows, block.n, scores, distrusted=self._distrusted):
            if isinstance(finding, WindowRecord):
                self._distrusted.discard(finding.window.start_ns)
            if isinstance(finding, Settled):
                self.watcher, self._heir = heir, None
                waiting, self._waiting = self._waiting, None
                if waiting is not None:
                    self._admit(*waiting)
                return finding
        return None

    def _admit(self, file: ModelFile, cautious: float | None) -> bool:
        fresh = self._make(file, cautious)
        self._distrusted.clear()
        if fresh.threshold.value is None:
            self._heir = fresh  # it learns already
            return False
        self.watcher = fresh
        self._heir = self._make(file, cautious)
        self._heir.begin_learning()
        return True
