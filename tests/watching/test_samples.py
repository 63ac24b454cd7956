"""Rows sampled of a window: every k-th, however the window comes in pieces."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from covey.watching.samples import ROWS_A_WINDOW, WindowSample


@given(st.lists(st.integers(0, 90), max_size=12))
def test_rows_are_evenly_spaced_and_few_whatever_the_pieces(pieces: list[int]) -> None:
    n = sum(pieces)
    rows = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    sample = WindowSample(2)
    first = 0
    for piece in pieces:
        sample.add(rows.tobytes(), first, first + piece)
        first += piece
    every = 1
    while -(-n // every) > ROWS_A_WINDOW:
        every *= 2
    wanted = rows[::every]
    assert sample.n == len(wanted) <= ROWS_A_WINDOW
    assert np.array_equal(np.frombuffer(sample.rows, np.float32).reshape(-1, 2), wanted)
    sample.clear()
    assert sample.n == 0
