"""Did you mean: the nearest known word to one that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate nearest to `word`, or None where none is near; letters' case and `-` against `_` do not count."""
    known = {candidate.lower().replace("-", "_"): candidate for candidate in candidates}
    nearest = get_close_matches(word.lower().replace("-", "_"), known, n=1, cutoff=0.6)
    return known[nearest[0]] if nearest else None
