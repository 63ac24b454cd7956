"""Every `covey ...` that the documentation or the help tells a reader to type exists, with its options and its Plan."""

import inspect
import re
import shlex
from pathlib import Path

import click
import pytest

from covey.apps.cli import main
from covey.errors import CATALOGUE, Code

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "changelog.d").glob("*.md")]
)
#: Words that stand for something of the reader's own.
PLACEHOLDERS = {"PLAN", "PLAN.toml", "CODE", "DIR", "FILE"}


def commands_in(text: str) -> list[str]:
    """Commands in code blocks and between back-quotes, without prompt, pipe, redirection and comment."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", text)
    found = []
    for line in lines:
        command = re.match(r"\s*(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(covey(?: .*)?)$", line)
        if command:
            found.append(re.split(r"\s+(?:[|>#]|&&)|[;…]", command[1])[0])
    return found


def help_texts(command: click.Command, name: str) -> dict[str, str]:
    texts = {name: inspect.cleandoc(command.help or "")}
    if isinstance(command, click.Group):
        for word, inner in command.commands.items():
            texts |= help_texts(inner, f"{name} {word}")
    return texts


def check(line: str) -> None:
    """Walk the words of a command as click would; AssertionError names the first that does not exist."""
    words = [word for word in shlex.split(line.replace("[", "").replace("]", "")) if word != "..."][1:]
    command: click.Command = main
    positional = []
    while words:
        word = words.pop(0)
        if word.startswith("-"):
            name = word.split("=")[0]
            options = {flag: option for option in command.params for flag in option.opts}
            assert name in options or name in {"--help", "-h"}, f"`{line}`: {command.name} has no {name}"
            option = options.get(name)
            if isinstance(option, click.Option) and not option.is_flag and "=" not in word and words:
                words.pop(0)
        elif isinstance(command, click.Group):
            if "|" in word:
                assert set(word.split("|")) <= set(command.commands), f"`{line}`: not all commands of {command.name}"
                command = command.commands[word.split("|")[0]]
                continue
            assert word in command.commands, f"`{line}`: {command.name} has no command {word}"
            command = command.commands[word]
        else:
            positional.append(word)
    allowed = sum(isinstance(parameter, click.Argument) for parameter in command.params)
    assert len(positional) <= allowed, f"`{line}`: too many arguments"
    for word in positional:
        if word.startswith("plans/"):
            assert (ROOT / word).is_file(), f"`{line}`: there is no {word}"
        elif command.name == "explain" and word not in PLACEHOLDERS:
            assert word in set(Code), f"`{line}`: there is no code {word}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_in_a_page_exists(page: Path) -> None:
    for line in commands_in(page.read_text()):
        check(line)


@pytest.mark.parametrize("name", help_texts(main, "covey"))
def test_every_example_in_a_help_text_exists(name: str) -> None:
    for line in help_texts(main, "covey")[name].splitlines():
        if line.strip().startswith("covey "):
            check(re.split(r"\s+[|>]", line.strip())[0])


def test_every_command_has_an_example_to_copy() -> None:
    for name, text in help_texts(main, "covey").items():
        assert f"\n  {name} " in text or f"\n  {name}\n" in text or name == "covey", f"{name} --help has no example"


@pytest.mark.parametrize("code", Code, ids=str)
def test_every_command_in_the_catalogue_of_errors_exists(code: Code) -> None:
    explanation = CATALOGUE[code]
    for line in commands_in(f"{explanation.text} {explanation.remedy}"):
        check(line)


def test_the_search_finds_commands_and_the_check_can_fail() -> None:
    page = "Run `covey plan check PLAN`.\n```console\n$ covey simulate plans/nbaiot-skew.toml --seed 3 | head\n```\n"
    wrong, right = commands_in(page)
    assert right == "covey plan check PLAN"
    check(right)
    with pytest.raises(AssertionError, match="--seed"):
        check(wrong)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.parent.name != "changelog.d"], ids=lambda page: page.name
)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"`make ([a-z-]+)", page.read_text()):
        assert target in targets, f"{page.name} names `make {target}`"
