"""Which of a source's columns a model wants."""

from covey.errors import Code, SourceError, did_you_mean


def columns_of(wanted: tuple[str, ...], given: tuple[str, ...], giver: str) -> tuple[int, ...]:
    """Where the wanted features stand among those that a source gives; SourceError for one that is not among them.

    giver: the source in messages, in the plural: "packets".
    """
    places = {name: index for index, name in enumerate(given)}
    for name in wanted:
        if name not in places:
            near = did_you_mean(name, given)
            raise SourceError(
                Code.SOURCE_SCHEMA,
                f"the model wants the feature {name!r}, which {giver} do not give",
                f"the nearest that they give is {near!r}" if near else "docs/sources.md says what they give",
            )
    return tuple(places[name] for name in wanted)
