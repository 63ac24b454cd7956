"""Text that is safe to show: names and values come from outside and must not steer a terminal."""


def printable(text: str) -> str:
    """The text without control characters."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
