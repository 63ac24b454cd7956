"""The fleet's line of models as one device follows it: verified, looked at, then ready to be taken into use.

A version is verified by its digest before it comes here. It follows if its sequence is above that of the newest known,
and if it is the very next one, it must name that as its parent. The device's own look (`acceptance`) takes a moment and
runs beside detection; of versions that come meanwhile only the newest is looked at.
"""

from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from covey.apps.detect.acceptance import Opinion, Refusal
from covey.errors import Code, CoveyError, ModelError, OutputError
from covey.io.device_folder import DeviceFolder, Part
from covey.wire import ModelFile, Verdict


@dataclass(slots=True, eq=False)
class ModelLine:
    """One device's view; made by `restore`."""

    folder: DeviceFolder
    look_at: Callable[[ModelFile, ModelFile], Opinion]  # a candidate and the model in use; in another thread
    in_use: ModelFile
    newest: ModelFile | None
    ready: deque[ModelFile]
    refused: Counter[str] = field(default_factory=Counter)  # models, by Refusal
    threshold: float | None = None  # that the last accepted model may begin with
    fault: CoveyError | None = None  # why the last look could not be taken
    _look: tuple[ModelFile, Future[Opinion]] | None = None
    _candidate: ModelFile | None = None

    @classmethod
    def restore(
        cls, folder: DeviceFolder, in_use: ModelFile, look_at: Callable[[ModelFile, ModelFile], Opinion]
    ) -> "ModelLine":
        """Go on from what the folder has; the model that was in use before is ready first. OutputError for damage."""
        kept = _read(folder, Part.MODEL)
        ready = deque([kept] if kept is not None and kept.digest != in_use.digest else [])
        return cls(folder, look_at, in_use, _read(folder, Part.LINE), ready)

    @property
    def is_done(self) -> bool:
        """Whether a look has ended that `finish` will take over."""
        return self._look is not None and self._look[1].done()

    def follow(self, found: ModelFile, pool: Executor) -> Verdict | None:
        """Take a verified model as the newest and begin to look at it; why not, if it does not follow."""
        newest = self.newest
        if newest is not None and found.sequence <= newest.sequence:
            return Verdict.DUPLICATE if found.digest == newest.digest else Verdict.LATE
        if newest is not None and found.sequence == newest.sequence + 1 and found.parent != newest.digest:
            return Verdict.WRONG_MODEL
        self.folder.write(Part.LINE, found.encode())
        self.newest = self._candidate = found
        self._begin(pool)
        return None

    def finish(self, pool: Executor) -> None:
        """Take over a look that has ended; an accepted model is on the disk before it is ready."""
        if self._look is None or not self._look[1].done():
            return
        found, future = self._look
        try:
            opinion = future.result()
        except CoveyError as error:  # the store cannot be read: no model without a look
            self.fault, self._look = error, None
            return
        except (ValueError, ArithmeticError):
            opinion = Opinion(Refusal.UNFIT)
        if opinion.refusal is None:
            self.folder.write(Part.MODEL, found.encode())
            self.threshold = opinion.threshold
            self.ready.append(found)
        else:
            self.refused[opinion.refusal] += 1
        self.fault = self._look = None
        self._begin(pool)

    def take(self) -> ModelFile | None:
        """The next model to use, if one is ready."""
        if not self.ready:
            return None
        self.in_use = self.ready.popleft()
        return self.in_use

    def _begin(self, pool: Executor) -> None:
        if self._look is None and self._candidate is not None:
            found, self._candidate = self._candidate, None
            self._look = (found, pool.submit(self.look_at, found, self.in_use))


def _read(folder: DeviceFolder, part: Part) -> ModelFile | None:
    content = folder.read(part)
    try:
        return None if content is None else ModelFile.decode(content)
    except ModelError as error:
        path = str(folder.path / part)
        raise OutputError(Code.FEDERATED_STATE, f"{path} holds no model", None, path) from error
