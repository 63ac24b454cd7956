"""Control variates: what the server derives from decoded updates is what the devices keep."""

import numpy as np
import pytest

from covey.core import (
    UPDATE_HEADER_FIELDS,
    Codec,
    Recipe,
    UpdateFields,
    decode_updates,
    encode_payload,
    read_updates,
    write_update,
)
from covey.models import Encoding, SplineMlp
from covey.training import VariateSum, device_variates, knot_steps, spread_steps

N, DEVICES = 40, 3


def block_of(updates: np.ndarray, codec: Recipe) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    messages = [
        write_update(UpdateFields(1, 1, 5, 0.1, bytes(16), encode_payload(codec, update.copy(), seed)[0]))
        for seed, update in enumerate(updates)
    ]
    sizes = np.array([len(message) for message in messages], np.uint32)
    offsets = np.cumsum(sizes, dtype=np.uint64) - sizes
    content = np.frombuffer(b"".join(messages), np.uint8)
    headers = np.zeros(len(messages), np.dtype(UPDATE_HEADER_FIELDS))
    read_updates(content, offsets, sizes, N, headers)
    return content, offsets, headers


@pytest.mark.parametrize("scaled", [False, True])
def test_the_fleets_variate_stays_the_mean_of_the_devices(scaled: bool) -> None:
    rng = np.random.default_rng(3)
    scale = rng.uniform(0.5, 4.0, N).astype(np.float32) if scaled else None
    own = np.zeros((DEVICES, N), np.float32)
    fleet = np.zeros(N, np.float32)
    shares, reach = np.array([0.2, 0.5, 0.3]), np.array([0.4, 0.9, 1.3])
    for _ in range(6):
        updates = rng.normal(size=(DEVICES, N)).astype(np.float32)
        content, offsets, headers = block_of(updates, Recipe(Codec.INT8, 16))
        decoded = np.zeros((DEVICES, N), np.float32)
        decode_updates(content, offsets, headers, N, decoded)
        changes = VariateSum(np.zeros(N))
        changes.add(content, offsets, headers, shares, reach, 1)
        own = device_variates(own, fleet, decoded, reach, scale)
        fleet = changes.applied(fleet, {1: fleet}, scale)
        np.testing.assert_allclose(fleet, shares @ own, rtol=1e-4, atol=1e-5)


def test_devices_that_did_not_take_part_keep_their_share() -> None:
    updates = np.ones((DEVICES, N), np.float32)
    content, offsets, headers = block_of(updates, Recipe())
    changes = VariateSum(np.zeros(N))
    changes.add(content, offsets, headers, np.array([0.25, 0.0, 0.0]), np.ones(DEVICES), 1)
    before = np.full(N, 8.0, np.float32)
    # only device 0, a quarter of the fleet, moves: 0.25 * (-8 - 1)
    assert changes.applied(before, {1: before}, None).tolist() == [8.0 - 2.25] * N


def test_rare_knots_take_longer_steps_up_to_the_cap() -> None:
    knots = np.array([0.0, 1.0, 2.0, 0.0, 1.0], np.float32)
    encoding = Encoding.with_knots(knots, np.array([0, 3, 5], np.uint16))
    spec = SplineMlp(hidden=(2,), knots=3).spec(2, 2, encoding)
    steps = spread_steps(spec, knot_steps(np.array([0.499, 0.249, 0.0, 1.0, 0.1], np.float32), cap=50.0))
    views = spec.layout.views(steps)
    np.testing.assert_allclose(views["0.weight"][:, 0], [2.0, 4.0, 50.0, 1 / 1.001, 1 / 0.101], rtol=1e-5)
    assert (views["0.weight"][:, 0] == views["0.weight"][:, 1]).all()
    assert (views["0.bias"] == 1.0).all()
    assert (views["1.weight"] == 1.0).all()
