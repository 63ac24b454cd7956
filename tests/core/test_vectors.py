"""The vectors in vectors/: they are what the generator makes, and the twins, who only know docs/SPEC.md, agree."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from streams_exact import ExactStreams
from twins import bucket, decode_payload, encode_payload, int8_predict, position, sanitised, update_fields

from covey.core import Packet

FOLDER = Path(__file__).resolve().parents[2] / "vectors"


def entries(name: str, group: str = "good") -> list[dict]:
    return json.loads((FOLDER / f"{name}.json").read_text())[group]


def test_the_generator_makes_the_same_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    spec = importlib.util.spec_from_file_location("generate", FOLDER / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    documents = generate.documents()
    assert {path.name for path in FOLDER.glob("*.json")} >= set(documents)
    for name, content in documents.items():
        assert (FOLDER / name).read_text() == content, (
            f"{name} is old: run vectors/generate.py and look at the difference"
        )


def floats(text: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(text), "<f4")


@pytest.mark.parametrize("entry", entries("encodings"), ids=lambda entry: entry["name"])
def test_encodings_agree(entry: dict) -> None:
    raw, out = floats(entry["raw"]).reshape(-1, 2), floats(entry["out"]).reshape(-1, 2)
    clean = np.vectorize(sanitised, otypes=[np.float32])(raw)
    if entry["name"] == "identity":
        assert (out == clean).all()
    elif entry["name"] == "knots":
        offset, knot = entry["offset"], np.array(entry["knot"], np.float32)
        for j in range(2):
            expected = [position(knot[offset[j] : offset[j + 1]], offset[j], x) for x in raw[:, j]]
            assert out[:, j].tolist() == expected
    else:
        wide = clean.astype(float)
        wide = np.sign(wide) * np.log1p(np.abs(wide)) if entry["name"] == "signed_log" else wide
        expected = (wide - entry["center"]) * entry["scale"]
        expected = np.clip(expected, -entry["limit"], entry["limit"]) if entry["limit"] else expected
        kept = np.abs(expected) < 3e38
        np.testing.assert_allclose(out[kept], expected[kept], rtol=1e-6)


def test_buckets_agree() -> None:
    for entry in entries("encodings", "buckets"):
        assert entry["bucket"] == bucket(np.float32(entry["value"]), entry["bits"])
        assert bucket(np.float32(entry["low"]), entry["bits"]) == entry["bucket"]


@pytest.mark.parametrize("entry", entries("payloads"), ids=lambda entry: entry["name"])
def test_payloads_agree(entry: dict) -> None:
    delta = np.array(entry["delta"], np.float32)
    twin = encode_payload(entry["codec"], entry["block"], entry["clip_norm"], delta, entry["seed"])
    assert twin.hex() == entry["payload"]
    assert decode_payload(twin).tolist() == entry["decoded"]


@pytest.mark.parametrize("entry", entries("int8_models"), ids=lambda entry: entry["name"])
def test_int8_models_agree(entry: dict) -> None:
    layers = [tuple(layer) for layer in entry["layers"]]
    width = layers[0][2] * (layers[0][5] or 1)
    rows = np.array(entry["inputs"], np.float32).reshape(-1, width)
    out = np.concatenate([int8_predict(layers, bytes.fromhex(entry["bytes"]), row) for row in rows])
    np.testing.assert_allclose(out, entry["outputs"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("entry", entries("updates"), ids=lambda entry: str(entry["round"]))
def test_update_messages_agree(entry: dict) -> None:
    expected = [
        1,
        entry["round"],
        entry["counter"],
        bytes.fromhex(entry["digest"]),
        entry["num_examples"],
        entry["loss"],
    ]
    fields = update_fields(bytes.fromhex(entry["message"]))
    assert fields == dict(enumerate([*expected, bytes.fromhex(entry["payload"])], start=1))


def test_bad_vectors_cover_every_status_a_message_can_have() -> None:
    met = {entry["status"] for name in ("payloads", "updates") for entry in entries(name, "bad")}
    assert met == {"TRUNCATED", "FORMAT", "VERSION", "LENGTH", "NONFINITE"}
    met = {entry["verdict"] for name in ("receipts", "tasks", "sketches") for entry in entries(name, "bad")}
    assert met == {"MALFORMED", "TOO_LARGE", "WRONG_VERSION", "NONFINITE"}


@pytest.mark.parametrize("entry", entries("streams"), ids=lambda entry: entry["name"])
def test_features_of_streams_agree_to_the_bit(entry: dict) -> None:
    exact = ExactStreams(entry["capacity"])
    for packet, row in zip(entry["packets"], entry["rows"], strict=True):
        assert exact.row(Packet.unpack(bytes.fromhex(packet))).tobytes().hex() == row
    assert exact.twin.backwards == entry["backwards"]
    assert sum(table.evictions for table in exact.tables) == entry["evictions"]
