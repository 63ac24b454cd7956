"""What `covey explain CODE` says of one code."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """One code explained: a short title, the text (what happened and why it matters) and the remedy."""

    title: str
    text: str
    remedy: str
