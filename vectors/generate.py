"""Writes the test vectors of docs/SPEC.md: `python vectors/generate.py [--check]`.

Each JSON file is about one format. `good` entries hold values and their bytes in hexadecimal, `bad` entries bytes and
the reason to refuse them with. Floats are exact in decimal, as JSON readers give them back to the bit. An
implementation in another language should make the bytes of all good entries, read them, and refuse all bad ones.
"""

import json
import struct
import sys
from array import array
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from streams import streams

from captures import captures  # beside this file
from covey import core
from covey.wire import Receipt, Sketch, Task, TaskKind, Verdict
from covey.wire.task import RecipeTerms, SketchTerms, TrainingTerms
from models import models

FOLDER = Path(__file__).parent
SEED = 20240229
DIGEST = bytes(range(0xD0, 0xE0))
Json = dict[str, object]


def numbers(label: int, n: int, reach: float) -> "array[float]":
    """Make n float32 in [-reach, reach), the same on every machine."""
    stream = core.seed(SEED, label)
    return array("f", [((core.random_u64(stream, i) >> 40) / (1 << 23) - 1) * reach for i in range(n)])


def floats(data: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(data) // 4}f", data))


# ---------------------------------------------------------------- encodings
def encodings() -> Json:
    knot = array("f", [-4, -1, 0, 0, 2, 100, 5, 5, 6])
    offset = array("H", [0, 6, 9])
    center, scale = array("f", [1, -0.5]), array("f", [0.25, 3])
    raw = array("f", [-5, 5, -4, 5.5, -0.5, 7, 0, 4, 1e-3, -1, 14.142136, 5.25, 1e30, 6])
    raw.extend([float("nan"), float("inf"), float("-inf"), float("nan")])
    kinds = {
        "identity": core.EncodingArguments(core.EncodingKind.IDENTITY, 2),
        "standard": core.EncodingArguments(core.EncodingKind.STANDARD, 2, center=center, scale=scale, limit=8.0),
        "signed_log": core.EncodingArguments(core.EncodingKind.SIGNED_LOG, 2, center=center, scale=scale),
        "knots": core.EncodingArguments(core.EncodingKind.KNOTS, 2, knot=knot, offset=offset),
    }
    good: list[Json] = []
    for name, arguments in kinds.items():
        out = array("f", bytes(4 * len(raw)))
        core.encode(arguments, raw, out, len(raw) // 2)
        entry: Json = {"name": name, "kind": int(arguments.kind), "inputs": 2, "raw": raw.tobytes().hex()}
        if arguments.center is not None:
            entry |= {"center": list(center), "scale": list(scale), "limit": arguments.limit}
        if arguments.knot is not None:
            entry |= {"knot": list(knot), "offset": list(offset)}
        good.append(entry | {"out": out.tobytes().hex()})
    values = [-3e38, -1.0, -1e-40, 0.0, 1e-40, 0.7, 1.0, 1.5, 3e38]
    buckets = [
        {"bits": bits, "value": value, "bucket": (b := core.bucket(value, bits)), "low": core.bucket_low(b, bits)}
        for bits in (0, 3, 7)
        for value in values
    ]
    return {"about": "feature encodings and buckets; raw and out are float32 LE", "good": good, "buckets": buckets}


# ---------------------------------------------------------------- int8 models
def int8_models() -> Json:
    models = {
        "spline": ([(2, 1, 3, 5, 9, 0, 0, 0), (1, 0, 5, 2, 0, 0, 0, 0)], [0, 4.5, 8, 1.25, 3, 7.999, -1, 2.5, 99]),
        "dense": ([(1, 2, 3, 4, 0, 0, 0, 0), (1, 0, 4, 3, 0, 0, 0, 0)], [0, 0, 0, 1, -2, 3, 0.001, 1e6, -1e-6]),
        "conv1d": ([(3, 1, 1, 3, 0, 9, 3, 2), (4, 0, 3, 3, 0, 4, 2, 2), (5, 0, 3, 3, 0, 2, 2, 1)], list(range(-9, 9))),
    }
    good = []
    for label, (name, (layers, inputs)) in enumerate(models.items()):
        model = core.Model(layers, core.Loss.MSE)
        parameters = numbers(label, model.n_parameters, 0.7)
        data, n_rows = bytearray(model.int8_size), len(inputs) // model.n_inputs
        out = array("f", bytes(4 * n_rows * model.n_outputs))
        core.quantise(model, parameters, data)
        core.int8_predict(model, data, array("f", inputs), n_rows, out)
        entry = {"name": name, "layers": layers, "parameters": list(parameters), "bytes": data.hex()}
        good.append(entry | {"inputs": list(array("f", inputs)), "outputs": list(out)})
    return {"about": "int8 models (layers: the eight numbers of covey_layer) and what they give", "good": good}


# ---------------------------------------------------------------- payloads
def payloads() -> Json:
    recipes = {
        "float32": core.Recipe(core.Codec.FLOAT32),
        "float32 clipped": core.Recipe(core.Codec.FLOAT32, clip_norm=0.5),
        "int8 block 16": core.Recipe(core.Codec.INT8, 16),
        "int8 block 17 clipped": core.Recipe(core.Codec.INT8, 17, 0.25),
        "int8 one block": core.Recipe(core.Codec.INT8, 4096),
    }
    good = []
    for label, (name, recipe) in enumerate(recipes.items()):
        given = numbers(10 + label, 40, 0.3)
        delta, decoded = array("f", given), array("f", bytes(160))
        payload, norm = core.encode_payload(recipe, delta, SEED + label)
        core.decode_payload(payload, decoded)
        fields = {"codec": int(recipe.codec), "block": recipe.block, "clip_norm": recipe.clip_norm}
        entry = {"name": name, **fields, "seed": SEED + label, "delta": list(given), "norm": norm}
        good.append(entry | {"payload": payload.hex(), "decoded": list(decoded)})
    int8 = bytes.fromhex(str(good[2]["payload"]))
    bad = [
        {"name": name, "n": n, "payload": data.hex(), "status": core.check_payload(data, n).name}
        for name, n, data in bad_payloads(int8, bytes.fromhex(str(good[0]["payload"])))
    ]
    return {"about": "payloads: a delta of float32 through a codec", "good": good, "bad": bad}


def bad_payloads(int8: bytes, float32: bytes) -> Iterator[tuple[str, int, bytes]]:
    """(name, parameters, bytes) of payloads to refuse, made from two good ones of 40 parameters."""
    yield "empty", 40, b""
    yield "head cut", 40, int8[:4]
    yield "block cut", 40, int8[:6]
    yield "last value missing", 40, int8[:-1]
    yield "trailing byte", 40, int8 + b"\0"
    yield "other number of parameters", 41, int8
    yield "unknown codec", 40, b"\x03" + int8[1:]
    yield "block too small", 40, int8[:5] + struct.pack("<H", 15) + int8[7:]
    yield "block too large", 40, int8[:5] + struct.pack("<H", 4097) + int8[7:]
    for name, scale in (("NaN", float("nan")), ("infinite", float("inf")), ("negative", -1.0), ("-0", -0.0)):
        yield f"scale {name}", 40, int8[:7] + struct.pack("<f", scale) + int8[11:]
    yield "scale whose values overflow", 40, int8[:7] + struct.pack("<f", 2.0**121 * 1.5) + int8[11:]
    yield "value -128", 40, int8[:11] + b"\x80" + int8[12:]
    yield "float32 NaN", 40, float32[:-4] + struct.pack("<f", float("nan"))
    yield "float32 infinite", 40, float32[:-4] + struct.pack("<f", float("-inf"))
    yield "float32 cut", 40, float32[:-1]


# ---------------------------------------------------------------- messages
def changed(message: bytes, at: int, new: bytes, old: int = 1) -> bytes:
    return message[:at] + new + message[at + old :]


def updates() -> Json:
    payload = core.encode_payload(core.Recipe(core.Codec.INT8, 16), numbers(30, 20, 0.1), SEED)[0]
    fields = [
        core.UpdateFields(0, 1, 0, 0.0, bytes(16), b""),
        core.UpdateFields(23, 24, 255, -0.0, DIGEST, payload),
        core.UpdateFields(256, 65535, 65536, 1.5, DIGEST, payload),
        core.UpdateFields(2**32 - 1, 2**32 - 1, 2**32 - 1, 3.4028234663852886e38, DIGEST, payload),
    ]
    good = [
        {
            "round": one.round,
            "counter": one.counter,
            "num_examples": one.num_examples,
            "loss": one.loss,
            "digest": one.digest.hex(),
            "payload": one.payload.hex(),
            "message": core.write_update(one).hex(),
        }
        for one in fields
    ]
    base = core.write_update(core.UpdateFields(23, 1, 9, 0.5, DIGEST, b"\1\2\3"))
    bad = []
    for name, data in bad_updates(base):
        status = core.read_update(data)
        if not isinstance(status, core.Status):
            raise TypeError(f"{name} is not refused")
        bad.append({"name": name, "message": data.hex(), "status": status.name})
    return {"about": "update messages", "good": good, "bad": bad}


def bad_updates(base: bytes) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of messages to refuse. base: a7 01 01 02 17 03 01 04 50 <16> 05 09 06 fa <4> 07 43 01 02 03."""
    yield "empty", b""
    yield "cut after the map's head", base[:1]
    yield "cut in the digest", base[:12]
    yield "last byte missing", base[:-1]
    yield "trailing byte", base + b"\0"
    yield "a map of six", changed(base, 0, b"\xa6")
    yield "a map of eight", changed(base, 0, b"\xa8") + b"\x08\x00"
    yield "a map of indefinite length", changed(base, 0, b"\xbf") + b"\xff"
    yield "an array", changed(base, 0, b"\x87")
    yield "version 2", changed(base, 2, b"\x02")
    yield "keys out of order", changed(changed(base, 3, b"\x03"), 5, b"\x02")
    yield "a key twice", changed(base, 5, b"\x02")
    yield "an unknown key", changed(base, 27, b"\x08")
    yield "23 in two bytes", changed(base, 4, b"\x18\x17")
    yield "9 in three bytes", changed(base, 26, b"\x19\x00\x09")
    yield "a round of 64 bits", changed(base, 4, b"\x1b\0\0\0\1\0\0\0\0")
    yield "a negative round", changed(base, 4, b"\x20")
    yield "a round that is text", changed(base, 4, b"\x61\x31")
    yield "a tag", changed(base, 4, b"\xc0\x17")
    yield "a digest of 15 bytes", changed(base, 8, b"\x4f" + bytes(15), 17)
    yield "a digest that is text", changed(base, 8, b"\x70")
    yield "a loss of 64 bits", changed(base, 28, b"\xfb" + struct.pack(">d", 0.5), 5)
    yield "a loss of 16 bits", changed(base, 28, b"\xf9\x38\x00", 5)
    yield "a loss that is no number", changed(base, 28, b"\xfa\x7f\xc0\x00\x00", 5)
    yield "an infinite loss", changed(base, 28, b"\xfa\xff\x80\x00\x00", 5)
    yield "a payload longer than the message", changed(base, 34, b"\x44")
    yield "a payload of 4 GB", changed(base, 34, b"\x5a\xff\xff\xff\xff")


def receipts() -> Json:
    good = [
        Receipt(0, 1, Verdict.ACCEPTED),
        Receipt(300, 70000, Verdict.LATE),
        Receipt(2**32 - 1, 24, Verdict.MALFORMED),
    ]
    base = good[0].encode()  # a4 01 01 02 00 03 01 04 00
    bad = {
        "empty": b"",
        "cut": base[:-1],
        "trailing byte": base + b"\0",
        "version 2": changed(base, 2, b"\x02"),
        "a field missing": b"\xa3" + base[1:-2],
        "an unknown field": b"\xa5" + base[1:] + b"\x05\x00",
        "a key twice": changed(base, 3, b"\x01"),
        "keys out of order": changed(changed(base, 3, b"\x03"), 5, b"\x02"),
        "a verdict of nine bits": changed(base, 8, b"\x19\x01\x00"),
        "a verdict that is true": changed(base, 8, b"\xf5"),
        "0 in two bytes": changed(base, 8, b"\x18\x00"),
        "a text key": changed(base, 7, b"\x61\x34"),
        "nested too deep": changed(base, 8, b"\x81\x80"),
        "too large": changed(base, 8, b"\x58\x40" + bytes(64)),
    }
    return {
        "about": "receipts",
        "good": [
            {"round": one.round, "counter": one.counter, "verdict": int(one.verdict), "message": one.encode().hex()}
            for one in good
        ],
        "bad": list(refused(bad, Receipt.decode)),
    }


def refused(bad: dict[str, bytes], decode: Callable[[bytes], object]) -> Iterator[Json]:
    """The entries of messages to refuse, with the verdict of this implementation."""
    for name, data in bad.items():
        verdict = decode(data)
        if not isinstance(verdict, Verdict):
            raise TypeError(f"{name} is not refused")
        yield {"name": name, "message": data.hex(), "verdict": verdict.name}


def tasks() -> Json:
    recipe = RecipeTerms(2, 64, 2.5)
    terms = TrainingTerms(0, 150, 32, 0.125, 0.9, 0, 0, 1.0, 1.0, 0, fake_quantise=False, shuffle=True)
    terms = TrainingTerms.of(terms)  # floats become float32
    parameters = struct.pack("<2f", 0.5, -1.0)
    train = Task(TaskKind.TRAIN, 7, 600_000, DIGEST, 2**64 - 1, recipe, terms, parameters=parameters)
    good = {
        "train": train,
        "train with a control variate": replace(train, seed=5, sequence=41, variate=struct.pack("<2f", 0.25, 0.0)),
        "train with a model file, of which the wire does not look at the content": replace(
            train, lifetime_ms=0, parameters=None, model=b"\1\2\3", step_scale=struct.pack("<f", 4.0), trainable=b"\1\0"
        ),
        "statistics": Task(TaskKind.STATISTICS, 0, 60_000, sketch=SketchTerms(7, 64, 10_000, 2.0**64)),
    }
    base = good["statistics"].encode()  # a5 01 01 02 02 03 00 04 19 ea60 0d a4 01 07 ...
    message = train.encode()
    bare = message[:-10]  # its last field is 09 48 and the parameters
    bad = {
        "empty": b"",
        "cut": base[:-1],
        "an unknown kind": changed(message, 4, b"\x03"),
        "statistics with the fields of train": changed(message, 4, b"\x02"),
        "train without a model": changed(bare, 0, b"\xa8"),
        "train with parameters and a model file": changed(message, 0, b"\xaa") + b"\x0f\x41\x01",
        "a seed of 4 bytes": message.replace(b"\x06\x48" + b"\xff" * 8, b"\x06\x44" + b"\xff" * 4),
        "version 2": changed(base, 2, b"\x02"),
        "bits of 8": changed(base, 15, b"\x08"),
        "a limit that is no number": changed(base, len(base) - 5, b"\xfa\x7f\xc0\x00\x00", 5),
        "a float of 64 bits that fits 32": changed(base, len(base) - 5, b"\xfb" + struct.pack(">d", 2.0**64), 5),
        "a float32 field that needs 64 bits": changed(base, len(base) - 5, b"\xfb" + struct.pack(">d", 0.1), 5),
    }
    return {
        "about": "tasks",
        "good": [{"name": name, "task": plain(task), "message": task.encode().hex()} for name, task in good.items()],
        "bad": list(refused(bad, Task.decode)),
    }


def plain(value: object) -> object:
    """Dataclasses as maps, bytes in hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    if hasattr(type(value), "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in type(value).__dataclass_fields__}
    return value


def sketches() -> Json:
    good = {
        "two features": Sketch(
            0,
            1,
            10,
            7,
            array("d", [1, -2, 3e300, 4]),
            array("I", [2, 1]),
            array("H", [5, 700, 65535]),
            array("I", [4, 6, 10]),
            25,
        ),
        "wide counts": Sketch(
            0, 9, 70000, 0, array("d", [0.1]), array("I", [2]), array("H", [0, 511]), array("I", [69999, 1]), 70000
        ),
        "no buckets": Sketch(3, 2, 0, 3, array("d"), array("I", [0, 0, 0]), array("H"), array("I"), 0),
    }
    base = good["two features"].encode()
    sums = base.index(b"\x06\x58")
    bad = {
        "cut": base[:-1],
        "version 2": changed(base, 2, b"\x02"),
        "sums not a multiple of the features": changed(base, sums + 1, b"\x58\x18", 10),
        "an infinite sum": changed(base, sums + 3, struct.pack("<d", float("inf")), 8),
        "a bucket twice": base.replace(b"\x46\x05\x00\xb7\x02", b"\x46\x05\x00\x00\x00"),
        "a bucket out of range": changed(base, base.index(b"\x05\x07") + 1, b"\x06"),
        "a bucket with no rows": base.replace(b"\x43\x04\x06\x0a", b"\x43\x04\x00\x0a"),
        "tallies in two bytes": base.replace(b"\x43\x04\x06\x0a", b"\x46\x04\x00\x06\x00\x0a\x00"),
        "more buckets than gaps": base.replace(b"\x42\x02\x01", b"\x42\x02\x02"),
        "a feature without its pairs": changed(base, len(base) - 4, b"\x03"),
        "more rows sketched than held": base[:-2] + b"\x09",
    }
    return {
        "about": "sketches: the answer to a statistics task",
        "good": [
            {
                "name": name,
                **{key: list(column) if isinstance(column, array) else column for key, column in columns(one)},
            }
            | {"message": one.encode().hex()}
            for name, one in good.items()
        ],
        "bad": list(refused(bad, Sketch.decode)),
    }


def columns(sketch: Sketch) -> Iterator[tuple[str, object]]:
    for name in ("round", "counter", "rows", "bits", "sums", "pairs", "bucket", "tally", "held"):
        yield name, getattr(sketch, name)


# ---------------------------------------------------------------- the device's machine
def device() -> Json:
    """One walk through every kind of event; each step has the event, the effect and the record after it."""
    record, steps = core.DeviceRecord(1000), []
    boot, task, trained, receipt, deadline = core.EventKind
    walk = [
        (0, boot, 0, 0, 0), (10, task, 3, 0, 60_000), (20, task, 3, 0, 60_000), (30, task, 4, 0, 60_000),
        (40, trained, 3, 0, 1), (50, trained, 4, 0, 1), (60, task, 5, 0, 0), (900, deadline, 0, 0, 0),
        (1050, deadline, 0, 0, 0), (2000, boot, 0, 0, 1), (2100, receipt, 4, 2, 1), (2200, receipt, 4, 1, 1),
        (2300, receipt, 4, 1, 1), (2400, task, 5, 0, 500), (2500, boot, 0, 0, 0), (2600, task, 5, 0, 500),
        (2700, trained, 5, 0, 1), (3100, deadline, 0, 0, 0), (3200, task, 6, 0, 100), (3300, deadline, 0, 0, 0),
        (3400, task, 7, 0, 0), (3500, trained, 7, 0, 0), (3600, task, 8, 0, 0), (3700, trained, 8, 0, 1),
        (3800, receipt, 8, 3, 0), (3900, boot, 0, 0, 1), (4000, task, 2**32 - 1, 0, 0),
    ]  # fmt: skip
    for now_ms, kind, round_number, counter, value in walk:
        event = core.DeviceEvent(kind, round_number, counter, value, bytes([round_number % 256]) * 16)
        effect = record.handle(event, now_ms)
        given = {"now_ms": now_ms, "event": kind.name, "round": round_number, "counter": counter, "value": value}
        answer = {"effect": effect.kind.name, "effect_round": effect.round, "effect_counter": effect.counter}
        steps.append({**given, **answer, "record": record.snapshot().hex()})
    return {"about": "a device with retry_ms 1000; digest: 16 times the round's last byte", "steps": steps}


def documents() -> dict[str, str]:
    """File name: content."""
    makers = (encodings, int8_models, payloads, updates, receipts, tasks, sketches, device, captures, streams, models)
    return {f"{make.__name__}.json": json.dumps(make(), indent=1) + "\n" for make in makers}


def main() -> int:
    """Write the files; with --check, only say which differ."""
    differ = 0
    for name, content in documents().items():
        path = FOLDER / name
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text() != content:
                print(f"{name} is not what generate.py makes")
                differ += 1
        else:
            path.write_text(content)
    return min(differ, 1)


if __name__ == "__main__":
    sys.exit(main())
