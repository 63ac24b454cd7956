"""The coordinator, driven by hand: verdicts, ends of rounds, time, snapshots."""

import struct
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.aggregation import FedAdam
from covey.core import Codec, Recipe, UpdateFields, decode_payload, encode_payload, square_updates, write_update
from covey.protocol import (
    UNKNOWN_SENDER,
    Coordinator,
    DeadlinePassed,
    Finished,
    Outcome,
    SendReceipts,
    SendTasks,
    SketchesReceived,
    Started,
    UpdatesReceived,
    Validate,
    ValidationDone,
    block_of,
)
from covey.protocol.training_round import read_headers, too_long_for
from covey.selection import Candidates, Uniform
from covey.telemetry import SketchRule, sketch, to_wire
from covey.training import Scaffold
from covey.wire import Receipt, Sketch, Verdict
from tests.protocol.machines import SECOND, Bench, settings_of, states

OK = Verdict.ACCEPTED


def test_the_statistics_round_ends_in_a_first_model_and_tasks_for_round_one() -> None:
    bench = Bench(settings_of()).start()
    (record,) = bench.records()
    assert (record.round, record.outcome, record.accepted, record.examples) == (0, Outcome.PUBLISHED, 4, 80)
    assert bench.published() == [1]
    tasks = bench.tasks()
    assert tasks.task.round == 1
    assert tasks.devices.tolist() == [0, 1, 2, 3]
    assert len(set(tasks.seeds.tolist())) == 4


def test_a_round_ends_with_the_last_update_it_waits_for() -> None:
    bench = Bench(settings_of(selector=Uniform(cohort=2, over_selection=2.0))).start()
    assert bench.coordinator.room() == 2
    assert bench.send((0, bench.update(0.1)), (1, bench.update(0.3))) == [OK, OK]
    record = bench.records()[-1]
    assert (record.round, record.outcome, record.selected, record.accepted) == (1, Outcome.PUBLISHED, 4, 2)
    assert bench.tasks().task.round == 2
    parameters = bench.parameters(1)
    moved = bench.parameters(2)
    np.testing.assert_allclose(moved - parameters, 0.2, rtol=1e-5)


def test_updates_weigh_by_their_examples() -> None:
    bench = Bench(settings_of(), n_devices=2).start()
    bench.send((0, bench.update(0.0, examples=30)), (1, bench.update(0.4, examples=10)))
    moved = bench.parameters(2) - bench.parameters(1)
    np.testing.assert_allclose(moved, 0.1, rtol=1e-4)


def test_every_message_gets_the_one_verdict_it_deserves() -> None:
    bench = Bench(settings_of(staleness=0, selector=Uniform(cohort=4)), n_devices=6).start()
    asked = bench.tasks().devices.tolist()
    spare = next(device for device in range(6) if device not in asked)
    good = bench.update()
    assert bench.send((asked[0], good)) == [OK]
    assert bench.send((asked[0], good)) == [Verdict.DUPLICATE]
    assert bench.send((asked[0], bench.update(counter=1))) == [Verdict.COUNTER_REPLAY]
    assert bench.send((spare, good)) == [Verdict.NOT_SELECTED]
    assert bench.send((UNKNOWN_SENDER, good)) == [Verdict.UNKNOWN_DEVICE]
    assert bench.send((asked[1], good[:-1])) == [Verdict.MALFORMED]
    assert bench.send((asked[1], b"")) == [Verdict.MALFORMED]
    assert bench.send((asked[1], bench.update(round_number=9, counter=2))) == [Verdict.WRONG_ROUND]
    assert bench.send((asked[1], bench.update(digest=bytes(16)))) == [Verdict.WRONG_MODEL]
    assert bench.send((asked[1], bench.update(n_parameters=5))) == [Verdict.MALFORMED]
    assert bench.send((asked[1], bench.update(examples=0))) == [Verdict.NO_EXAMPLES]
    assert bench.send((asked[1], bench.update())) == [OK]
    assert bench.records()[-1].round == 0


def test_a_device_has_one_voice_a_round_whatever_its_counters() -> None:
    bench = Bench(settings_of(staleness=1)).start()
    many = [(0, bench.update(5.0, counter=counter)) for counter in (2, 3, 4, 5)]
    assert bench.send(*many) == [OK] + [Verdict.DUPLICATE] * 3
    arrays = {name: array.copy() for name, array in bench.coordinator.snapshot().items()}
    bench.coordinator = Coordinator.restore(bench.settings, Candidates(4, states), arrays)
    assert bench.send((0, bench.update(5.0, counter=6))) == [Verdict.DUPLICATE]
    late = bench.update(counter=9)
    assert bench.send(*((device, bench.update()) for device in (1, 2, 3))) == [OK] * 3
    assert bench.records()[-1].accepted == 4
    assert bench.send((0, late)) == [Verdict.DUPLICATE]
    assert bench.send((0, bench.update())) == [OK]


@pytest.mark.parametrize(
    ("counters", "verdicts"),
    [
        ((1, 2, 3, 4), [OK] + [Verdict.DUPLICATE] * 3),
        ((0, 0, 0, 0), [Verdict.COUNTER_REPLAY] * 4),
        ((0, 1, 1, 2), [Verdict.COUNTER_REPLAY, OK, Verdict.DUPLICATE, Verdict.DUPLICATE]),
    ],
)
def test_a_device_sketches_once(counters: tuple[int, ...], verdicts: list[Verdict]) -> None:
    bench = Bench(settings_of())
    bench.handle(Started())
    rows = np.full((20, 3), 3.0, np.float32)
    messages = [to_wire(sketch(rows, bench.settings.sketch), 0, counter).encode() for counter in counters]
    for message, verdict in zip(messages, verdicts, strict=True):
        (receipts,) = bench.handle(SketchesReceived(bench.block([0], [message])))
        assert receipts.verdicts.tolist() == [verdict]
        arrays = {name: array.copy() for name, array in bench.coordinator.snapshot().items()}
        bench.coordinator = Coordinator.restore(bench.settings, Candidates(4, states), arrays)
    block = Bench(settings_of())
    block.handle(Started())
    (receipts,) = block.handle(SketchesReceived(block.block([0] * 4, messages)))
    assert receipts.verdicts.tolist() == verdicts


def test_an_update_from_the_round_before_counts_less_or_not_at_all() -> None:
    for staleness, verdict in ((1, OK), (0, Verdict.LATE)):
        bench = Bench(settings_of(staleness=staleness, selector=Uniform(cohort=2, over_selection=2.0))).start()
        late = bench.update(0.4)
        bench.send((0, bench.update()), (1, bench.update()))
        assert bench.send((2, late)) == [verdict]
        if verdict is OK:
            bench.send((3, bench.update(0.0)))
            moved = bench.parameters(3) - bench.parameters(2)
            weight = 2**-0.5
            np.testing.assert_allclose(moved, 0.4 * weight / (1 + weight), rtol=1e-5)


def test_the_copy_of_an_accepted_update_is_durable_however_late_it_comes() -> None:
    bench = Bench(settings_of(staleness=0, selector=Uniform(cohort=2, over_selection=2.0))).start()
    first = bench.update()
    bench.send((0, first), (1, bench.update()))
    assert bench.send((0, first)) == [Verdict.DUPLICATE]
    receipts = [effect for effect in bench.effects if isinstance(effect, SendReceipts)][-1]
    assert receipts.durable.tolist() == [True]


def test_at_its_deadline_a_round_with_quorum_publishes_and_one_without_changes_nothing() -> None:
    for updates, outcome in ((2, Outcome.PUBLISHED), (1, Outcome.TOO_FEW_UPDATES)):
        bench = Bench(settings_of(quorum=0.5)).start()
        digest = bench.coordinator.memory.current.digest
        for device in range(updates):
            bench.send((device, bench.update()))
        bench.now = bench.coordinator.next_deadline()
        assert bench.now == 60 * SECOND
        bench.handle(DeadlinePassed())
        record = bench.records()[-1]
        assert (record.round, record.outcome, record.closed_ms) == (1, outcome, 60 * SECOND)
        assert (record.digest == digest) == (outcome is Outcome.TOO_FEW_UPDATES)
        assert bench.tasks().task.round == 2


def test_an_early_deadline_is_ignored() -> None:
    bench = Bench(settings_of()).start()
    assert bench.handle(DeadlinePassed()) == []


def test_too_few_sketches_end_the_run() -> None:
    bench = Bench(settings_of())
    bench.handle(Started())
    bench.now = bench.coordinator.next_deadline()
    effects = bench.handle(DeadlinePassed())
    assert effects[-1] == Finished(complete=False)
    assert bench.coordinator.finished
    assert bench.coordinator.next_deadline() is None


def test_a_candidate_that_the_gate_refuses_is_never_published() -> None:
    bench = Bench(settings_of(), n_devices=1).start()
    bench.handle(UpdatesReceived(bench.block([0], [bench.update()])), validate=False)
    assert bench.records()[-1].outcome is Outcome.REJECTED_BY_GATE
    assert bench.published() == [1]
    assert bench.coordinator.memory.current.sequence == 1


def test_a_candidate_that_is_not_finite_does_not_even_get_to_the_gate() -> None:
    bench = Bench(settings_of(server_rate=1e30), n_devices=1).start()
    with np.errstate(over="ignore"):
        effects = bench.handle(UpdatesReceived(bench.block([0], [bench.update(1e15)])))
    assert not any(isinstance(effect, Validate) for effect in effects)
    assert bench.records()[-1].outcome is Outcome.REJECTED_BY_GATE
    assert bench.published() == [1]


def test_updates_that_come_while_the_gate_thinks_belong_to_no_round() -> None:
    bench = Bench(settings_of(selector=Uniform(cohort=1, over_selection=2.0)), n_devices=2).start()
    (asked, other) = bench.tasks().devices.tolist()
    late = bench.update()
    bench.handle(UpdatesReceived(bench.block([asked], [bench.update()])), validate=None)
    assert bench.coordinator.next_deadline() is None
    assert bench.send((other, late), (asked, late)) == [Verdict.ROUND_FULL, Verdict.DUPLICATE]
    bench.handle(ValidationDone(sequence=2, passed=True))
    assert bench.published() == [1, 2]


def test_events_that_the_host_must_not_send_are_refused() -> None:
    bench = Bench(settings_of(selector=Uniform(cohort=2, over_selection=2.0))).start()
    with pytest.raises(ValueError, match="starts once"):
        bench.handle(Started())
    with pytest.raises(ValueError, match="no candidate"):
        bench.handle(ValidationDone(sequence=2, passed=True))
    with pytest.raises(ValueError, match="room for 2"):
        bench.send((0, bench.update()), (1, bench.update()), (2, bench.update()))


def test_after_the_last_round_the_coordinator_is_finished_and_still_answers() -> None:
    bench = Bench(settings_of(rounds=1), n_devices=1).start()
    update = bench.update()
    effects = bench.handle(UpdatesReceived(bench.block([0], [update])))
    assert effects[-1] == Finished(complete=True)
    assert bench.send((0, update)) == [Verdict.DUPLICATE]
    assert [effect.task.round for effect in bench.effects if isinstance(effect, SendTasks)] == [0, 1]


def test_sketches_after_their_round_are_late_and_their_copies_durable() -> None:
    bench = Bench(settings_of(quorum=0.5), n_devices=4)
    bench.handle(Started())
    ready = Bench(settings_of(), n_devices=4).start()
    sketches = _sketch_messages(ready)
    bench.handle(SketchesReceived(bench.block([0, 1], sketches[:2])))
    bench.now = bench.coordinator.next_deadline()
    bench.handle(DeadlinePassed())
    (receipts,) = bench.handle(SketchesReceived(bench.block([0, 3], [sketches[0], sketches[3]])))
    assert [Verdict(verdict) for verdict in receipts.verdicts] == [Verdict.DUPLICATE, Verdict.LATE]


def test_sketches_that_cannot_be_true_are_malformed() -> None:
    bench = Bench(settings_of(), n_devices=2)
    bench.handle(Started())
    (receipts,) = bench.handle(SketchesReceived(bench.block([0], [b"\x00 no sketch"])))
    assert receipts.verdicts.tolist() == [Verdict.MALFORMED]


def _sketch_messages(bench: Bench) -> list[bytes]:
    rows = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    return [to_wire(sketch(rows + d, bench.settings.sketch), 0, 1).encode() for d in range(bench.n_devices)]


# Cutting blocks, and snapshots


def _messy_block(bench: Bench) -> tuple[list[int], list[bytes]]:
    """Eleven messages of round 1: good ones, copies, replays, strangers and rubbish."""
    good = [bench.update(0.1 * device, examples=3 + device) for device in range(5)]
    sends = [(0, good[0]), (1, good[1]), (0, good[0]), (99, good[2]), (1, b"rubbish"), (2, bench.update(counter=1))]
    sends += [(2, good[2]), (2, good[2]), (3, good[3]), (4, bench.update(digest=bytes(16))), (4, good[4])]
    return [device for device, _ in sends], [message for _, message in sends]


@pytest.mark.parametrize("trainer", [None, Scaffold(steps=3)])
@given(cuts=st.sets(st.integers(1, 10)), snapshots=st.booleans())
def test_cutting_a_block_anywhere_changes_nothing(trainer: Scaffold | None, cuts: set[int], snapshots: bool) -> None:
    def run(edges: list[int]) -> tuple[list[int], dict[str, np.ndarray]]:
        bench = Bench(settings_of(trainer=trainer, quorum=0.2), n_devices=16).start()
        devices, messages = _messy_block(bench)
        verdicts: list[int] = []
        for first, last in pairwise(edges):
            verdicts += bench.send(*zip(devices[first:last], messages[first:last], strict=True))
            if snapshots:
                arrays = bench.coordinator.snapshot()
                bench.coordinator = Coordinator.restore(bench.settings, Candidates(16, states), arrays)
        bench.now = bench.coordinator.next_deadline()
        bench.handle(DeadlinePassed())
        return verdicts, bench.coordinator.snapshot()

    verdicts, state = run([0, 11])
    other_verdicts, other_state = run([0, *sorted(cuts), 11])
    assert verdicts == other_verdicts
    assert verdicts.count(OK) == 5
    assert state.keys() == other_state.keys()
    for name, array in state.items():
        assert array.tobytes() == other_state[name].tobytes(), name


def test_a_restored_coordinator_goes_on_to_the_same_bits() -> None:
    def run(*, restoring: bool) -> list[bytes]:
        bench = Bench(settings_of(rounds=4, trainer=Scaffold(steps=3)), n_devices=2).start()
        for _ in range(4):
            for device in (0, 1):
                if restoring:
                    candidates = Candidates(bench.n_devices, states)
                    arrays = {name: array.copy() for name, array in bench.coordinator.snapshot().items()}
                    bench.coordinator = Coordinator.restore(bench.settings, candidates, arrays)
                bench.send((device, bench.update(0.1 + device)))
        return [record.digest for record in bench.records()]

    assert run(restoring=True) == run(restoring=False)


def test_bytes_that_travel_are_counted() -> None:
    bench = Bench(settings_of(), n_devices=2).start()
    messages = [bench.update(), bench.update(examples=300)]
    bench.send((0, messages[0]), (1, messages[1]))
    record = bench.records()[-1]
    assert record.up_bytes == sum(map(len, messages))
    receipts = [len(Receipt(1, counter, Verdict.ACCEPTED).encode()) for counter in (2, 2)]
    assert record.down_bytes == 2 * len(bench.tasks(1).full) + sum(receipts)


@pytest.mark.parametrize(
    ("quorum", "target", "needed"), [(0.55, 100, 55), (0.07, 100, 7), (0.28, 25, 7), (0.29, 10, 3), (0.0, 5, 1)]
)
def test_a_quorum_needs_its_share_and_not_one_more(quorum: float, target: int, needed: int) -> None:
    assert settings_of(quorum=quorum).needed(target) == needed


def _c_and_its_devices(bench: Bench, senders: tuple[int, ...]) -> tuple[float, float]:
    """The fleet's variate and the mean of the devices', after one round in which they started from zero."""
    memory = bench.coordinator.memory
    reach = bench.settings.trainer.reach(1, 3, np.array([20], np.uint32))[0]
    return float(memory.variate[0]), -0.5 / reach * len(senders) / bench.n_devices


@pytest.mark.parametrize("end", ["no quorum", "refused by the gate", "published"])
def test_the_fleets_variate_follows_the_devices_however_the_round_ends(end: str) -> None:
    senders = (0, 1) if end == "no quorum" else (0, 1, 2, 3)
    bench = Bench(settings_of(trainer=Scaffold(steps=3), quorum=0.6)).start()
    before = bench.coordinator.memory.current.digest
    messages = [bench.update(0.5, examples=20) for _ in senders]
    bench.handle(UpdatesReceived(bench.block(senders, messages)), validate=end == "published")
    bench.now += 60 * SECOND
    bench.handle(DeadlinePassed())
    assert all(receipts.durable.all() for receipts in bench.effects if isinstance(receipts, SendReceipts))
    assert (bench.coordinator.memory.current.digest == before) == (end != "published")
    fleet, mean = _c_and_its_devices(bench, senders)
    assert fleet == pytest.approx(mean, rel=1e-6)
    assert bench.variate(2)[0] == fleet


@pytest.mark.parametrize("value", [1e30, 3e38])
def test_a_variate_that_runs_away_is_neither_kept_nor_told(value: float) -> None:
    bench = Bench(settings_of(trainer=Scaffold(steps=3))).start()
    digest = bench.coordinator.memory.current.digest
    bench.send((0, _plain_update(bench, value)), *((device, bench.update(0.0)) for device in (1, 2, 3)))
    assert bench.records()[-1].outcome is Outcome.REJECTED_BY_GATE
    assert bench.coordinator.memory.current.digest == digest
    assert not bench.coordinator.memory.variate.any()
    assert not bench.variate(2).any()


def test_moments_that_run_away_are_not_kept() -> None:
    bench = Bench(replace(settings_of(), server=FedAdam())).start()
    bench.send((0, _plain_update(bench, 1e30)), *((device, bench.update(0.0)) for device in (1, 2, 3)))
    assert bench.records()[-1].outcome is Outcome.REJECTED_BY_GATE
    assert all(np.abs(moment).max() < 1.0 for moment in bench.coordinator.memory.server_state)


def _plain_update(bench: Bench, value: float) -> bytes:
    """An update of float32 that no honest codec would measure: its norm overflows."""
    n = bench.coordinator.memory.current.spec.n_parameters
    payload = struct.pack("<BI", Codec.FLOAT32, n) + np.full(n, value, np.float32).tobytes()
    return write_update(UpdateFields(1, 2, 10, 0.5, bench.tasks().task.digest, payload))


@pytest.mark.parametrize("max_rows", [5, 10_000])
def test_shares_are_those_of_the_rows_that_devices_hold_not_of_those_they_sketch(max_rows: int) -> None:
    rule = SketchRule(bits=3, points=16, max_rows=max_rows)
    bench = Bench(replace(settings_of(trainer=Scaffold(steps=3)), sketch=rule)).start()
    assert bench.coordinator.memory.fleet_weight == 80.0
    bench.send(*((device, bench.update(0.5, examples=20)) for device in range(4)))
    fleet, mean = _c_and_its_devices(bench, (0, 1, 2, 3))
    assert fleet == pytest.approx(mean, rel=1e-6)


def test_shares_of_a_round_never_add_up_to_more_than_the_fleet() -> None:
    bench = Bench(settings_of(trainer=Scaffold(steps=3))).start()
    bench.send(*((device, bench.update(0.5, examples=60)) for device in range(4)))
    fleet, mean = _c_and_its_devices(bench, (0, 1, 2, 3))
    assert fleet == pytest.approx(mean, rel=1e-6)


def test_a_device_that_claims_any_number_of_rows_weighs_as_sixteen() -> None:
    bench = Bench(settings_of()).start()
    before = bench.coordinator.memory.current.parameters.copy()
    bench.send((0, bench.update(1.0, examples=2**32 - 1)), *((d, bench.update(0.0, examples=20)) for d in (1, 2, 3)))
    moved = bench.coordinator.memory.current.parameters - before
    np.testing.assert_allclose(moved, 16 / 19, rtol=1e-5)
    assert bench.records()[-1].examples == 19 * 20


def test_a_device_that_claims_any_number_of_rows_in_its_sketch_does_not_move_the_bound() -> None:
    bench = Bench(settings_of())
    bench.handle(Started())
    honest = [Sketch.decode(message) for message in _sketch_messages(bench)]
    messages = [replace(message, held=message.rows).encode() for message in honest]
    small = replace(bench.settings.sketch, max_rows=20)
    liar = Bench(replace(settings_of(), sketch=small))
    liar.handle(Started())
    messages[0] = replace(honest[0], held=2**32 - 1).encode()
    liar.handle(SketchesReceived(liar.block(range(4), messages)))
    assert liar.records()[0].accepted == 4
    assert liar.coordinator.memory.most_rows == 16 * 20
    assert liar.coordinator.memory.fleet_weight == 19 * 20


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (Recipe(Codec.INT8, 16), Recipe(Codec.FLOAT32)),
        (Recipe(Codec.INT8, 16), Recipe(Codec.INT8, 272)),
        (Recipe(Codec.FLOAT32), Recipe(Codec.INT8, 16)),
    ],
)
def test_an_update_packed_otherwise_than_asked_is_malformed(asked: Recipe, sent: Recipe) -> None:
    bench = Bench(replace(settings_of(), recipe=asked), n_devices=2).start()
    n = bench.coordinator.memory.current.spec.n_parameters
    payload, _ = encode_payload(sent, np.full(n, 0.1, np.float32), 0)
    message = write_update(UpdateFields(1, 2, 10, 0.5, bench.tasks().task.digest, payload))
    assert bench.send((0, message), (1, bench.update())) == [Verdict.MALFORMED, OK]
    assert bench.send((0, bench.update())) == [OK]


@pytest.mark.parametrize("asked", [Recipe(Codec.INT8, 16, 1.0), Recipe(Codec.FLOAT32, 0, 1.0)])
def test_an_update_longer_than_its_clip_is_refused(asked: Recipe) -> None:
    bench = Bench(replace(settings_of(), recipe=asked), n_devices=2).start()
    n = bench.coordinator.memory.current.spec.n_parameters
    unclipped = replace(asked, clip_norm=0.0)
    payload, norm = encode_payload(unclipped, np.full(n, 2.0 / np.sqrt(n), np.float32), 0)
    assert norm == pytest.approx(2.0)
    long = write_update(UpdateFields(1, 2, 10, 0.5, bench.tasks().task.digest, payload))
    assert bench.send((0, long), (1, bench.update(1e4))) == [Verdict.TOO_LARGE, OK]
    assert bench.send((0, bench.update(1e4))) == [OK]


@given(
    st.sampled_from([Recipe(Codec.FLOAT32, 0, 0.5), Recipe(Codec.INT8, 16, 0.5), Recipe(Codec.INT8, 4096, 0.5)]),
    st.integers(1, 700),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 1.0, 8.0]),
)
def test_no_honest_update_is_longer_than_its_clip_allows(recipe: Recipe, n: int, seed: int, peak: float) -> None:
    rng = np.random.default_rng(seed)
    delta = (rng.normal(size=n) * np.exp(peak * rng.normal(size=n))).astype(np.float32)
    payload, _ = encode_payload(recipe, delta, seed)
    message = write_update(UpdateFields(1, 1, 1, 0.0, bytes(16), payload))
    block = block_of(0, message, 0)
    headers = read_headers(block, n, recipe)
    decoded = np.zeros(n, np.float32)
    decode_payload(payload, decoded)
    squares = np.zeros(1)
    square_updates(block.content, block.offsets, headers, n, squares)
    assert squares[0] == pytest.approx(np.square(decoded.astype(np.float64)).sum(), rel=1e-6, abs=1e-30)
    assert not too_long_for(recipe, block, headers, n).any()
