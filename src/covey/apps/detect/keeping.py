"""What a device keeps between runs in its store folder: what it learnt, rows for training, and its part in rounds."""

from pathlib import Path
from typing import TYPE_CHECKING

from covey.apps.detect.request import OLD_STATE_FILE, STATE_FILE, Request
from covey.apps.detect.telling import Telling
from covey.errors import Code, CoveyError
from covey.io import output_error, write_atomically
from covey.io.clock import now_ns, wall_s
from covey.io.local_store import LocalStore
from covey.sensing import Block
from covey.sensing.store import StoreSchema
from covey.watching import Mode, Stage, Watcher, WindowRecord, restore, snapshot
from covey.wire import ModelFile

if TYPE_CHECKING:
    from covey.apps.detect.federated import FederatedDevice

SAVE_EVERY_S = 60.0
TICK_S = 1.0


class Keeping:
    """The store folder while detecting; without one every call does nothing."""

    def __init__(self, request: Request, file: ModelFile, telling: Telling) -> None:
        """Open the store, and join the fleet in federated mode: there CoveyError where that cannot be."""
        self._telling = telling
        self._folder = request.store
        self._is_given = request.threshold is not None
        self._is_held = False  # by another process, which keeps what it learns
        self._is_foreign = False  # what the folder has was learnt with another model or other settings
        self._saved_s = self._ticked_s = wall_s()
        self._told: dict[str, str | None] = {}  # by origin, what was said last
        self.store: LocalStore | None = None
        self.device: FederatedDevice | None = None
        if self._folder is None:
            return
        try:
            self.store = LocalStore.open(self._folder, StoreSchema.of(file), request.store_limits(), now_ns=now_ns())
            self.store.use_model(file.sequence)
        except CoveyError as error:
            if request.mode is Mode.FEDERATED:
                raise
            self._is_held = error.code is Code.STORE_IN_USE
            what = "nothing is kept" if self._is_held else "no rows are kept"
            telling.warn(f"{what}: {error.cause} ({error.code})")
        if request.mode is Mode.FEDERATED and request.spool is not None:
            from covey.apps.detect import federated  # noqa: PLC0415 (training needs numpy, watching does not)

            self.device = federated.FederatedDevice(request.spool, self._folder, file)

    @property
    def state_path(self) -> Path | None:
        """Where what the watcher learnt is kept; None where nothing is: a threshold that is given stays out of it."""
        return None if self._folder is None or self._is_given else self._folder / STATE_FILE

    @property
    def cautious_threshold(self) -> float | None:
        """For the model that came last: from the device's own rows, high rather than low."""
        return None if self.device is None else self.device.threshold

    def recall(self, watcher: Watcher) -> bool:
        """Go on from what was learnt before, if there is something that fits; DetectionError (A110) if it is broken.

        What was set aside for a trial with other settings is used again when they are as they were.
        """
        path = self.state_path
        fits = None if path is None else self._restored(path, watcher)
        if path is None or fits is not False:
            return bool(fits)
        self._is_foreign = True
        if self._restored(path.with_name(OLD_STATE_FILE), watcher):
            return True
        self._telling.warn(f"{path} is of another model or other settings: the device begins anew")
        return False

    def _restored(self, path: Path, watcher: Watcher) -> bool | None:
        """Whether the watcher goes on from a state: False where it does not fit, None where none can be read."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._telling.warn(f"{path} cannot be read ({error.strerror}): the device begins anew")
            return None
        try:
            return restore(watcher, data)
        except CoveyError as error:
            error.where = str(path)
            raise

    def use_model(self, sequence: int) -> None:
        """Rows are scored by this version of the model from now on."""
        if self.store is not None:
            self.store.use_model(sequence)

    def offer(self, block: Block, scores: "memoryview[float]", threshold: float | None) -> None:
        """A block's rows, before the windows that they end."""
        if self.store is not None:
            self.store.offer(block.packets, block.rows, scores, block.n, threshold)

    def window(self, record: WindowRecord) -> None:
        """A window that ended."""
        if self.store is not None:
            self.store.window(record.window, record.top_row)

    def alert(self, record: WindowRecord, kind: str, text: str) -> None:
        """An alarm that was raised with the last window."""
        if self.store is not None and record.alert_id is not None:
            self.store.alert(record.alert_id, record.window, kind, text)

    def step(self, watcher: Watcher) -> ModelFile | None:
        """About once a second: what is due; a new model where the fleet has one."""
        now_s = wall_s()
        if self._folder is None or now_s - self._ticked_s < TICK_S:
            return None
        self._ticked_s = now_s
        if self.store is not None:
            self.store.tick(now_ns())
            self._tell_fault("store", self.store.fault)
        if now_s - self._saved_s >= SAVE_EVERY_S:
            self.save(watcher)
        return self._next_model()

    def newest(self, file: ModelFile) -> ModelFile:
        """The model to begin with: the fleet's, if one came in an earlier run, else `file`."""
        found = self._next_model()
        if found is None or not found.design.reads_rows_of(file.design):
            return file
        self.use_model(found.sequence)
        self._telling.say(f"going on with model {found.sequence}, which the fleet sent before")
        return found

    def _next_model(self) -> ModelFile | None:
        if self.device is None:
            return None
        found = self.device.step(now_ns() // 1_000_000)
        self._tell_fault("fleet", self.device.fault)
        return found

    def save(self, watcher: Watcher) -> None:
        """Write down what the watcher learnt, in one step; trouble is told, and tried again the next time.

        A state of another model or of other settings gives way only to something learnt, and is set aside then: a trial
        with other settings costs no calibration.
        """
        self._saved_s = wall_s()
        path = self.state_path
        if path is None or self._is_held or (self._is_foreign and not _has_learnt(watcher)):
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if self._is_foreign:
                write_atomically(path.with_name(OLD_STATE_FILE), path.read_bytes(), is_private=True)
                self._is_foreign = False
            write_atomically(path, snapshot(watcher), is_private=True)
            self._tell_fault("state", None)
        except CoveyError as error:
            self._tell_fault("state", error)
        except OSError as error:
            self._tell_fault("state", output_error(path, error))

    def close(self, watcher: Watcher | None) -> None:
        """Write down everything; of the watcher nothing where it has not begun to watch."""
        if watcher is not None:
            self.save(watcher)
        if self.device is not None:
            self.device.close()
        if self.store is not None:
            self.store.close()
            self._tell_fault("store", self.store.fault)

    def _tell_fault(self, origin: str, fault: CoveyError | None) -> None:
        """Say what is wrong when it begins, not each second; `origin` is whose fault it is."""
        text = None if fault is None else f"{fault.cause} ({fault.code}): detection goes on"
        if text is not None and text != self._told.get(origin):
            self._telling.warn(text)
        self._told[origin] = text


def _has_learnt(watcher: Watcher) -> bool:
    """Whether there is something of this device in it: a threshold, windows towards one, or a reference."""
    return watcher.stage is not Stage.WATCHING or watcher.threshold.learnt > 0 or watcher.drift.has_reference
