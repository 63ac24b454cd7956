"""What every stage can do; the compiler knows them by this alone."""

from typing import ClassVar, Protocol

from covey.core import Recipe


class Stage(Protocol):
    """One thing that happens to an update before it travels: the frozen dataclass that a Plan names."""

    #: A codec makes the bytes; nothing can come after it.
    is_codec: ClassVar[bool]

    def added_to(self, recipe: Recipe) -> Recipe:
        """The recipe that does this after what `recipe` does."""
