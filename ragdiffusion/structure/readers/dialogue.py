"""Asking a vision-language model for Table 6: the question, the check of its answer, and one second chance."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import exp
from typing import Any

from ragdiffusion.attributes import ATTRIBUTES, GARMENT_KINDS, UNKNOWN, Attribute, validate
from ragdiffusion.structure.readers.reading import ReadingFailed

MAX_ANSWER_TOKENS = 400
"""Room for the 14 pairs (about 200 tokens) and some talk around them."""
_LONGEST = 20_000  # characters of an answer that are looked at
_MOST_OBJECTS = 100  # openings of an object that are tried
_CHANCES = 2  # answers that are asked for
_LONGEST_VALUE = 60  # no value of Table 6 is half as long
_YES_NO = {True: "Yes", False: "No"}


@dataclass(frozen=True)
class Turn:
    """One message of the dialogue; the photo goes with the first.

    Args:
        role: "user" or "assistant".
        text: what is said.
    """

    role: str
    text: str


@dataclass(frozen=True)
class Reply:
    """What the model said.

    Args:
        text: the answer.
        tokens: its pieces with the natural logarithm of their probability; empty where these are not known.
    """

    text: str
    tokens: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Answer:
    """An answer held against Table 6.

    Args:
        values: the attributes that were answered validly, "Unknown" among them.
        spans: where each known value stands in the text, [start, end) in characters.
        problems: what is wrong, in words that the model can act on.
    """

    values: dict[str, str]
    spans: dict[str, tuple[int, int]]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What a dialogue came to: valid values with confidence in [0, 1]; keys without a valid one are missing."""

    values: dict[str, str]
    confidence: dict[str, float]


@lru_cache(maxsize=1)
def question() -> str:
    """The question that goes with the photo: strict JSON, with all of Table 6 listed."""
    rows = "\n".join(f"{json.dumps(a.key)}: {' | '.join(map(json.dumps, a.values))}" for a in ATTRIBUTES)
    *some, last = GARMENT_KINDS["pants"].lacking
    return (
        "Describe the main garment of this photo. Answer with one JSON object and nothing else: no explanation, no "
        f"code fence. It has exactly these {len(ATTRIBUTES)} keys. Each value is one of the strings listed for its "
        f"key, copied letter by letter, or {json.dumps(UNKNOWN)} where the photo does not show it. Trousers and "
        f"shorts are not among the categories: their {', '.join(some)} and {last} are {json.dumps(UNKNOWN)}.\n"
        f"{rows}"
    )


def complaint(problems: tuple[str, ...]) -> str:
    """What is said to a model whose answer can't be used."""
    return (
        f"That answer can't be used: {'; '.join(problems)}. Answer again with the whole JSON object, all "
        f"{len(ATTRIBUTES)} keys with the listed strings, and nothing else."
    )


def answer_schema() -> dict[str, Any]:
    """The answer as a JSON schema, for servers that can hold a model to one."""
    keys = {a.key: {"type": "string", "enum": [*a.values, UNKNOWN]} for a in ATTRIBUTES}
    return {"type": "object", "properties": keys, "required": list(keys), "additionalProperties": False}


def parse_answer(text: str) -> Answer:
    """Find the JSON object in an answer and check it against Table 6.

    Prose and fences around the object do no harm, nor do letter case, hyphens and foreign keys; of several objects
    the one with the most attributes counts, the last of equals.

    Args:
        text: anything a model may say.
    """
    text = text[:_LONGEST]
    found = _best_object(text)
    if found is None:
        return Answer({}, {}, ("it holds no JSON object with Table 6's keys",))
    pairs, start, end = found
    values: dict[str, str] = {}
    spans: dict[str, tuple[int, int]] = {}
    problems: list[str] = []
    for attribute in ATTRIBUTES:
        said = [(name, value) for name, value in pairs if _names(name, attribute)]
        if len(said) != 1:
            problems.append(f"{attribute.key} is {'given twice' if said else 'missing'}")
            continue
        name, value = said[0]
        try:
            values[attribute.key] = _checked(attribute, value)
        except ValueError as error:
            problems.append(str(error))
            continue
        if values[attribute.key] != UNKNOWN and (span := _span(text, name, value, start, end)):
            spans[attribute.key] = span
    return Answer(values, spans, tuple(problems))


def value_confidence(reply: Reply, span: tuple[int, int] | None) -> float:
    """The probability of the pieces that make up a value; 1 where the model gave none.

    Args:
        reply: the answer with its tokens.
        span: of the value, in characters; None if it could not be located.
    """
    offset = "".join(piece for piece, _ in reply.tokens).find(reply.text)  # end marks may be among the pieces
    if span is None or not reply.tokens or offset < 0:
        return 1.0
    place, total = -offset, 0.0
    for piece, log_probability in reply.tokens:
        if place < span[1] and place + len(piece) > span[0]:
            total += log_probability
        place += len(piece)
    return min(1.0, exp(total))


class Dialogue:
    """What is said about one photo: the question, and one second chance with what was wrong."""

    def __init__(self) -> None:
        self.turns = [Turn("user", question())]
        self._values: dict[str, str] = {}
        self._confidence: dict[str, float] = {}
        self._problems: tuple[str, ...] = ()
        self._answers = 0

    @property
    def over(self) -> bool:
        """Whether no answer is wanted any more."""
        return self._answers == _CHANCES or (self._answers > 0 and not self._problems)

    @property
    def fruitful(self) -> bool:
        """Whether a valid attribute has been said."""
        return bool(self._values)

    def take(self, reply: Reply) -> None:
        """Check an answer to the last turn; what is valid in it replaces what was said before."""
        answer = parse_answer(reply.text)
        self._values |= answer.values
        self._confidence |= {key: value_confidence(reply, answer.spans.get(key)) for key in answer.values}
        self._problems, self._answers = answer.problems, self._answers + 1
        if not self.over:
            self.turns += [Turn("assistant", reply.text[:_LONGEST]), Turn("user", complaint(answer.problems))]

    def outcome(self) -> Outcome:
        """What it came to.

        Raises:
            ReadingFailed: if no answer holds a valid attribute.
        """
        if not self._values:
            raise ReadingFailed(f"no usable answer in two attempts: {self._problems[0]}")
        return Outcome(self._values, self._confidence)


def converse(chat: Callable[[list[Turn]], Reply]) -> Outcome:
    """Ask, check, and ask once more with what was wrong.

    Args:
        chat: the dialogue so far -> the model's answer.

    Returns:
        What of both answers is valid, the second's before the first's.

    Raises:
        ReadingFailed: if neither answer holds a valid attribute; and whatever `chat` raises in the first turn. A
            failure in the second costs nothing that the first said.
    """
    dialogue = Dialogue()
    while not dialogue.over:
        try:
            reply = chat(list(dialogue.turns))
        except ReadingFailed:
            if not dialogue.fruitful:
                raise
            break
        dialogue.take(reply)
    return dialogue.outcome()


def _fold(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _names(name: str, attribute: Attribute) -> bool:
    return _fold(name) in (_fold(attribute.key), _fold(attribute.name))


def _checked(attribute: Attribute, value: Any) -> str:
    if isinstance(value, bool) and attribute.values == ("Yes", "No"):
        value = _YES_NO[value]
    if value is not None and (not isinstance(value, str) or len(value) > _LONGEST_VALUE):
        raise ValueError(f"{attribute.key} is {json.dumps(value)[:_LONGEST_VALUE]}, one listed string is wanted")
    return validate({attribute.key: value})[attribute.key]


def _best_object(text: str) -> tuple[list[tuple[str, Any]], int, int] | None:
    """Pairs and place of the JSON object that answers most attributes."""
    best, most = None, 0
    decoder = json.JSONDecoder(object_pairs_hook=_Pairs)
    place = text.find("{")
    for _ in range(_MOST_OBJECTS):
        if place < 0:
            break
        try:
            pairs, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place = text.find("{", place + 1)
            continue
        for candidate in _objects_in(pairs):
            known = sum(any(_names(name, a) for name, _ in candidate) for a in ATTRIBUTES)
            if known and known >= most:
                best, most = (candidate, place, end), known
        place = text.find("{", end)
    return best


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its keys in order, doubles included; told from an array by its class."""


def _objects_in(pairs: _Pairs) -> list[_Pairs]:
    """An object and those directly in it: some models wrap their answer, as in {"attributes": {…}}."""
    return [pairs, *(value for _, value in pairs if isinstance(value, _Pairs))]


def _span(text: str, name: str, value: Any, start: int, end: int) -> tuple[int, int] | None:
    """Where a value stands in the text, without its quotes."""
    word = re.escape(value) if isinstance(value, str) else str(value).lower()
    match = re.compile(f'"{re.escape(name)}"\\s*:\\s*"?({word})').search(text, start, end)
    return match.span(1) if match else None
