"""`covey explain`: what a code means."""

import textwrap

from covey.errors import CATALOGUE, Code, EnvironmentFault, did_you_mean

WIDTH = 90


def explain_code(word: str) -> str:
    """The explanation of one code, in whatever case it is typed; EnvironmentFault where there is no such code."""
    code = word.upper().strip("[]")
    if code not in set(Code):
        meant = did_you_mean(code, list(Code))
        hint = f"did you mean {meant}? " if meant else ""
        raise EnvironmentFault(
            Code.UNKNOWN_CODE, f"there is no code `{word}`", f"{hint}`covey explain` lists all codes"
        )
    explanation = CATALOGUE[Code(code)]
    return "\n".join(
        (f"{code}: {explanation.title}", "", textwrap.fill(explanation.text, WIDTH), "", _remedy(explanation.remedy))
    )


def list_codes() -> str:
    """One line for each code."""
    return "\n".join(f"{code}  {explanation.title}" for code, explanation in CATALOGUE.items())


def _remedy(remedy: str) -> str:
    return textwrap.fill(f"What to do: {remedy}", WIDTH, subsequent_indent="  ")
