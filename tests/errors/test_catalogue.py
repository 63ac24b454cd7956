"""Codes, their catalogue and the exceptions that carry them."""

import pickle
import re

import pytest

from covey.errors import CATALOGUE, Code, CoveyError, DataError, PlanError, did_you_mean, explain


@pytest.mark.parametrize("code", Code, ids=str)
def test_every_code_is_explained(code: Code) -> None:
    explanation = explain(code)
    assert explanation.title[0].isupper()
    assert not explanation.title.endswith(".")
    assert explanation.text
    assert explanation.remedy


def test_the_catalogue_explains_no_code_that_does_not_exist_and_keeps_their_order() -> None:
    assert list(CATALOGUE) == list(Code)


def test_codes_are_a_group_letter_and_three_digits_and_used_once() -> None:
    assert all(re.fullmatch(r"[ACDJMOPSTW][1-9][0-9][0-9]", code) for code in Code)
    assert len({code.value for code in Code}) == len(Code.__members__)


def test_an_error_reads_as_its_cause_and_carries_code_and_hint() -> None:
    error = DataError(Code.DATA_EMPTY_DEVICE, cause="device-7 has no rows", hint="remove its file")
    assert str(error) == "device-7 has no rows"
    assert (error.code, error.hint) == (Code.DATA_EMPTY_DEVICE, "remove its file")
    assert isinstance(error, CoveyError)


def test_an_error_survives_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(PlanError(Code.PLAN_SYNTAX, "not TOML", "add quotes", "skew.toml:3")))
    assert type(error) is PlanError
    assert (error.code, error.cause, error.hint, error.where) == (
        Code.PLAN_SYNTAX,
        "not TOML",
        "add quotes",
        "skew.toml:3",
    )


@pytest.mark.parametrize(
    ("word", "meant"),
    [("learning_rat", "learning_rate"), ("Learning-Rate", "learning_rate"), ("epoch", "epochs"), ("zzz", None)],
)
def test_the_nearest_known_word_is_suggested(word: str, meant: str | None) -> None:
    assert did_you_mean(word, ["learning_rate", "epochs", "batch"]) == meant
