"""Payloads and update messages: round trips, the twin's bytes, unbiased rounding, sums on any number of threads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from twins import decode_payload, encode_payload, norm, random_u64, update_fields

from covey import core
from covey.errors import CoreError

values = st.floats(-(2.0**50), 2.0**50, width=32)
deltas = st.integers(1, 150).flatmap(lambda n: arrays(np.float32, n, elements=values))
recipes = st.builds(
    core.Recipe,
    codec=st.sampled_from(core.Codec),
    block=st.integers(16, 80) | st.integers(16, 4096),
    clip_norm=st.just(0.0) | st.floats(2.0**-20, 2.0**20, width=32),
)
u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)


@given(u64, u64)
def test_random_numbers_are_those_of_the_published_generator(seed: int, index: int) -> None:
    assert core.random_u64(seed, index) == random_u64(seed, index)
    assert core.seed(seed, index) != core.seed(seed, index + 1)


def test_the_stream_of_seed_1234567_is_the_known_one() -> None:
    """The reference implementation's first outputs for this seed."""
    assert core.random_u64(1234567, 0) == 6457827717110365317
    assert core.random_u64(1234567, 1) == 3203168211198807973


@given(recipes, deltas, u64)
def test_payloads_are_the_twins_to_the_byte(recipe: core.Recipe, delta: np.ndarray, seed: int) -> None:
    payload, length = core.encode_payload(recipe, given_delta := delta.copy(), seed)
    assert payload == encode_payload(recipe.codec, recipe.block, recipe.clip_norm, delta, seed)
    assert len(payload) == recipe.payload_size(delta.size)
    assert length == norm(delta)
    out = np.empty_like(delta)
    assert core.decode_payload(payload, out) is core.Status.OK
    assert (out == decode_payload(payload)).all()
    # A block below 1e-30 travels as zeros (docs/SPEC.md), so that is as near as int8 comes.
    step = max(np.abs(given_delta).max() / 126, 1e-30) if recipe.codec is core.Codec.INT8 else 0
    assert (np.abs(out - given_delta) <= step).all()


@given(deltas, st.floats(-1e3, 1e3), u64)
def test_adding_a_payload_is_adding_what_it_decodes_to(delta: np.ndarray, weight: float, seed: int) -> None:
    payload, _ = core.encode_payload(core.Recipe(core.Codec.INT8, 32), delta, seed)
    total = np.full(delta.size, 0.125)
    assert core.accumulate_payload(payload, weight, total) is core.Status.OK
    assert (total == 0.125 + weight * decode_payload(payload).astype(np.float64)).all()


def test_rounding_is_right_on_the_average() -> None:
    """400 seeds x 4,096 coordinates: the mean error, in steps, is within 4.5 standard errors of nothing."""
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    note = f"seed {seed}"
    generator = np.random.default_rng(seed)
    delta = generator.uniform(-1, 1, 4096).astype(np.float32)
    delta[0] = 1
    errors = np.empty((400, 4096))
    out = np.empty_like(delta)
    for draw in range(400):
        payload, _ = core.encode_payload(core.Recipe(core.Codec.INT8, 4096), delta, seed + draw)
        core.decode_payload(payload, out)
        errors[draw] = (out.astype(np.float64) - delta) * 127
    assert abs(errors.mean()) < 4.5 * errors.std() / np.sqrt(errors.size), note
    share = np.mod(delta.astype(np.float64) * 127, 1)  # of a step, which is also the chance to be rounded up
    usual = (share > 0.1) & (share < 0.9)  # so that a mean of 400 is about normal
    each = errors.mean(axis=0)[usual] / np.sqrt(share * (1 - share) / 400)[usual]
    assert np.abs(each).max() < 6, note
    assert 0.9 < each.std() < 1.1, note


@given(
    u32,
    u32,
    u32,
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.binary(min_size=16, max_size=16),
    st.binary(),
)
def test_messages_come_back_and_a_cbor_library_reads_them(
    round_number: int, counter: int, examples: int, loss: float, digest: bytes, payload: bytes
) -> None:
    fields = core.UpdateFields(round_number, counter, examples, loss, digest, payload)
    message = core.write_update(fields)
    assert core.read_update(message) == fields
    assert update_fields(message) == {1: 1, 2: round_number, 3: counter, 4: digest, 5: examples, 6: loss, 7: payload}


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_never_an_exception(data: bytes) -> None:
    assert isinstance(core.read_update(data), core.Status | core.UpdateFields)
    assert isinstance(core.check_payload(data, 7), core.Status)


@given(st.data())
def test_a_changed_byte_is_refused_or_changes_a_field(data: st.DataObject) -> None:
    message = bytearray(core.write_update(core.UpdateFields(500, 2, 70000, 0.25, bytes(16), b"payload")))
    before = core.read_update(message)
    at = data.draw(st.integers(0, len(message) - 1))
    message[at] ^= data.draw(st.integers(1, 255))
    after = core.read_update(message)
    assert isinstance(after, core.Status) or (after != before and core.write_update(after) == message)


def block_of(n: int, deltas: np.ndarray) -> tuple[bytes, np.ndarray, np.ndarray]:
    """Messages of these deltas one after another with gaps between, their offsets and sizes."""
    messages, offsets, sizes = bytearray(), [], []
    for i, delta in enumerate(deltas):
        recipe = core.Recipe(core.Codec.INT8, 16 + 7 * i) if i % 4 else core.Recipe()
        payload, _ = core.encode_payload(recipe, delta.copy(), i)
        message = core.write_update(core.UpdateFields(3, i + 1, 10 * i, 0.5, bytes(16), payload))
        messages += bytes(i % 3)
        offsets.append(len(messages))
        sizes.append(len(message))
        messages += message
    return bytes(messages), np.array(offsets, np.uint64), np.array(sizes, np.uint32)


def test_a_block_is_read_decoded_and_summed_the_same_on_any_number_of_threads() -> None:
    generator = np.random.default_rng(2)
    messages, offsets, sizes = block_of(12, generator.normal(size=(12, 4500)).astype(np.float32))
    headers = np.empty(12, np.dtype(core.UPDATE_HEADER_FIELDS))
    core.read_updates(messages, offsets, sizes, 4500, headers)
    assert headers.itemsize == 44
    assert (headers["status"] == 0).all()
    assert headers["counter"].tolist() == list(range(1, 13))
    decoded = np.empty((12, 4500), np.float32)
    core.decode_updates(messages, offsets, headers, 4500, decoded)
    weights = generator.normal(size=12)
    weights[5] = 0
    expected = np.zeros(4500)
    for weight, row in zip(weights, decoded, strict=True):
        expected += weight * row.astype(np.float64)
    for threads in (1, 2, 5, 64):
        total = np.zeros(4500)
        core.accumulate_updates(messages, offsets, headers, weights, total, n_threads=threads)
        assert (total == expected).all()


def test_a_bad_message_in_a_block_has_its_own_status_and_cannot_be_summed() -> None:
    deltas = np.ones((3, 20), np.float32)
    messages, offsets, sizes = block_of(3, deltas)
    sizes[1] -= 1
    headers = np.empty(3, np.dtype(core.UPDATE_HEADER_FIELDS))
    core.read_updates(messages, offsets, sizes, 20, headers)
    assert headers["status"].tolist() == [0, core.Status.TRUNCATED, 0]
    total = np.zeros(20)
    with pytest.raises(CoreError):
        core.accumulate_updates(messages, offsets, headers, np.ones(3), total)
    assert not total.any()
    core.accumulate_updates(messages, offsets, headers, np.array([0.5, 0, 0.5]), total)
    np.testing.assert_allclose(total, 1, atol=1e-6)
    core.read_updates(messages, offsets, sizes, 21, headers)
    assert headers["status"].tolist() == [core.Status.LENGTH, core.Status.TRUNCATED, core.Status.LENGTH]


def test_headers_read_for_fewer_parameters_cannot_be_summed_or_decoded_for_more() -> None:
    messages, offsets, sizes = block_of(1, np.ones((1, 16), np.float32))
    headers = np.empty(1, np.dtype(core.UPDATE_HEADER_FIELDS))
    core.read_updates(messages, offsets, sizes, 16, headers)
    total, decoded = np.zeros(4000), np.zeros((1, 4000), np.float32)
    with pytest.raises(CoreError, match="another number of parameters"):
        core.accumulate_updates(messages, offsets, headers, np.ones(1), total)
    with pytest.raises(CoreError, match="another number of parameters"):
        core.decode_updates(messages, offsets, headers, 4000, decoded)
    with pytest.raises(CoreError, match="out of its range"):
        core.accumulate_updates(messages[:-1], offsets, headers, np.ones(1), total[:16])
    assert not total.any()
    assert not decoded.any()


def test_a_long_payload_is_the_twins_where_one_block_holds_all_of_it() -> None:
    """More coordinates than noise is made for at once."""
    delta = np.random.default_rng(3).normal(size=3000).astype(np.float32)
    for block in (48, 1000, 4096):
        payload, _ = core.encode_payload(core.Recipe(core.Codec.INT8, block), delta.copy(), 77)
        assert payload == encode_payload(core.Codec.INT8, block, 0.0, delta, 77)


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_is_refused(weight: float) -> None:
    messages, offsets, sizes = block_of(2, np.ones((2, 16), np.float32))
    headers = np.empty(2, np.dtype(core.UPDATE_HEADER_FIELDS))
    core.read_updates(messages, offsets, sizes, 16, headers)
    total = np.zeros(16)
    with pytest.raises(CoreError, match="out of its range"):
        core.accumulate_updates(messages, offsets, headers, np.array([1, weight]), total)
    assert not total.any()


def test_messages_outside_of_their_block_are_the_callers_mistake() -> None:
    messages, offsets, sizes = block_of(2, np.ones((2, 20), np.float32))
    offsets[1] += 1
    with pytest.raises(CoreError, match="out of its range"):
        core.read_updates(messages, offsets, sizes, 20, np.empty(2, np.dtype(core.UPDATE_HEADER_FIELDS)))


@pytest.mark.parametrize(
    "recipe",
    [core.Recipe(core.Codec.INT8, 70000), core.Recipe(core.Codec.INT8, -1), core.Recipe(clip_norm=float("nan"))],
)
def test_a_recipe_out_of_range_has_no_size_and_encodes_nothing(recipe: core.Recipe) -> None:
    assert recipe.payload_size(100) == recipe.message_size(100) == 0
    with pytest.raises(CoreError, match="out of its range"):
        core.encode_payload(recipe, np.ones(100, np.float32), 0)


@pytest.mark.parametrize("n", [-1, 0, 2**20 + 1, 2**32, 2**64])
def test_a_number_of_parameters_out_of_range_has_no_size(n: int) -> None:
    assert core.Recipe().payload_size(n) == core.Recipe().message_size(n) == 0


def test_seeds_are_taken_modulo_2_to_the_64() -> None:
    recipe, delta = core.Recipe(core.Codec.INT8, 16), np.linspace(-1, 1, 50, dtype=np.float32)
    assert core.encode_payload(recipe, delta, -1) == core.encode_payload(recipe, delta, 2**64 - 1)


def test_a_buffer_at_an_odd_address_is_refused() -> None:
    odd = memoryview(bytearray(4 * 10 + 1))[1:]
    with pytest.raises(CoreError, match="must lie where a float may"):
        core.encode_payload(core.Recipe(), odd, 0)


@pytest.mark.parametrize("odd", [np.nan, np.inf, 3e38])
def test_a_delta_without_a_finite_norm_is_not_encoded(odd: float) -> None:
    delta = np.ones(30, np.float32)
    delta[-1] = odd
    with pytest.raises(CoreError, match="NaN or an infinity"):
        core.encode_payload(core.Recipe(core.Codec.INT8, 16, 1.0), delta, 0)
    assert delta[0] == 1
