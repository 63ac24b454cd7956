"""Live devices and the real coordinator over spools: rounds, crashes, what leaves a device, and what simulation makes.

Devices are `FederatedDevice`, as `covey detect --mode federated` runs it; the coordinator is that of `covey.protocol`.
"""

import struct
import sys
import time
from array import array
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from spool_fleet import SpoolFleet

from covey.aggregation import FedAvg as ServerFedAvg
from covey.aggregation import Mean
from covey.apps.detect import device_work
from covey.apps.detect.acceptance import Refusal, judge
from covey.apps.detect.device_work import examples
from covey.apps.detect.federated import FederatedDevice
from covey.core import CLIENT_FIELDS, Codec, DeviceState, Recipe, UpdateFields, predict, read_update, seed
from covey.errors import Code, OutputError
from covey.io import Stopwatch
from covey.io.device_folder import Part
from covey.io.labels import LabelBook
from covey.io.local_store import LocalStore
from covey.io.spool import put_message
from covey.io.training_rows import read_training_rows
from covey.models import ModelVersion, SplineMlp
from covey.models.encoding import Encoding
from covey.protocol import Settings, child_seeds, word
from covey.selection import Uniform
from covey.sensing.store import StoreLimits, StoreSchema
from covey.simulation.cohorts import Cohorts
from covey.simulation.launch import Launcher
from covey.simulation.mishaps import Mishaps
from covey.simulation.traits import FleetTraits
from covey.simulation.variates import DeviceVariates
from covey.telemetry import Dataset, SketchRule, Targets
from covey.training import FedAvg, Scaffold, Trainer
from covey.wire import DEFAULT_DETECTION, DEFAULT_SCHEMA, ModelFile, Receipt, Sketch, Task, Verdict

FEATURES = ("size", "gap", "rate", "canary")
CLASSES = ("benign", "attack")
LIMITS = StoreLimits(size_bytes=2 << 20)
NOW_MS = 1_700_000_000_000
CANARY = struct.unpack("<f", b"\xca\x1a\x8b\x4e")[0]  # 1.17e9: a value that only rows have


def settings_of(trainer: Trainer | None = None, rounds: int = 3) -> Settings:
    return Settings(
        seed=7,
        rounds=rounds,
        quorum=0.6,
        deadline_ms=600_000,
        staleness=1,
        sketch=SketchRule(bits=5, points=32),
        model=SplineMlp(hidden=(4,), knots=4),
        trainer=trainer or FedAvg(learning_rate=0.3, epochs=3),
        recipe=Recipe(Codec.INT8, 16, 4.0),
        selector=Uniform(),
        aggregator=Mean(),
        server=ServerFedAvg(1.0),
        feature_names=FEATURES,
        class_names=CLASSES,
        schema=DEFAULT_SCHEMA,
        detection=DEFAULT_DETECTION,
    )


def first_model() -> ModelFile:
    """What devices detect with before the fleet has anything."""
    knots = np.tile(np.array([0, 1, 2], np.float32), len(FEATURES))
    encoding = Encoding.with_knots(knots, np.arange(0, 3 * len(FEATURES) + 1, 3).astype(np.uint16))
    spec = SplineMlp(hidden=(2,), knots=3).spec(len(FEATURES), 2, encoding)
    return ModelVersion.of(
        sequence=1,
        parent=b"",
        spec=spec,
        parameters=spec.initial_parameters(3),
        encoding=encoding,
        feature_names=FEATURES,
        class_names=CLASSES,
    ).file


def rows_of(device: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, 4), the last half attacks (n), each with the canary."""
    rng = np.random.default_rng(device)
    x = rng.normal(size=(n, len(FEATURES))).astype(np.float32) + device * np.float32(0.1)
    attack = np.arange(n) >= n // 2
    x[attack] += 4
    x[:, 3] = CANARY
    return x, attack


def fill(folder: Path, device: int) -> None:
    """A store with labels: rows have their number as time, and an operator has judged both halves."""
    x, attack = rows_of(device)
    n = attack.size
    store = LocalStore.open(folder, StoreSchema.of(first_model()), LIMITS, now_ns=NOW_MS * 10**6, seed=device)
    packets = b"".join(struct.pack("<q", row) + bytes(64) for row in range(n))
    store.offer(packets, x, array("f", [-9.0] * n), n, 0.0)
    store.close()
    with LabelBook.open(folder) as book:
        book.judge_span("benign", 0, n // 2 - 1, None, 1)
        book.judge_span("attack", n // 2, n - 1, None, 2)


@dataclass
class Place:
    """A device's folders, and the device if it runs."""

    spool: Path
    store: Path
    live: FederatedDevice | None = None
    adopted: list[ModelFile] | None = None

    def boot(self) -> FederatedDevice:
        self.live = FederatedDevice(self.spool, self.store, first_model(), retry_ms=20_000)
        self.adopted = self.adopted or []
        return self.live

    def kill(self) -> None:
        """What kill -9 leaves: files as they are, all else gone."""
        assert self.live is not None
        self.live.close()
        self.live = None


def places_of(folder: Path, n: int = 3) -> list[Place]:
    places = [Place(folder / f"spool-{device}", folder / f"store-{device}") for device in range(n)]
    for device, place in enumerate(places):
        fill(place.store, device)
        place.boot()
    return places


def run(fleet: SpoolFleet, places: list[Place], until_records: int, now: int = NOW_MS, limit_s: float = 60.0) -> int:
    """Let time pass, a second at a time, until so many rounds are written down; the time then."""
    end = time.monotonic() + limit_s
    while len(fleet.records) < until_records:
        assert time.monotonic() < end, [place.live and place.live.status for place in places]
        now += 1000
        for place in places:
            found = place.live.step(now) if place.live is not None else None
            if found is not None and place.adopted is not None:
                place.adopted.append(found)
        fleet.turn(now)
        time.sleep(0.002)
    return now


def fleet_of(folder: Path, places: list[Place], settings: Settings | None = None, **others: bool) -> SpoolFleet:
    fleet = SpoolFleet(settings or settings_of(), [place.spool for place in places], now=NOW_MS, **others)
    fleet.start()
    return fleet


# -- rounds


def accuracy(version: ModelVersion, n_devices: int) -> float:
    right = []
    for device in range(n_devices):
        x, attack = rows_of(device)
        out = np.zeros(attack.size, np.float32)  # the logit of "attack"
        predict(version.spec.core, version.parameters, version.encoding.encode(x), attack.size, out)
        right.append((out > 0) == attack)
    return float(np.mean(right))


def test_three_devices_and_the_coordinator_train_a_model_that_goes_into_use(tmp_path: Path) -> None:
    places = places_of(tmp_path)
    fleet = fleet_of(tmp_path, places)
    now = run(fleet, places, 4)
    assert [record.accepted for record in fleet.records] == [3, 3, 3, 3]
    assert fleet.finished
    assert accuracy(fleet.published[0], 3) < 0.9 < accuracy(fleet.published[-1], 3)
    end = time.monotonic() + 20
    while any(place.live.status.sequence != 4 for place in places if place.live) and time.monotonic() < end:
        now = run(fleet, places, 4, now) + 1000
        for place in places:
            assert place.live is not None
            found = place.live.step(now)
            if found is not None and place.adopted is not None:
                place.adopted.append(found)
    for place in places:
        assert place.live is not None
        assert place.live.status.completed == 4
        assert place.live.status.state is DeviceState.IDLE
        assert place.live.status.line == place.live.status.sequence == 4
        assert place.live.status.models_refused.get(Refusal.UNTRAINED) == 1  # the first one's numbers are by lot
        assert place.live.threshold is not None
        assert place.live.fault is None
        assert not list((place.spool / "inbox").glob("task-*"))
        sequences = [file.sequence for file in place.adopted or []]
        assert sequences == sorted(set(sequences))
        place.kill()
    again = places[0].boot()  # the model that was in use is so after a restart
    adopted = again.step(now + 10_000)
    assert adopted is not None
    assert adopted.digest == fleet.published[-1].digest
    again.close()


def test_without_labels_and_calm_a_device_sends_nothing_and_says_why(tmp_path: Path) -> None:
    places = places_of(tmp_path)
    with LabelBook.open(places[0].store) as book:
        book.undo()
        book.undo()
    fleet = fleet_of(tmp_path, places)
    run(fleet, places, 2)
    assert [record.accepted for record in fleet.records[:2]] == [3, 2] or fleet.records[1].accepted == 2
    assert places[0].live is not None
    assert places[0].live.status.refused["no_examples"] >= 1
    for place in places:
        place.kill()


@pytest.mark.parametrize("moment", ["task", "training", "sent"])
def test_a_device_that_is_killed_takes_part_again_and_nothing_counts_twice(tmp_path: Path, moment: str) -> None:
    places = places_of(tmp_path)
    fleet = fleet_of(tmp_path, places)
    now = run(fleet, places, 1)
    victim, spool = places[2], places[2].spool
    assert victim.live is not None
    if moment == "training":
        victim.live.step(now + 500)  # takes the task, training is under way or done, nothing is told yet
    if moment == "sent":
        while not list((spool / "outbox").glob("update-*")):
            now += 1000
            victim.live.step(now)
            time.sleep(0.01)
    victim.kill()
    run(fleet, places, 1, now)
    victim.boot()
    now = run(fleet, places, 4, now)
    assert [record.accepted for record in fleet.records] == [3, 3, 3, 3]
    read = [read_update(message) for message in fleet.updates(2)]
    counters = [update.counter for update in read if isinstance(update, UpdateFields)]
    assert len(counters) == 3
    assert counters == sorted(set(counters))
    for place in places:
        place.kill()


def test_an_update_is_sent_again_until_its_receipt_comes(tmp_path: Path) -> None:
    places = places_of(tmp_path, 1)
    fleet = fleet_of(tmp_path, places)
    device = places[0].live
    assert device is not None
    now, copies, sizes = NOW_MS, 0, set()
    for _ in range(100):  # the coordinator's side loses what was sent, again and again
        now += 1000
        device.step(now)
        for path in (places[0].spool / "outbox").glob("sketch-*"):
            sizes.add(path.read_bytes())
            path.unlink()
            copies += 1
        time.sleep(0.001)
    assert copies >= 3
    assert len(sizes) == 1  # the same bytes, so that it is a duplicate and no second answer
    run(fleet, places, 4, now)
    assert all(record.accepted == 1 for record in fleet.records)
    device.close()


# -- sim and live


@pytest.mark.parametrize(
    "trainer", [FedAvg(learning_rate=0.3, epochs=3), Scaffold(learning_rate=0.1, epochs=2)], ids=["fedavg", "scaffold"]
)
def test_simulation_of_the_same_rows_makes_the_very_bytes_of_the_live_device(tmp_path: Path, trainer: Trainer) -> None:
    places = places_of(tmp_path)
    settings = settings_of(trainer)
    fleet = fleet_of(tmp_path, places, settings)
    run(fleet, places, 4)
    for place in places:
        place.kill()
    stored = [
        examples(read_training_rows(place.store, StoreSchema.of(first_model())), fleet.published[0]) for place in places
    ]
    assert [x.shape for x, _ in stored] == [(300, 4)] * 3
    x = np.concatenate([part for part, _ in stored])
    y = np.concatenate([part for _, part in stored])
    simulated = simulated_messages(settings, x, y)
    for device in range(3):
        live = {name: content for of, name, content in fleet.messages if of == device}
        sketches = [content for name, content in live.items() if name.startswith("sketch")]
        assert sketches == [simulated[device][0]]
        assert fleet.updates(device) == simulated[device][1:]


def simulated_messages(settings: Settings, x: np.ndarray, y: np.ndarray) -> list[list[bytes]]:
    """What the simulator's driver hands the coordinator for three devices with 300 rows each, by device and round."""
    from covey.protocol import Coordinator, MessageBlock
    from covey.selection import Candidates
    from covey.simulation.driver import Driver
    from covey.simulation.fleet import Fleet
    from covey.simulation.machines import Machines

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from spool_fleet import states
    from tests.simulation.fleets import plan_of

    n = y.size
    dataset = Dataset(
        device_ids=("a", "b", "c"),
        feature_names=FEATURES,
        x=x,
        first_row=np.arange(4) * 300,
        is_train=np.ones(n, np.bool_),
        label=y,
        attack=y,
        attack_names=CLASSES,
        family=y,
        family_names=CLASSES,
    )
    plan = plan_of()
    population = plan.data.partition(dataset, np.random.Generator(np.random.Philox(key=1)))[0]
    cohorts = Cohorts(
        dataset=dataset,
        targets=Targets(CLASSES, y),
        population=population,
        rule=settings.sketch,
        threads=1,
        training_clock=Stopwatch(),
        variates=DeviceVariates(),
    )
    traits = FleetTraits(plan.fleet.profiles, 5)
    fleet = Fleet(Machines.of(3), Launcher(traits, Mishaps(plan.faults, 6), settings.trainer), cohorts)
    rng = np.random.Generator(np.random.Philox(key=1))
    driver = Driver(Coordinator(settings, Candidates(3, states)), fleet, lambda _: True, rng)
    found: list[list[bytes]] = [[], [], []]
    handed = fleet.block

    def block(arrivals: np.ndarray) -> MessageBlock:
        made = handed(arrivals)
        for row in range(made.n_messages):
            found[int(made.devices[row])].append(made.message(row))
        return made

    fleet.block = block  # type: ignore[method-assign]
    driver.start()
    assert len(list(driver.rounds())) == 4
    return found


# -- what leaves a device


def leaks(content: bytes, rows: np.ndarray) -> list[str]:
    """Where bytes hold a value of the rows: any float32 of them, as it is or in an encoding of ours."""
    found = []
    for value in np.unique(rows).tolist():
        for name, pattern in {
            "float32": struct.pack("<f", value),
            "big-endian": struct.pack(">f", value),
            "double": struct.pack("<d", value),
            "big-endian double": struct.pack(">d", value),
            "text": repr(value).encode(),
        }.items():
            if pattern in content:
                found.append(f"{value} as {name}")
    return found


def everything_that_left(fleet: SpoolFleet) -> bytes:
    return b"\0".join(name.encode() + content for _, name, content in fleet.messages)


def canaries(places: list[Place]) -> np.ndarray:
    """Values of all stored rows whose four bytes are as good as never met by chance, and the common canary."""
    parts = [
        np.frombuffer(read_training_rows(place.store, StoreSchema.of(first_model())).features, np.float32)
        for place in places
    ]
    return np.concatenate(parts)


def test_no_byte_of_a_row_leaves_a_device_in_a_whole_federated_run(tmp_path: Path) -> None:
    places = places_of(tmp_path)
    fleet = fleet_of(tmp_path, places)
    run(fleet, places, 4)
    for place in places:
        place.kill()
    rows = canaries(places)
    assert CANARY in rows
    assert rows.size == 3 * 300 * 4
    left = everything_that_left(fleet)
    assert len(fleet.messages) >= 12
    assert leaks(left, rows) == []
    for place in places:  # nor does it lie in a spool for others to take
        for path in place.spool.rglob("*"):
            assert not path.is_file() or leaks(path.read_bytes(), rows) == []


@pytest.mark.parametrize("how", ["row", "parameters"])
def test_the_search_finds_a_row_that_is_leaked_on_purpose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    honest = device_work.update_message

    def leaking(assignment, x, classes, counter, variate):  # type: ignore[no-untyped-def]
        message = honest(assignment, x, classes, counter, variate)
        if how == "row":
            return message + x[0].tobytes()
        from covey.core import encode_payload, write_update

        delta = np.zeros(assignment.parameters.size, np.float32)  # "training" that writes a row into its update
        delta[:4] = x[7]
        payload, _ = encode_payload(Recipe(Codec.FLOAT32), delta, 0)
        task = assignment.task
        return write_update(UpdateFields(task.round, counter, 1, 0.5, task.digest, payload))

    monkeypatch.setattr(device_work, "update_message", leaking)
    places = places_of(tmp_path)
    fleet = fleet_of(tmp_path, places)
    end = time.monotonic() + 30
    now = NOW_MS
    while not fleet.updates(0) and time.monotonic() < end:
        now += 1000
        for place in places:
            assert place.live is not None
            place.live.step(now)
        fleet.turn(now)
    for place in places:
        place.kill()
    assert any("float32" in leak for leak in leaks(everything_that_left(fleet), canaries(places)))


# -- hostile messages


def deliver(place: Place, name: str, content: bytes) -> None:
    put_message(place.spool / "inbox", name, content)


def test_messages_that_are_none_are_refused_with_a_verdict_and_counted(tmp_path: Path) -> None:
    places = places_of(tmp_path, 1)
    device, inbox = places[0].live, places[0].spool / "inbox"
    assert device is not None
    deliver(places[0], "task-1.cbor", b"\xff" * 40)
    deliver(places[0], "receipt-2.cbor", Receipt(3, 1, Verdict.ACCEPTED).encode())  # for nothing that was sent
    deliver(places[0], "receipt-3.cbor", b"")
    deliver(places[0], "model-4.cbor", first_model().encode()[:-1])
    deliver(places[0], "model-5.cbor", bytes(3))
    rng = np.random.default_rng(3)
    good = Task.statistics(round=0, lifetime_ms=0, rule=SketchRule()).encode()
    for number in range(6, 60):
        bad = bytearray(good)
        bad[rng.integers(len(bad))] ^= int(rng.integers(1, 256))
        deliver(places[0], f"task-{number}.cbor", bytes(bad[: rng.integers(1, len(bad) + 1)]))
    for second in range(20):
        device.step(NOW_MS + 1000 * second)
        time.sleep(0.01)
    assert not [path for path in inbox.iterdir() if not path.name.startswith("task-")]
    assert device.status.refused["malformed"] >= 4
    assert device.fault is None
    device.close()


@pytest.mark.parametrize(
    ("terms", "recipe", "verdict"),
    [
        ({}, {"codec": 99}, Verdict.MALFORMED),
        ({}, {"codec": 2, "block": 3}, Verdict.MALFORMED),
        ({"batch": 0}, {}, Verdict.MALFORMED),
        ({"batch": 1 << 31}, {}, Verdict.MALFORMED),
        ({"epochs": (1 << 32) - 1}, {}, Verdict.TOO_LARGE),
        ({"epochs": 0, "max_steps": (1 << 32) - 1}, {}, Verdict.TOO_LARGE),
        ({"learning_rate": 1e30}, {}, Verdict.NONFINITE),
    ],
)
def test_a_task_that_makes_no_sense_is_no_work_and_no_crash(
    tmp_path: Path, terms: dict[str, float], recipe: dict[str, int], verdict: Verdict
) -> None:
    fill(tmp_path, 0)
    model = version_after(first_model())
    settings = settings_of()
    task = Task.training(
        round=1,
        digest=model.digest[:16],
        lifetime_ms=0,
        seed=1,
        recipe=settings.recipe,
        arguments=settings.trainer.arguments(1, 3),
        sequence=2,
    )
    assert task.terms is not None
    assert task.recipe is not None
    told = replace(
        task, terms=replace(task.terms, **terms), recipe=replace(task.recipe, **recipe), model=model.encode()
    )
    schema = StoreSchema.of(first_model())
    outcome = device_work.do(device_work.Order(told, 1, tmp_path, schema, None, None, None))
    assert (outcome.verdict, outcome.message) == (verdict, None)
    assert outcome.labels == {"operator attack": 150, "operator benign": 150}


def test_short_tasks_prove_their_model_to_a_device_that_knows_the_one_before(tmp_path: Path) -> None:
    places = places_of(tmp_path)
    fleet = fleet_of(tmp_path, places, publishes=False)
    run(fleet, places, 4)
    for place in places:  # the models of rounds 1 to 3, that of the third being the second trained one
        assert place.live is not None
        assert place.live.status.line == 3
        place.kill()


@pytest.mark.parametrize(("learns_usual", "expected"), [(False, 50), (True, 30)])
def test_what_is_usual_is_sketched_of_calm_rows_only(tmp_path: Path, learns_usual: bool, expected: int) -> None:
    schema = replace(StoreSchema.of(first_model()), learns_usual=learns_usual)
    store = LocalStore.open(tmp_path, schema, LIMITS, now_ns=1, seed=1)
    for score, n in ((0.001, 30), (50.0, 20)):
        x, _ = rows_of(1, n)
        store.offer(bytes(72 * n), x, array("f", [score] * n), n, 5.0)
    store.close()
    task = Task.statistics(round=0, lifetime_ms=0, rule=SketchRule())
    outcome = device_work.do(device_work.Order(task, 1, tmp_path, schema, None, None, None))
    sketched = Sketch.decode(outcome.message or b"")
    assert isinstance(sketched, Sketch)
    assert sketched.rows == sketched.held == outcome.rows == expected


def short_task(model: ModelVersion, digest: bytes, sequence: int = 3) -> Task:
    """A task for a device that keeps its equipment: parameters, and what they are said to be."""
    settings = settings_of()
    task = Task.training(
        round=2,
        digest=digest,
        lifetime_ms=0,
        seed=1,
        recipe=settings.recipe,
        arguments=settings.trainer.arguments(1, 3),
        sequence=sequence,
    )
    return replace(task, parameters=model.parameters.astype("<f4").tobytes())


def test_a_model_whose_digest_is_not_proven_is_trained_on_and_never_detects(tmp_path: Path) -> None:
    before = ModelVersion.of_file(version_after(first_model()))
    after = before.successor(before.parameters + np.float32(0.5))
    equipment = replace(
        short_task(before, before.digest[:16], 2), round=1, parameters=None, model=before.file.encode()
    ).encode()

    def proven(task: Task, line: ModelFile | None) -> ModelFile | None:
        known = None if line is None else line.encode()
        order = device_work.Order(task, 1, tmp_path, StoreSchema.of(first_model()), equipment, known, None)
        assignment = device_work.assignment_of(task, equipment)
        assert not isinstance(assignment, Verdict)
        return device_work.verified_version(order, assignment)

    good = short_task(after, after.digest[:16])
    found = proven(good, before.file)
    assert found is not None
    assert found.digest == after.digest
    assert proven(short_task(before, after.digest[:16]), before.file) is None  # other numbers than the digest's
    assert proven(good, None) is None  # nothing known before it
    assert proven(good, first_model()) is None  # a version in between was never seen


def test_a_control_variate_moves_once_however_often_the_receipt_is_read(tmp_path: Path) -> None:
    places = places_of(tmp_path, 1)
    fleet = fleet_of(tmp_path, places, settings_of(Scaffold(learning_rate=0.1, epochs=2)))
    now = run(fleet, places, 2)  # one update is durable
    device = places[0].live
    assert device is not None
    while not list((places[0].spool / "outbox").glob("update-2-*")):
        now += 1000
        device.step(now)
        time.sleep(0.005)
    device._move_variate()  # what a receipt does first; then the power goes
    moved = device._folder.variate()
    assert moved is not None
    assert moved[0] == 2
    places[0].kill()
    again = places[0].boot()
    run(fleet, places, 3, now)
    again.step(now + 60_000)
    assert again.status.completed == 3
    kept = again._folder.variate()
    assert kept == moved
    again.close()


def version_after(file: ModelFile, **others: object) -> ModelFile:
    before = ModelVersion.of_file(file)
    parameters = before.parameters.copy()
    parameters[-1] -= 5  # sure that nothing is an attack
    return replace_file(before.successor(parameters).file, **others)


def replace_file(file: ModelFile, **others: object) -> ModelFile:
    parts: dict[str, object] = {
        "sequence": file.sequence,
        "parent": file.parent,
        "design": file.design,
        "parameters": file.parameters,
    }
    return ModelFile.of(**(parts | others))  # type: ignore[arg-type]


def test_a_model_goes_into_use_only_if_it_follows_and_fits(tmp_path: Path) -> None:
    places = places_of(tmp_path, 1)
    device = places[0].live
    assert device is not None
    good = version_after(first_model())
    other = replace(good.design, feature_names=("other", *FEATURES[1:]))
    number, now, adopted = 0, NOW_MS, []

    def offer(file: ModelFile) -> list[ModelFile]:
        nonlocal number, now
        number += 1
        deliver(places[0], f"model-{number}.cbor", file.encode())
        before = len(adopted)
        for _ in range(60):
            now += 1000
            found = device.step(now)
            adopted.extend([found] if found is not None else [])
            time.sleep(0.005)
        return adopted[before:]

    assert [file.digest for file in offer(good)] == [good.digest]
    assert offer(good) == []  # again
    assert offer(first_model()) == []  # an older one
    assert offer(replace_file(good, sequence=3, parent=b"\1" * 32)) == []  # the next one, but of another line
    assert device.status.refused["wrong_model"] == 1
    assert offer(replace_file(good, sequence=3, parent=good.digest, design=other)) == []
    assert device.status.models_refused == {"features": 1}
    device.close()


def test_the_last_look_refuses_what_would_blind_or_flood_a_device(tmp_path: Path) -> None:
    fill(tmp_path, 0)
    rows = read_training_rows(tmp_path, StoreSchema.of(first_model()))
    start = ModelVersion.of_file(first_model())

    def with_bias(value: float) -> ModelFile:
        parameters = np.zeros_like(start.parameters)
        parameters[-1] = value  # the logit of "attack"
        return start.successor(parameters).file

    assert judge(with_bias(5.0), first_model(), rows).refusal is Refusal.SUSPECTS_USUAL
    seeing = start
    from covey.core import TrainingArguments, train
    from covey.protocol import training_rows

    x, classes = examples(rows, start)
    parameters = start.parameters.copy()
    inputs = training_rows(start, start.encoding.encode(x), classes)
    train(start.spec.core, TrainingArguments(epochs=60, learning_rate=0.3, seed=1), inputs, parameters)
    seeing = start.successor(parameters)
    assert judge(seeing.file, first_model(), rows).refusal is None
    assert judge(with_bias(-5.0), seeing.file, rows).refusal is Refusal.MISSES_ATTACKS
    assert judge(first_model(), seeing.file, rows).refusal is Refusal.UNTRAINED


# -- state


def test_a_damaged_record_is_told_and_never_guessed_around(tmp_path: Path) -> None:
    places = places_of(tmp_path, 1)
    fleet = fleet_of(tmp_path, places)
    run(fleet, places, 1)
    places[0].kill()
    path = places[0].store / "federated" / Part.DEVICE
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(OutputError) as caught:
        places[0].boot()
    assert caught.value.code is Code.FEDERATED_STATE


def test_seeds_of_devices_in_their_tasks_are_those_of_the_simulation(tmp_path: Path) -> None:
    places = places_of(tmp_path, 2)
    fleet = fleet_of(tmp_path, places)
    run(fleet, places, 2)
    for place in places:
        place.kill()
    tasks = [(device, Task.decode(content)) for device, content in fleet.sent]
    seeds = {device: task.seed for device, task in tasks if isinstance(task, Task) and task.round == 1}
    of_round = seed(seed(settings_of().seed, 2), 1)
    assert seeds == {device: int(child_seeds(word(of_round), np.array([device], np.uint64))[0]) for device in range(2)}
    assert np.dtype(CLIENT_FIELDS).itemsize == 40
    assert isinstance(Sketch.decode(fleet.messages[0][2]), Sketch)
