"""The vectors of model files: `models.json`, one of generate.py's documents."""

import hashlib
import struct
from dataclasses import replace

import cbor2

from covey.errors import ModelError
from covey.wire import (
    DetectionSettings,
    EncodingFields,
    FeatureSchema,
    Missing,
    ModelDesign,
    ModelFile,
    SourceKind,
    Value,
    encode,
)
from covey.wire.fields import Fields

Json = dict[str, object]


def files() -> dict[str, ModelFile]:
    """One of each kind of source."""
    knots = struct.pack("<5H", 0xC000, 0, 0x3F80, 0x3F80, 0x4040)  # -2, 0, 1 and 1, 3
    design = ModelDesign(
        layers=((1, 1, 2, 2, 5, 0, 0, 0), (0, 0, 2, 1, 0, 0, 0, 0)),  # a spline with relu, a dense layer
        loss=1,
        encoding=EncodingFields(kind=3, n_features=2, knots=knots, counts=b"\3\2"),
        feature_names=("MI_dir_L5_weight", "HH_L1_magnitude"),
        class_names=("benign", "attack"),
        thresholds=(1.25,),
        schema=FeatureSchema(SourceKind.PACKETS),
    )
    parameters = struct.pack("<15f", *(i / 4 - 2 for i in range(15)))
    first = ModelFile.of(sequence=1, parent=b"", design=design, parameters=parameters)
    log = EncodingFields(2, 1, struct.pack("<f", 0.5), struct.pack("<f", 2), limit=8.0)
    readings = replace(
        design,
        layers=((0, 0, 1, 1, 0, 0, 0, 0),),
        loss=2,
        encoding=log,
        feature_names=("größe_mean",),
        class_names=("normal",),
        thresholds=(),
        schema=FeatureSchema(SourceKind.READINGS, window_s=60.0, gap_s=0.1, missing=Missing.HOLD),
        detection=DetectionSettings(0.0, 1, 1, 1, 0.0, 0.0, 0.125, 86_400.0),
    )
    connections = replace(
        readings,
        encoding=EncodingFields(0, 1),
        feature_names=("conn_tcp",),
        schema=FeatureSchema(SourceKind.CONNECTIONS),
    )
    rows = replace(connections, feature_names=("a",), schema=FeatureSchema())
    two = struct.pack("<2f", 1.5, -0.5)
    return {
        "packets": first,
        "its successor, with a report": ModelFile.of(
            sequence=2, parent=first.digest, design=design, parameters=parameters, report=[("f1", 0.75)]
        ),
        "readings": ModelFile.of(sequence=7, parent=b"", design=readings, parameters=two),
        "connections": ModelFile.of(sequence=7, parent=b"", design=connections, parameters=two),
        "rows": ModelFile.of(sequence=(1 << 63) - 1, parent=b"", design=rows, parameters=two),
    }


def described(file: ModelFile) -> Json:
    """A file in words and numbers."""
    design = file.design
    return {
        "sequence": file.sequence,
        "parent": file.parent.hex(),
        "layers": [list(layer) for layer in design.layers],
        "loss": design.loss,
        "parameters": list(struct.unpack(f"<{len(file.parameters) // 4}f", file.parameters)),
        "encoding": {
            "kind": design.encoding.kind,
            "knots": design.encoding.knot_values().tolist(),
            "offsets": design.encoding.offsets().tolist(),
        },
        "features": list(design.feature_names),
        "classes": list(design.class_names),
        "thresholds": list(design.thresholds),
        "report": [list(pair) for pair in file.report],
        "schema": list(design.schema.value().values()),
        "detection": list(design.detection.value().values()),
        "digest": file.digest.hex(),
    }


def signed(fields: dict[int, Value]) -> bytes:
    """A file of these fields with the digest that goes with them: nothing but the content is wrong."""
    content = {key: value for key, value in fields.items() if key != 13}
    return encode({**content, 13: hashlib.sha256(encode(content)).digest()})


def bad_files(file: ModelFile) -> dict[str, bytes]:
    """One for each rule, made from a good one."""
    good, design = file.encode(), file.design
    fields = Fields.of(cbor2.loads(good), range(1, 16)).values
    encoding, schema, detection = design.encoding.value(), design.schema.value(), design.detection.value()
    changes: dict[str, dict[int, Value]] = {
        "format 1": {1: 1},
        "sequence 0": {2: 0},
        "a parent's digest of 31 bytes": {3: bytes(31)},
        "layers that are no whole number of rows": {4: bytes(30)},
        "a parameter that is not a number": {6: struct.pack("<15f", float("nan"), *range(14))},
        "parameters that are no whole number of floats": {6: bytes(59)},
        "knots that fall": {7: {**encoding, 6: struct.pack("<5H", 0xC000, 0x3F80, 0, 0x3F80, 0x4040)}},
        "a feature with one knot": {7: {**encoding, 7: b"\4\1"}},
        "fewer counts than features": {7: {**encoding, 7: b"\5"}},
        "a feature's name twice": {8: ["a", "a"]},
        "no class": {9: []},
        "a threshold that is infinite": {10: struct.pack("<d", float("inf"))},
        "more names than figures": {11: ["f1"]},
        "an unknown kind of source": {14: {**schema, 1: "pockets"}},
        "packets with windows": {14: {**schema, 2: 10.0}},
        "readings without windows": {14: {**schema, 1: "readings"}},
        "readings with both kinds of windows": {14: {**schema, 1: "readings", 2: 10.0, 3: 10}},
        "a window that is a whole number": {14: {**schema, 2: 0}},
        "a window of less than a millisecond": {15: {**detection, 1: 2.0**-11}},
        "order 17": {15: {**detection, 2: 17}},
        "more votes than windows": {15: {**detection, 3: 4}},
        "hysteresis below 0": {15: {**detection, 5: -0.5}},
        "no alarms an hour": {15: {**detection, 7: 0.0}},
        "a warm-up below 0": {15: {**detection, 8: -1.0}},
        "a warm-up of more than a day": {15: {**detection, 8: 86_401.0}},
        "no warm-up": {15: {key: value for key, value in detection.items() if key != 8}},
        "an unknown field": {16: 0},
    }
    bad = {name: signed({**fields, **change}) for name, change in changes.items()}
    return {
        "empty": b"",
        "cut": good[:-1],
        "a byte too many": good + b"\0",
        "a digest of something else": encode({**fields, 2: 2}),
        "without detection": signed({key: value for key, value in fields.items() if key != 15}),
        **bad,
    }


def models() -> Json:
    """The document."""
    good = [{"name": name, **described(file), "file": file.encode().hex()} for name, file in files().items()]
    bad: list[Json] = []
    for name, data in bad_files(files()["packets"]).items():
        try:
            ModelFile.decode(data)
        except ModelError as error:
            bad.append({"name": name, "code": error.code.value, "file": data.hex()})
        else:
            raise AssertionError(f"{name} is read")
    return {
        "about": "model files; schema and detection: the values of keys 14 and 15 in order",
        "good": good,
        "bad": bad,
    }
