"""One run of `covey detect`, from the model's file to the summary. `watching` decides; here is the outside."""

import sys
from pathlib import Path

from covey.apps.detect.flows import FlowJudge
from covey.apps.detect.keeping import Keeping
from covey.apps.detect.request import Request
from covey.apps.detect.sources import Incoming, require_detection_source, truth_of
from covey.apps.detect.stopping import Stopping
from covey.apps.detect.succession import Succession
from covey.apps.detect.summary import Outcome, Tally, as_json, as_text
from covey.apps.detect.telling import CRITICAL, INFORMATIONAL, NOTICE, WARNING, Telling, description, sentence
from covey.apps.detect.warming import Warming
from covey.core import PACKET_BYTES, AlarmState
from covey.errors import Code, DetectionError, ModelError, SourceError
from covey.io.clock import now_ns, wall_s
from covey.sensing import Block, Source
from covey.watching import (
    Detector,
    DriftReport,
    Finding,
    Mode,
    Settled,
    Stage,
    Suspicion,
    Watcher,
    WindowJudge,
    WindowRecord,
    alerts,
    top_features,
)
from covey.wire import ModelFile

OK, ALERTED = 0, 3
MOST_MODEL_BYTES = 16 << 20  # what a reader takes; /dev/zero is longer
#: Windows of a calibration that look like attacks: what no benign traffic should exceed, and by the budget.
FEWEST_SUSPECTS, SUSPECTS = 3, 10
FEW = 0.02  # windows that a calibration would have above the budget's threshold
#: How long after a window's end its last rows may come: a packet socket is prompt, programs that write files are not.
GRACE_INTERFACE_NS, GRACE_FILE_NS = 500_000_000, 5_000_000_000


def detect(request: Request) -> int:
    """Run, and give the exit status; CoveyError where it cannot begin or must end."""
    has_terminal = sys.stdin is not None and sys.stdin.isatty()  # None: whoever began this has closed it
    hangup_reopens = request.alerts not in (None, "-") and not has_terminal
    with Stopping(hangup_reopens=hangup_reopens) as stopping:
        telling = Telling(request)
        try:
            return Run(request, stopping, telling).go()
        finally:
            telling.close()


class Run:
    """Everything that one run holds."""

    def __init__(self, request: Request, stopping: Stopping, telling: Telling) -> None:
        """Read the model and make all ready; CoveyError where something is not fit for it."""
        self._request, self._stopping, self._telling = request, stopping, telling
        self._file = read_model(request.model)
        require_detection_source(self._file.design, request.model)
        self._incoming = Incoming(request, self._file.design, stopping)
        self._truth = truth_of(request)
        kinds = self._truth.kinds if self._truth is not None else ()
        self._judge = WindowJudge(kinds)
        self._flows = FlowJudge(self._file.design.schema.kind)
        watcher = self._new_watcher(self._file)  # finds out what does not fit, before the store is opened
        self._keeping = Keeping(request, self._file, telling)
        newest = self._keeping.newest(self._file)
        if newest is not self._file:
            watcher = self._new_watcher(newest, self._keeping.cautious_threshold)
        self._succession = Succession(watcher, self._new_watcher)
        self._warming = Warming(watcher.detection.warm_up_s, self._truth)
        self._is_ready = False
        self._tally = Tally(began_s=wall_s())
        self._alarm: tuple[str | None, int] = (None, 0)  # id and beginning of the alarm that goes on
        self._stats_s = wall_s()
        self._latest_ns, self._latest_s = 0, 0.0  # of the last row: its time, and when it came

    @property
    def _watcher(self) -> Watcher:
        return self._succession.watcher

    def go(self) -> int:
        """Calibrate or recall, watch, sum up."""
        try:
            if self._request.calibrate:
                self._calibrate()
                self._keeping.save(self._watcher)
            else:
                self._keeping.recall(self._watcher)
            self._is_ready = True  # from here on there is something to keep; a broken state is not written over
            self._say_beginning()
            failure = self._watch_all()
        finally:
            self._keeping.close(self._watcher if self._is_ready else None)
        self._finish(is_shown=failure is None or self._tally.rows > 0)
        if failure is not None:
            raise failure
        if not self._tally.rows and not self._stopping.is_asked():
            raise DetectionError(Code.DETECTION_NO_ROWS, f"{self._request.source} gave no row", None)
        return ALERTED if self._request.fail_on_alert and self._tally.alerts else OK

    # -- the beginning

    def _new_watcher(self, file: ModelFile, cautious: float | None = None) -> Watcher:
        """A watcher for a model. Its threshold: as given, else a cautious one of this device, else the model's own."""
        design, request = file.design, self._request
        known = (request.threshold, cautious, *design.thresholds[:1])
        given = next((threshold for threshold in known if threshold is not None), None)
        settings = request.overrides.applied_to(design.detection)
        return Watcher(Detector(file), settings, request.mode, given, request.learn_windows)

    def _calibrate(self) -> None:
        """Set threshold and reference from captures of benign traffic; a scaling first, where the mode has one."""
        watcher, began_s = self._watcher, wall_s()
        watcher.begin_learning(by_itself=False)
        if watcher.stage is Stage.SCALING:
            self._learn_from_files()
            watcher.settle_scaling()
        self._learn_from_files()
        try:
            settled = watcher.settle()
        except ValueError as error:
            names = ", ".join(self._request.calibrate)
            raise DetectionError(Code.DETECTION_CALIBRATION, f"{error}", None, names) from error
        self._telling.say(
            f"calibrated on {settled.windows:,} windows in {wall_s() - began_s:.1f} s:"
            f" threshold {settled.threshold:.4g}"
        )
        self._warn_of_doubts(settled)

    def _learn_from_files(self) -> None:
        for name in self._request.calibrate:
            source, warming = self._incoming.calibration(name), Warming(self._watcher.detection.warm_up_s)
            for block in map(warming.rest, source.blocks()):
                if block.n:
                    scores = self._watcher.score(block.rows, block.n)
                    self._watcher.take(block.packets, block.rows, block.n, scores)
                if self._stopping.is_asked():
                    raise KeyboardInterrupt
            if warming.is_all and self._watcher.stage is Stage.LEARNING:
                self._telling.warn(f"{name}: nothing was learnt from it: {warming.why}")
            self._watcher.flush(None)
            self._watcher.end_source()

    def _say_beginning(self) -> None:
        watcher, origin = self._watcher, self._incoming.origin
        if watcher.stage is Stage.WATCHING:
            self._telling.say(f"watching {origin.name}: threshold {watcher.threshold.value:.4g}")
            has_budget = self._request.overrides.alarms_per_hour is not None
            if has_budget and not watcher.threshold.is_calibrated and self._request.mode is not Mode.FEDERATED:
                self._telling.warn(
                    "--alarms-per-hour changes nothing: the threshold is the fleet's; set one for this device with"
                    " --calibrate FILE, or learn it with --mode adapt"
                )
        else:
            self._telling.say(
                f"watching {origin.name}: learning a threshold from {watcher.learn_windows:,} windows, no alerts before"
            )

    # -- watching

    def _watch_all(self) -> SourceError | DetectionError | None:
        """Watch until the end; an error of the source is given back, so that what was found is summed up first."""
        failure: SourceError | DetectionError | None = None
        try:
            for source in self._incoming.sources():
                try:
                    self._watch(source)
                finally:
                    self._tally.end_source(source)
                if self._stopping.is_asked():
                    break
        except (SourceError, DetectionError) as error:
            failure = None if self._stopping.is_asked() else error  # asked to end, a source may end before it began
        if self._warming.is_all:
            self._telling.warn(f"nothing was judged: {self._warming.why}")
        for finding in self._watcher.flush(None):
            self._tell(finding)
        return failure

    def _watch(self, source: Source) -> None:
        self._warming.begin_source()
        for block in source.blocks():
            self._take(block)
            if self._stopping.take_hangup() and self._telling.sink is not None:
                self._telling.sink.reopen()
            self._take_model(self._keeping.step(self._watcher))
            if self._incoming.is_live:
                self._tell_stats(source)
            if self._stopping.is_asked():
                return

    def _take(self, block: Block) -> None:
        """A block through the detector; on a live source also the end of windows that no row ends."""
        watcher = self._watcher
        if block.n:
            self._note_times(block)
            block = self._warming.rest(block)
        if block.n:
            labels = self._truth.labels(block) if self._truth is not None else None
            scores = watcher.score(block.rows, block.n)
            threshold = watcher.threshold.value if watcher.stage is Stage.WATCHING else None
            self._keeping.offer(block, scores, threshold)
            if labels is not None and threshold is not None:
                self._flows.take(block, scores, labels, threshold)
            findings = watcher.take(block.packets, block.rows, block.n, scores, labels=labels)
        elif self._incoming.is_live:
            findings = watcher.flush(self._silent_until_ns())
        else:
            findings = []
        for finding in findings:
            self._tell(finding)
        settled = self._succession.follow(block, findings)
        if settled is not None:
            self._keeping.use_model(self._watcher.detector.sequence)
            self._say_settled(settled)

    def _note_times(self, block: Block) -> None:
        times = block.packets.cast("q")
        first, last = times[0], times[(block.n - 1) * (PACKET_BYTES // 8)]
        self._latest_ns, self._latest_s = last, wall_s()
        self._tally.take(block.n, first, last)

    def _silent_until_ns(self) -> int:
        """Up to when no row can come any more, by the source's own clock: the host's may be another."""
        grace = GRACE_INTERFACE_NS if self._incoming.interface is not None else GRACE_FILE_NS
        if not self._tally.rows:  # what is at hand is from before a restart
            return now_ns() - grace
        return self._latest_ns + round((wall_s() - self._latest_s) * 1e9) - grace

    def _take_model(self, file: ModelFile | None) -> None:
        """The fleet has a new model."""
        if file is None:
            return
        if not file.design.reads_rows_of(self._file.design):
            self._telling.warn("a new model came that wants other features: start again with it")
        elif self._succession.offer(file, self._keeping.cautious_threshold):
            self._keeping.use_model(file.sequence)
            self._telling.say(f"model {file.sequence} watches from here on")
        else:
            self._telling.say(f"model {file.sequence} came; it watches once its threshold is learnt")

    # -- what was found

    def _tell(self, finding: Finding) -> None:
        if isinstance(finding, WindowRecord):
            self._tell_window(finding)
        elif isinstance(finding, Settled):
            self._say_settled(finding)
        else:
            self._tell_drift(finding)

    def _tell_window(self, record: WindowRecord) -> None:
        self._tally.window(record)
        self._judge.take(record)
        self._keeping.window(record)
        alarm = record.window.alarm
        if alarm in (AlarmState.RAISED, AlarmState.SUPPRESSED):
            self._alarm = (record.alert_id, record.window.start_ns)
        if record.alert_id is not None:
            self._tell_alert(record)
        elif alarm is AlarmState.ENDED and self._alarm[0] is not None:
            ended = alerts.alarm_ended(record, self._watcher.detector, self._incoming.origin, *self._alarm)
            self._telling.event(ended, INFORMATIONAL)

    def _tell_alert(self, record: WindowRecord) -> None:
        detector = self._watcher.detector
        found = detector.class_of(record.top_row)
        suspicion = Suspicion(
            found[0] if found else None,
            found[1] if found else None,
            top_features(detector, self._watcher.drift, record.top_row),
        )
        event = alerts.alert(record, detector, self._incoming.origin, suspicion)
        is_high = alerts.severity(record) == alerts.HIGH_SEVERITY
        self._telling.event(event, CRITICAL if is_high else WARNING)
        self._tally.alerts += 1
        self._keeping.alert(record, alerts.kind_of(record, suspicion), description(record, suspicion))
        self._telling.say(sentence(record, suspicion))

    def _warn_of_doubts(self, settled: Settled) -> None:
        """A threshold far beyond the data is a guess, and one learnt from attacks hides them: both miss what comes."""
        rate = self._watcher.threshold.rate
        if settled.suspects > max(FEWEST_SUSPECTS, SUSPECTS * rate * settled.windows):
            self._telling.warn(
                f"{settled.suspects:,} of {settled.windows:,} windows that the threshold was learnt from look like"
                " attacks to the model: if they are, such attacks will be missed; calibrate on traffic without them"
            )
        if settled.windows * rate < FEW:
            self._telling.warn(
                f"{settled.windows:,} windows are few for a budget of one in {1 / rate:,.0f}: the threshold is"
                " extrapolated and may miss attacks; calibrate longer, or allow more with --alarms-per-hour"
            )

    def _say_settled(self, settled: Settled) -> None:
        self._telling.say(f"threshold {settled.threshold:.4g} from {settled.windows:,} windows; alerts from here on")
        self._warn_of_doubts(settled)
        event = alerts.threshold_set(
            settled.threshold, settled.windows, self._latest_ns, self._watcher.detector, self._incoming.origin
        )
        self._telling.event(event, NOTICE)

    def _tell_drift(self, report: DriftReport) -> None:
        self._tally.drift = report
        if not report.changed:
            return
        self._telling.event(
            alerts.drift_changed(report, self._latest_ns, self._watcher.detector, self._incoming.origin), NOTICE
        )
        if report.drifts:
            most = ", ".join(name for name, _ in report.features)
            self._telling.warn(f"the model no longer fits this device's traffic; most moved: {most}")
        else:
            self._telling.say("the model fits this device's traffic again")

    def _tell_stats(self, source: Source) -> None:
        if wall_s() - self._stats_s < self._request.stats_s:
            return
        self._stats_s = wall_s()
        self._telling.event(
            self._tally.stats_event(now_ns(), self._watcher, self._incoming.origin, source), INFORMATIONAL
        )

    def _finish(self, *, is_shown: bool) -> None:
        """The last counters, and the summary; an error that came before all rows speaks for itself."""
        tally, watcher = self._tally, self._watcher
        tally.seconds = wall_s() - tally.began_s
        judged = (self._judge.judgement(), self._flows.counts()) if self._truth is not None else None
        at_ns = now_ns() if self._incoming.interface is not None else self._latest_ns or now_ns()
        final = tally.stats_event(at_ns, watcher, self._incoming.origin, None)
        self._telling.event(final, INFORMATIONAL)
        tally.models, tally.warm_up = self._succession.models, self._warming.counts
        outcome = Outcome(self._request, tally, watcher, self._keeping, judged, self._telling.sink)
        if is_shown:
            self._telling.result(as_json(outcome) if self._request.as_json else as_text(outcome))


def read_model(path: Path) -> ModelFile:
    """The model in a file; ModelError that names it where it is none."""
    try:
        with path.open("rb") as file:
            return ModelFile.decode(file.read(MOST_MODEL_BYTES + 1))
    except OSError as error:
        raise ModelError(
            Code.MODEL_FILE, f"{path} cannot be read: {error.strerror}", "give the model.covey of a run", str(path)
        ) from error
    except ModelError as error:
        error.where = str(path)
        raise
