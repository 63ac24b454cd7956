"""A layout names the parts of a flat vector."""

import numpy as np
import pytest

from covey.vector import Layout, Segment


def test_segments_follow_each_other_in_the_given_order() -> None:
    layout = Layout.of([("weight", (2, 3)), ("bias", (3,))])
    assert layout.segments == (Segment("weight", 0, (2, 3)), Segment("bias", 6, (3,)))
    assert layout.size == 9
    assert layout.segment("bias").size == 3


def test_views_share_memory_with_the_flat_vector() -> None:
    layout = Layout.of([("weight", (2, 3)), ("bias", (3,))])
    flat = np.arange(9, dtype=np.float32)
    views = layout.views(flat)
    assert views["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    views["bias"][:] = -1
    assert flat.tolist() == [0, 1, 2, 3, 4, 5, -1, -1, -1]


def test_an_empty_layout_has_no_values() -> None:
    assert Layout(()).size == 0
    assert Layout(()).views(np.zeros(0, np.float32)) == {}


def test_gaps_overlaps_equal_names_and_empty_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="ends at 2"):
        Layout((Segment("a", 0, (2,)), Segment("b", 3, (1,))))
    with pytest.raises(ValueError, match="ends at 2"):
        Layout((Segment("a", 0, (2,)), Segment("b", 1, (1,))))
    with pytest.raises(ValueError, match="same name"):
        Layout.of([("a", (1,)), ("a", (1,))])
    with pytest.raises(ValueError, match="holds nothing"):
        Segment("a", 0, (2, 0))


def test_a_vector_of_another_size_has_no_views() -> None:
    layout = Layout.of([("a", (2,))])
    with pytest.raises(ValueError, match="does not fit"):
        layout.views(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="does not fit"):
        layout.views(np.zeros((2, 1), np.float32))
    with pytest.raises(KeyError):
        layout.segment("b")
