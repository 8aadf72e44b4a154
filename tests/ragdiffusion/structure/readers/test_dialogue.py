"""What a model may say, held against Table 6."""

from __future__ import annotations

import json
import math

import pytest

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.structure.readers.dialogue import (
    Reply,
    Turn,
    answer_schema,
    converse,
    parse_answer,
    question,
    value_confidence,
)
from ragdiffusion.structure.readers.reading import ReadingFailed

FULL = {a.key: a.values[-1] for a in ATTRIBUTES}
TEXT = json.dumps(FULL)


def test_the_question_lists_all_of_table_6() -> None:
    for attribute in ATTRIBUTES:
        row = next(line for line in question().splitlines() if line.startswith(f'"{attribute.key}": '))
        assert row.split(": ", 1)[1].split(" | ") == [f'"{value}"' for value in attribute.values]
    schema = answer_schema()
    assert schema["properties"]["fit"]["enum"] == ["Loose", "Regular", "Slim", "Unknown"]
    assert schema["required"] == list(schema["properties"]) == list(FULL)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"```json\n{TEXT}\n```",
        f"Sure! Here it is: {TEXT} I hope {{that}} helps.",
        f'{{"category": "T-shirt"}} was my first thought, but: {TEXT}',
        f'{TEXT} An example of another: {{"collar": "Polo"}}',
        json.dumps({"attributes": FULL, "comment": "a jacket"}),
        json.dumps({**FULL, "colour": "red"}, indent=4),
        json.dumps({a.name: FULL[a.key] for a in ATTRIBUTES}),
        json.dumps({a.key.upper().replace("_", "-"): FULL[a.key].lower() for a in ATTRIBUTES}),
        f'{{"broken": {TEXT}',
    ],
    ids="plain fence prose two-objects example-after wrapped foreign-key printed-names folded inside-broken".split(),
)
def test_answers_that_are_whole(text: str) -> None:
    answer = parse_answer(text)
    assert answer.values == FULL and answer.problems == ()


def test_null_empty_and_truth_values() -> None:
    said = {**FULL, "collar": None, "fit": "", "top_open": True, "with_inner_wear": False, "print": "unknown"}
    answer = parse_answer(json.dumps(said))
    wanted = {"collar": UNKNOWN, "fit": UNKNOWN, "top_open": "Yes", "with_inner_wear": "No", "print": UNKNOWN}
    assert answer.values == {**FULL, **wanted} and answer.problems == ()


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({**FULL, "collar": "Mandarin"}, "collar cannot be 'Mandarin': choose from Unknown, Suit, Shirt"),
        ({**FULL, "collar": ["Polo"]}, 'collar is ["Polo"], one listed string is wanted'),
        ({**FULL, "collar": 3}, "collar is 3, one listed string is wanted"),
        ({**FULL, "collar": True}, "collar is true, one listed string is wanted"),
        ({**FULL, "collar": "x" * 5000}, 'collar is "xxx'),
        ({key: FULL[key] for key in FULL if key != "collar"}, "collar is missing"),
    ],
    ids="invented list number truth endless missing".split(),
)
def test_one_wrong_value_is_named_and_the_others_stay(said: dict, problem: str) -> None:
    answer = parse_answer(json.dumps(said))
    assert answer.values == {key: value for key, value in FULL.items() if key != "collar"}
    assert len(answer.problems) == 1 and answer.problems[0].startswith(problem) and len(answer.problems[0]) < 300


def test_an_attribute_given_twice_is_not_taken() -> None:
    answer = parse_answer('{"fit": "Loose", "Fit": "Slim", "age": "Adult", "age": "Child"}')
    assert not answer.values and {"fit is given twice", "age is given twice"} <= set(answer.problems)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A red jacket.",
        "[]",
        '["Polo"]',
        "{",
        "{}",
        '{"colour": "red"}',
        '{"collar": "Polo"',
        "{'collar': 'Polo'}",
        "null",
        '{"a":' * 4000,
        "{" * 20_000,
        "[" * 20_000,
        "\x00\ud800",
        '{"collar": ' + "9" * 9000 + "}x",
    ],
    ids=range(15),
)
def test_garbage_is_no_answer_and_no_error(text: str) -> None:
    answer = parse_answer(text)
    assert answer.values == {} and answer.problems


def test_a_values_confidence_is_the_product_of_its_pieces() -> None:
    pieces = [('{"fit": "', -3.0), ("Re", math.log(0.5)), ("gular", math.log(0.8)), ('"}', -2.0)]
    text = "".join(piece for piece, _ in pieces)
    span = parse_answer(text).spans["fit"]
    assert text[slice(*span)] == "Regular"
    assert value_confidence(Reply(text, tuple(pieces)), span) == pytest.approx(0.4)
    assert value_confidence(Reply(text, (*pieces, ("<|im_end|>", -9.0))), span) == pytest.approx(0.4)
    merged = (('{"fit":', 0.0), (' "Regular"', math.log(0.25)), ("}", 0.0))
    assert value_confidence(Reply(text, merged), span) == pytest.approx(0.25)
    assert value_confidence(Reply(text), span) == 1.0
    assert value_confidence(Reply(text, (("else", -1.0),)), span) == 1.0


def _script(*answers: str):
    said: list[list[Turn]] = []

    def chat(turns: list[Turn]) -> Reply:
        said.append(list(turns))
        if isinstance(answers[len(said) - 1], Exception):
            raise answers[len(said) - 1]
        return Reply(answers[len(said) - 1])

    return chat, said


def test_a_good_answer_is_not_asked_for_twice() -> None:
    chat, said = _script(TEXT)
    outcome = converse(chat)
    assert outcome.values == FULL and len(said) == 1
    assert said[0] == [Turn("user", question())]
    assert set(outcome.confidence.values()) == {1.0}


def test_the_second_question_says_what_was_wrong() -> None:
    bad = json.dumps({**FULL, "collar": "Mandarin"})
    chat, said = _script(bad, TEXT)
    assert converse(chat).values == FULL
    first, answer, second = said[1]
    assert (first, answer) == (Turn("user", question()), Turn("assistant", bad))
    assert second.role == "user" and "collar cannot be 'Mandarin'" in second.text and "14 keys" in second.text


@pytest.mark.parametrize("second", ["I don't know.", ReadingFailed("gone"), json.dumps({**FULL, "collar": "Turtle"})])
def test_what_was_valid_the_first_time_stays(second) -> None:
    chat, said = _script(json.dumps({**FULL, "collar": "Mandarin"}), second)
    assert converse(chat).values == {key: value for key, value in FULL.items() if key != "collar"}
    assert len(said) == 2


def test_the_second_answer_goes_before_the_first() -> None:
    chat, _ = _script('{"fit": "Loose", "age": "Child"}', '{"fit": "Slim"}')
    assert converse(chat).values == {"fit": "Slim", "age": "Child"}


def test_two_useless_answers_are_a_failure() -> None:
    chat, said = _script("no", "still no")
    with pytest.raises(ReadingFailed, match="no usable answer in two attempts: it holds no JSON object"):
        converse(chat)
    assert len(said) == 2
    with pytest.raises(ReadingFailed, match="gone"):
        converse(_script(ReadingFailed("gone"))[0])
