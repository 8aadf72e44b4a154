"""Readers by name, and what the model does with them."""

from __future__ import annotations

import json
import socket

import pytest
import torch

from ragdiffusion import cli
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.structure.readers.address import KEY_VARIABLE, check_server
from ragdiffusion.structure.readers.choice import ReaderChoice, open_reader, parse_reader
from ragdiffusion.structure.readers.reading import complete_reading


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("heads", ReaderChoice("heads")),
        ("qwen:/models/qwen2-vl", ReaderChoice("qwen", "/models/qwen2-vl")),
        ("qwen:Qwen/Qwen2-VL-2B-Instruct", ReaderChoice("qwen", "Qwen/Qwen2-VL-2B-Instruct")),
        ("http://127.0.0.1:8000", ReaderChoice("server", "http://127.0.0.1:8000/v1")),
        (
            "https://vision.example/v1/#Qwen/Qwen2-VL-7B-Instruct",
            ReaderChoice("server", "https://vision.example/v1", "Qwen/Qwen2-VL-7B-Instruct"),
        ),
        ("http://[::1]:8000/api/v1/chat/completions", ReaderChoice("server", "http://[::1]:8000/api/v1")),
    ],
)
def test_names_of_readers(text: str, choice: ReaderChoice) -> None:
    assert parse_reader(text) == choice


@pytest.mark.parametrize("text", ["", "head", "qwen", "qwen:", "ftp://host/v1", "localhost:8000", "HEADS"])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="there is no reader '.*': write heads, qwen:FOLDER_OR_HUB_ID"):
        parse_reader(text)


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http://:8000",
        "http://host:99999",
        "http://ho st:a/v1",
        "http://[::1/v1",
        "http://host\n/v1",
        "http://host:0/v1",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="address is not usable: write it as http://127.0.0.1:8000/v1"):
        check_server(url)


@pytest.mark.parametrize("url", ["https://me:hunter2@host/v1", "https://host/v1?key=hunter2"])
def test_secrets_have_no_place_in_an_address(url: str) -> None:
    with pytest.raises(ValueError, match=f"no login and no query: put the key into {KEY_VARIABLE}") as caught:
        check_server(url)
    assert "hunter2" not in str(caught.value)


def test_the_heads_are_those_at_hand(tiny_model) -> None:
    assert tiny_model.reader is open_reader("heads", heads=tiny_model.reader, device="cpu")


class _Tailor:
    """A reader who always sees the same."""

    def __init__(self, note: str = "", confidence: float = 0.75) -> None:
        self.note, self.confidence = note, confidence

    def read(self, photo):
        values = {"collar": "Polo", "fit": "Slim"}
        confidence = {"collar": self.confidence, "fit": 0.5}
        return complete_reading(values, confidence, reader="tailor", started=0.0, note=self.note)


def test_any_reader_serves_the_model_and_its_confidence_travels_with_the_guide(tiny_checkpoint, photo_path) -> None:
    model = RAGDiffusion.from_pretrained(tiny_checkpoint, device="cpu", reader=_Tailor("it was dark"))
    assert model.read_attributes(photo_path).reader == "tailor"
    guide = model.retrieve(photo_path, attributes={"fit": "Loose"})
    assert (guide.attributes["collar"], guide.attributes["fit"]) == ("Polo", "Loose")
    assert guide.attribute_confidence["collar"] == 0.75 and "fit" not in guide.attribute_confidence
    assert set(guide.attribute_confidence) == {a.key for a in ATTRIBUTES} - {"fit"}
    for later in (guide, guide.retune(k=2), guide.retune(alpha=0.1).pick(1), guide.pick(1).reset()):
        assert later.attribute_confidence == guide.attribute_confidence and later.attribute_note == "it was dark"
    plain = RAGDiffusion.from_pretrained(tiny_checkpoint, device="cpu")
    given = plain.retrieve(photo_path, attributes={"fit": "Loose"})
    torch.testing.assert_close(given.query, guide.query)  # what is read at 75 % does not enter e
    sure = RAGDiffusion.from_pretrained(tiny_checkpoint, device="cpu", reader=_Tailor("by daylight", 0.95))
    everything = plain.retrieve(photo_path, attributes={**guide.attributes})
    torch.testing.assert_close(everything.query, sure.retrieve(photo_path, attributes={"fit": "Loose"}).query)


def test_the_command_says_what_was_read_and_by_whom(tiny_checkpoint, photo_path, capsys) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        words = [
            "retrieve",
            str(photo_path),
            "--checkpoint",
            str(tiny_checkpoint),
            "--device",
            "cpu",
            "--json",
            "--attributes",
            "fit=slim",
            "--reader",
            f"http://127.0.0.1:{closed.getsockname()[1]}#qwen",
        ]
        assert cli.main(words) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["attributes"]["fit"] == "Slim" and set(report["attributes"]) == {a.key for a in ATTRIBUTES}
    assert set(report["attribute_confidence"]) == set(report["attributes"]) - {"fit"}
    assert "it can't be reached" in report["attribute_note"] and "read by the heads instead" in report["attribute_note"]
    assert cli.main([*words[:-1], "oracle"]) == 2
    assert "there is no reader 'oracle'" in capsys.readouterr().err


def test_a_bad_reader_is_refused_before_the_weights_are_looked_at(tmp_path) -> None:
    with pytest.raises(ValueError, match="there is no reader 'oracle'"):
        RAGDiffusion.from_pretrained(tmp_path, reader="oracle")
