"""Flat float32 vectors with a named layout (floor 0)."""

from covey.vector.layout import Layout, Segment

__all__ = ["Layout", "Segment"]
