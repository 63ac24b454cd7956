"""Many clients in one call: as if each had trained alone, whatever the threads; and the structs that numpy fills."""

from dataclasses import replace

import numpy as np
import pytest
from training_cases import Case, case

from covey.core import (
    CLIENT_FIELDS,
    CLIENT_RESULT_FIELDS,
    Codec,
    Job,
    Recipe,
    Rows,
    Status,
    TrainingArguments,
    UpdateFields,
    decode_payload,
    read_update,
    run,
    seed,
    self_test,
    train,
)
from covey.core.status import ffi
from covey.errors import Code, CoreError

ARGUMENTS = TrainingArguments(epochs=2, batch=8, learning_rate=0.05)


def fleet(c: Case, n: int = 7) -> tuple[Job, np.ndarray, np.ndarray]:
    clients, results = np.zeros(n, CLIENT_FIELDS), np.zeros(n, CLIENT_RESULT_FIELDS)
    clients["first_row"], clients["n_rows"] = np.arange(n) * 5, 6 + np.arange(n)
    clients["seed"], clients["counter"] = 100 + np.arange(n), np.arange(n)
    job = Job(
        c.model,
        ARGUMENTS,
        c.rows(),
        c.parameters,
        clients,
        results,
        recipe=Recipe(Codec.FLOAT32),
        round=4,
        digest=bytes(range(16)),
        messages=np.zeros((n, 8192), np.uint8),
        message_stride=8192,
        deltas=np.zeros((n, c.model.n_parameters), np.float32),
    )
    return job, clients, results


@pytest.mark.parametrize(
    ("fields", "ctype"), [(CLIENT_FIELDS, "covey_client"), (CLIENT_RESULT_FIELDS, "covey_client_result")]
)
def test_numpy_fields_lie_where_c_expects_them(fields: list[tuple[str, str]], ctype: str) -> None:
    dtype = np.dtype(fields)
    assert dtype.itemsize == ffi.sizeof(ctype)
    for name, field in ffi.typeof(ctype).fields:
        assert dtype.fields[name][1] == field.offset
        assert dtype.fields[name][0].itemsize == ffi.sizeof(field.type)
    assert len(dtype.names) == len(ffi.typeof(ctype).fields)


def test_every_client_is_trained_as_if_alone() -> None:
    c = case("spline", 60)
    job, clients, results = fleet(c)
    rng = np.random.Generator(np.random.PCG64(1))
    correction, own = rng.normal(size=(2, c.model.n_parameters)).astype(np.float32) * np.float32(0.1)
    clients["correction"][2] = correction.ctypes.data
    clients["parameters"][3] = own.ctypes.data
    run(job, 2)
    for i, client in enumerate(clients):
        start = own if i == 3 else c.parameters
        parameters = start.copy()
        part = slice(int(client["first_row"]), int(client["first_row"] + client["n_rows"]))
        arguments = replace(ARGUMENTS, seed=seed(100 + i, 0), correction=correction if i == 2 else None)
        result = train(c.model, arguments, Rows(c.x[part], 6 + i, labels=c.labels[part]), parameters)
        np.testing.assert_array_equal(job.deltas[i], parameters - start)
        assert (results[i]["status"], results[i]["steps"]) == (0, result.steps)
        assert results[i]["last_loss"] == np.float32(result.last_loss)


def test_messages_carry_the_deltas() -> None:
    c = case("spline", 60)
    job, _, results = fleet(c)
    run(job, 2)
    for i in range(len(results)):
        update = read_update(job.messages[i, : results[i]["message_size"]])
        assert isinstance(update, UpdateFields)
        assert (update.round, update.counter, update.num_examples) == (4, i, 6 + i)
        assert update.digest == bytes(range(16))
        values = np.empty(c.model.n_parameters, np.float32)
        assert decode_payload(update.payload, values) is Status.OK
        np.testing.assert_array_equal(values, job.deltas[i])
        assert results[i]["norm"] == pytest.approx(np.linalg.norm(values), rel=1e-5)


def test_the_number_of_threads_does_not_show() -> None:
    c = case("conv", 60)
    found = set()
    for n_threads in (1, 2, 3, 16):
        job, _, results = fleet(c)
        run(job, n_threads)
        found.add(job.deltas.tobytes() + job.messages.tobytes() + results.tobytes())
    assert len(found) == 1


def test_a_client_that_fails_says_why_and_leaves_the_others_alone() -> None:
    c = case("mlp", 60)
    c.x[0, 0] = np.nan
    job, clients, results = fleet(c)
    clients["first_row"][2] = 58
    run(job, 2)
    assert results["status"].tolist() == [Status.NONFINITE, 0, Status.ARGUMENT, 0, 0, 0, 0]
    assert not job.deltas[0].any()
    assert results["message_size"][0] == 0


@pytest.mark.parametrize(
    "change", [{"digest": b"short"}, {"message_stride": 5}, {"parameters": np.zeros(3, np.float32)}, {"results": b""}]
)
def test_a_wrong_job_is_refused(change: dict) -> None:
    job, _, _ = fleet(case("mlp", 60))
    with pytest.raises(CoreError) as caught:
        run(replace(job, **change), 2)
    assert caught.value.code is Code.CORE_ARGUMENT


def test_the_self_test_passes_here() -> None:
    self_test()
