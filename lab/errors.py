"""What can go wrong before or while recording, said with its cause and what to do about it."""

from __future__ import annotations


class LabError(Exception):
    """A cause and a hint; `record.py` prints both and exits with status 1."""

    def __init__(self, cause: str, hint: str) -> None:
        super().__init__(f"{cause}\n  hint: {hint}")
