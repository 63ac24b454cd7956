"""Slow, obvious twins of what the core computes, written from docs/SPEC.md alone: numpy, cbor2 and plain Python."""

import io
import math
import struct

import cbor2
import numpy as np

MASK = (1 << 64) - 1
F = np.float32


def random_u64(seed: int, index: int) -> int:
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def ordered(x: np.float32) -> int:
    bits = int(np.float32(x).view(np.uint32))
    return -(bits & 0x7FFFFFFF) if bits >> 31 else bits


def sanitised(x: np.float32) -> np.float32:
    largest = np.finfo(np.float32).max
    return -largest if math.isnan(x) or x < -largest else min(F(x), largest)


def position(knot: np.ndarray, first: int, x: np.float32) -> np.float32:
    """The place of x among one feature's knots, the first of which is row `first`."""
    x = sanitised(x)
    if x >= knot[-1]:
        return F(first + len(knot) - 1)
    if x < knot[0]:
        return F(first)
    index = int(np.searchsorted(knot, x, side="right")) - 1
    low, high = ordered(knot[index]), ordered(knot[index + 1])
    return F(F(first + index) + F(F(ordered(x) - low) / F(high - low)))


def bucket(x: np.float32, bits: int) -> int:
    return ((1 << 31) + ordered(sanitised(x))) >> (23 - bits)


def norm(delta: np.ndarray) -> np.float32:
    """The L2 norm as the core takes it: 16 lanes of float32, then the lanes in order."""
    lanes = np.zeros(16, np.float32)
    for i, value in enumerate(delta):
        lanes[i % 16] += value * value
    total = F(0)
    for lane in lanes:
        total += lane
    return np.sqrt(total)


def encode_payload(codec: int, block: int, clip_norm: float, delta: np.ndarray, seed: int) -> bytes:
    """A payload from the text of SPEC.md; delta float32 (n)."""
    length = norm(delta)
    if clip_norm > 0 and length > F(clip_norm):
        delta = delta * (F(clip_norm) / length)
    head = struct.pack("<BI", codec, delta.size)
    if codec == 1:
        return head + delta.astype("<f4").tobytes()
    out = head + struct.pack("<H", block)
    for first in range(0, delta.size, block):
        part = delta[first : first + block]
        most = np.abs(part).max()
        small = most < F(1e-30)
        inverse = F(0) if small else F(8323070.0) / most
        out += struct.pack("<f", F(0) if small else most / F(127))
        for i, value in enumerate(part, start=first):
            noise = random_u64(seed, i // 4) >> (16 * (i % 4)) & 0xFFFF
            out += struct.pack("<b", (int(F(value * inverse)) + noise) >> 16)
    return out


def decode_payload(payload: bytes) -> np.ndarray:
    codec, n = struct.unpack_from("<BI", payload)
    if codec == 1:
        return np.frombuffer(payload, "<f4", n, 5)
    (block,) = struct.unpack_from("<H", payload, 5)
    values, at = [], 7
    for first in range(0, n, block):
        size = min(block, n - first)
        (scale,) = struct.unpack_from("<f", payload, at)
        values.append(F(scale) * np.frombuffer(payload, np.int8, size, at + 4).astype(np.float32))
        at += 4 + size
    return np.concatenate(values)


def update_fields(message: bytes) -> dict[int, object]:
    """An update message by a CBOR library."""
    stream = io.BytesIO(message)
    fields = cbor2.load(stream)
    assert stream.tell() == len(message)
    return fields


def _int8_layer(layer: tuple[int, ...], data: bytes, x: np.ndarray) -> np.ndarray:
    kind, activation, inputs, outputs, knots, length, kernel, stride = layer
    if kind in {4, 5}:
        x = x.reshape(length, inputs)
        windows = [x[s : s + kernel] for s in range(0, length - kernel + 1, stride)]
        pick = np.max if kind == 4 else np.mean
        y = np.concatenate([pick(window, axis=0) for window in windows])
    else:
        rows = {1: inputs, 2: knots, 3: kernel * inputs}[kind]
        scale, bias = np.frombuffer(data, "<f4", 2 * outputs).reshape(2, outputs)
        weight = np.frombuffer(data, np.int8, rows * outputs, 8 * outputs).reshape(rows, outputs).astype(np.int64)
        if kind == 2:
            t = np.clip(x, 0, knots - 1)
            row = np.minimum(t.astype(np.int64), knots - 2)
            upper = np.floor((t - row) * 2048 + F(0.5)).astype(np.int64)
            sums = [((2048 - upper) @ weight[row] + upper @ weight[row + 1])]
            unit = F(1 / 2048)
        else:
            unit = np.abs(x).max() / F(2047)
            codes = (
                np.trunc(x * (F(2047) / np.abs(x).max()) + np.copysign(F(0.5), x)).astype(np.int64) if unit else x * 0
            )
            starts = range(0, (length - kernel + 1) * inputs, stride * inputs) if kind == 3 else [0]
            sums = [codes[s : s + rows].astype(np.int64) @ weight for s in starts]
        y = np.concatenate([s.astype(np.float32) * (unit * scale) + bias for s in sums])
    return {0: y, 1: np.maximum(y, 0), 2: np.tanh(y)}[activation]


def int8_predict(layers: list[tuple[int, ...]], data: bytes, inputs: np.ndarray) -> np.ndarray:
    """Outputs of int8 bytes for one row."""
    at, x = 0, inputs.astype(np.float32)
    for layer in layers:
        kind, _, n_in, outputs, knots, _, kernel, _ = layer
        size = {1: n_in, 2: knots, 3: kernel * n_in}.get(kind)
        x = _int8_layer(layer, data[at:], x)
        at += 0 if size is None else (8 + size) * outputs
    return x
