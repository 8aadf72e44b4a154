"""The API: the named endpoints that programs call, with gradio_client or as MCP tools. Typing and wiring.

The components here are never drawn: they name the types of what goes in and comes out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

import gradio as gr

from app.api.handlers import ApiHandlers, GuideRequest
from app.errors import explain
from app.files.uploads import hand_out
from app.runs.runs import Started
from app.runs.services import Services
from app.session_log.sampling import MAX_SEED, Sampling

T = TypeVar("T")
_LOOK_SECONDS = 0.1


def build(services: Services) -> None:
    """Add the endpoints to the page that is being built."""
    handlers = ApiHandlers(services)

    async def retrieve(
        photo: str,
        k: float | None = None,
        alpha: float | None = None,
        attributes: dict | None = None,
        candidate: float | None = None,
        mask: str | None = None,
        garment: str | None = None,
        garment_mask: str | None = None,
        drafted: bool = False,
        measures: dict | None = None,
        mirror: bool = False,
        bank: str | None = None,
        turn: str | None = None,
        request: gr.Request = None,
    ) -> tuple[dict, str]:
        """Find the flat-lay structure of a garment in a photo: its nearest neighbours in the bank and its landmark.

        Args:
            photo: file of the photo.
            k: number of neighbours used (default: the model's own).
            alpha: share of the bank in the structure, from 0 to 1 (default: the model's own).
            attributes: object that overrides what is read from the photo, such as {"category": "Dress"}.
            candidate: index of the neighbour whose silhouette is the landmark, from 0 (default: the consensus).
            mask: file of a mask that is the landmark instead.
            garment: which garment of the photo is meant: upper, outer, inner, lower, dress, or a point X,Y on it in
                pixels of the photo (default: the one garment there is, or the largest top or dress).
            garment_mask: file of a mask, of the photo's size, that marks the garment instead.
            drafted: whether the shape that is drafted for the photo is the landmark.
            measures: object of measures of that shape that are others than predicted, such as {"sleeve_length": 62}; in
                cm, degrees or shares, as a retrieval tells them.
            mirror: whether the photo is mirrored before it is looked at, as for a selfie that shows print reversed;
                `garment` and `garment_mask` count in that one.
            bank: name of the bank that is searched, such as bundled (default: the one in use).
            turn: 90, 180 or 270 degrees clockwise that the photo is turned by before it is looked at, or auto where it
                looks turned; what `garment` and the masks mark turns along (default: as it is, and `looks_turned` says
                where it looks turned; 0 says that it is upright).

        Returns:
            The neighbours with ids, similarities, weights and attributes, the measures of a shape drafted for the
            photo, and by how many degrees clockwise it was turned and looks turned yet; the landmark as PNG.
        """
        landmark_of = (attributes, _whole("candidate", candidate), mask)
        meant = (garment, garment_mask, bool(drafted), measures, bool(mirror), bank, turn)
        ask = GuideRequest(photo, _whole("k", k), alpha, *landmark_of, *meant)
        guide, landmark = await _answer(handlers.retrieve, _owner(request), ask)
        return guide, hand_out([("landmark.png", landmark)])[0]

    async def generate(
        photo: str,
        k: float | None = None,
        alpha: float | None = None,
        attributes: dict | None = None,
        candidate: float | None = None,
        mask: str | None = None,
        garment: str | None = None,
        garment_mask: str | None = None,
        seed: float = 0,
        seeds: float = 1,
        steps: float | None = None,
        strength: float | None = None,
        guidance: float | None = None,
        colour_match: bool = False,
        background: str = "white",
        wait: bool = True,
        drafted: bool = False,
        measures: dict | None = None,
        mirror: bool = False,
        bank: str | None = None,
        turn: str | None = None,
        request: gr.Request = None,
    ) -> tuple[dict, str, list[str]]:
        """Make the flat-lay picture of the garment in a photo. Every run is logged in the history like any other.

        Args:
            photo: file of the photo.
            k: number of neighbours used (default: the model's own).
            alpha: share of the bank in the structure, from 0 to 1 (default: the model's own).
            attributes: object that overrides what is read from the photo, such as {"category": "Dress"}.
            candidate: index of the neighbour whose silhouette is the landmark, from 0 (default: the consensus).
            mask: file of a mask that is the landmark instead.
            garment: which garment of the photo is meant: upper, outer, inner, lower, dress, or a point X,Y on it in
                pixels of the photo (default: the one garment there is, or the largest top or dress).
            garment_mask: file of a mask, of the photo's size, that marks the garment instead.
            seed: of the first picture's noise.
            seeds: number of pictures, 1 to 16, with consecutive seeds.
            steps: of the sampler, 1 to 50 (default: the model's own).
            strength: share of the noise schedule that is run, 0.05 to 1 (default: the model's own).
            guidance: weight of the conditions, 1 to 10 (default: the model's own).
            colour_match: whether the pictures are given the colours of the photo's garment.
            background: white, transparent or #rrggbb.
            wait: whether to answer when the pictures are done; else at once, and `run` tells how they stand.
            drafted: whether the shape that is drafted for the photo is the landmark.
            measures: object of measures of that shape that are others than predicted, such as {"sleeve_length": 62}; in
                cm, degrees or shares, as a retrieval tells them.
            mirror: whether the photo is mirrored before it is looked at, as for a selfie that shows print reversed;
                `garment` and `garment_mask` count in that one.
            bank: name of the bank that is searched, such as bundled (default: the one in use).
            turn: 90, 180 or 270 degrees clockwise that the photo is turned by before it is looked at, or auto where it
                looks turned; what `garment` and the masks mark turns along (default: as it is, and `looks_turned` says
                where it looks turned; 0 says that it is upright).

        Returns:
            The runs with their numbers and settings, and by how many degrees clockwise the photo was turned and looks
            turned yet; the landmark as PNG; the pictures as PNG.
        """
        owner = _owner(request)
        landmark_of = (attributes, _whole("candidate", candidate), mask)
        meant = (garment, garment_mask, bool(drafted), measures, bool(mirror), bank, turn)
        ask = GuideRequest(photo, _whole("k", k), alpha, *landmark_of, *meant)
        settings = {"seed": seed or 0, "steps": steps, "strength": strength, "guidance": guidance}
        settings |= {"colour_match": colour_match, "background": background}
        started, turned = await _answer(
            handlers.start, owner, ask, settings, seeds=_whole("seeds", 1 if seeds is None else seeds)
        )
        if wait:
            await _ended(started)
        numbers = [run.id for run in started.runs]
        runs, pictures = await _answer(handlers.runs, owner, numbers)
        landmark = await _answer(handlers.landmark, owner, numbers[0])
        return {"runs": runs, **turned}, hand_out([("landmark.png", landmark)])[0], hand_out(pictures)

    async def run(number: float, request: gr.Request = None) -> tuple[dict, str | None, str | None]:
        """Tell how one run stands, with its pictures.

        Args:
            number: of the run.

        Returns:
            The run; its landmark as PNG; its picture as PNG, nothing before it is done.
        """
        owner, run_id = _owner(request), _whole("number", number)
        found, pictures = await _answer(handlers.runs, owner, [run_id])
        landmark = await _answer(handlers.landmark, owner, run_id)
        outline = hand_out([("landmark.png", landmark)])[0] if landmark else None
        return found[0], outline, next(iter(hand_out(pictures)), None)

    async def history(
        text: str = "",
        status: str | None = None,
        mark: str | None = None,
        category: str | None = None,
        since: str | None = None,
        until: str | None = None,
        count: float = 20,
        before: float | None = None,
        request: gr.Request = None,
    ) -> dict:
        """Find runs in the history, newest first.

        Args:
            text: words in the photo's name, the attributes, the note or the seed.
            status: queued, running, done, failed, cancelled or interrupted.
            mark: starred or rejected.
            category: of the garment.
            since: earliest day, such as 2026-12-31.
            until: latest day.
            count: at most so many, 1 to 100.
            before: only runs with a smaller number, to go on where an earlier answer ended.

        Returns:
            How many there are, and the runs with all their settings.
        """

        fields = {"text": text, "status": status, "mark": mark, "category": category, "since": since, "until": until}
        most, start = _whole("count", 20 if count is None else count), _whole("before", before)
        return await _answer(handlers.history, _owner(request), fields, count=most, before=start)

    attributes = _json("attributes")
    attributes.api_info = lambda: {"type": "object", "additionalProperties": {"type": "string"}}  # its own says nothing
    landmark_of = [attributes, _number("candidate"), _file("mask")]
    meant = [_text("garment", None), _file("garment_mask")]
    guide = [_file("photo"), _number("k"), _number("alpha"), *landmark_of, *meant]
    picture = [_file("landmark")]
    measures = _json("measures")
    measures.api_info = lambda: {"type": "object", "additionalProperties": {"type": "number"}}
    more = [_flag("drafted", False), measures, _flag("mirror", False), _text("bank", None), _text("turn", None)]
    _endpoint(retrieve, [*guide, *more], [_json("guide"), *picture])
    seed, *settings = _settings()
    results = gr.File(file_count="multiple", label="pictures", visible=False)
    asked = [*guide, seed, _number("seeds", 1), *settings, _flag("wait", True), *more]
    _endpoint(generate, asked, [_json("runs"), *picture, results])
    _endpoint(run, [_number("number")], [_json("run"), *picture, _file("picture")])
    words = [_text(name, None) for name in ("status", "mark", "category", "since", "until")]
    _endpoint(history, [_text("text", ""), *words, _number("count", 20), _number("before")], [_json("found")])


def _endpoint(function: Callable, inputs: list, outputs: list) -> None:
    gr.Button(visible=False).click(
        function, inputs, outputs, api_name=function.__name__, api_visibility="public", concurrency_limit=None
    )


async def _answer(function: Callable[..., T], *values: Any, **named: Any) -> T:
    """Run it beside the web server's own work; what went wrong is told as on the page."""
    try:
        return await asyncio.to_thread(function, *values, **named)
    except Exception as error:
        raise gr.Error(explain(error), print_exception=False) from error


async def _ended(started: Started) -> None:
    """Wait for runs without holding a thread; not for a queue that stands still."""
    while any(not job.finished and not job.latest.paused for job in started.jobs):
        await asyncio.sleep(_LOOK_SECONDS)


def _owner(request: gr.Request | None) -> str:
    return (request.username if request else None) or ""


def _whole(name: str, value: float | None) -> int | None:
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not abs(value) <= MAX_SEED or value != int(value):
        raise gr.Error(f"{name} must be a whole number, got {repr(value)[:40]}", print_exception=False)
    return int(value)


def _settings() -> list[gr.components.Component]:
    """Return one component for each setting of a run, in their order; one that each model has its own of is empty."""
    made = {"int": _number, "float": _number, "bool": _flag, "str": _text}
    found = {"seed": _number("seed", 0)}
    for setting in fields(Sampling):
        default = None if setting.default is MISSING else setting.default
        found.setdefault(setting.name, made[setting.type](setting.name, default))
    return list(found.values())


def _file(label: str) -> gr.File:
    return gr.File(label=label, visible=False)


def _number(label: str, value: float | None = None) -> gr.Number:
    return gr.Number(value, label=label, visible=False)


def _json(label: str) -> gr.JSON:
    return gr.JSON(label=label, visible=False)


def _flag(label: str, value: bool) -> gr.Checkbox:
    return gr.Checkbox(value, label=label, visible=False)


def _text(label: str, value: str | None) -> gr.Textbox:
    return gr.Textbox(value, label=label, visible=False)
