"""Heads and the bank's vote, mixed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ragdiffusion.api import RAGDiffusion
from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN, cannot_have
from ragdiffusion.bank import Bank
from ragdiffusion.structure.readers.heads import head_probabilities
from ragdiffusion.structure.readers.vote import TRUST, VOTERS, mix

_VALUES = {attribute.key: attribute.values for attribute in ATTRIBUTES}
PANTS, SKIRT, TEE = {"length": "Long"}, {"category": "Skirt"}, {"category": "T-shirt", "sleeve_length": "Short"}


def _heads(**probabilities: dict[str, float]) -> dict[str, np.ndarray]:
    return {key: np.array([given.get(value, 0.0) for value in _VALUES[key]]) for key, given in probabilities.items()}


def _share(mixed: dict[str, np.ndarray], key: str, value: str) -> float:
    return float(mixed[key][_VALUES[key].index(value)])


def test_shares_are_the_weighted_mean_of_heads_and_vote() -> None:
    heads = _heads(sleeve_length={"Long": 0.8, "Short": 0.2})
    # Weights 1, 1/2, 1/3: short has 4/3 of 11/6, long 1/2.
    mixed = mix(heads, [TEE, {"sleeve_length": "Long"}, TEE], trust=0.5)
    assert _share(mixed, "sleeve_length", "Short") == pytest.approx(0.5 * 0.2 + 0.5 * (4 / 3) / (11 / 6))
    assert _share(mixed, "sleeve_length", "Long") == pytest.approx(0.5 * 0.8 + 0.5 * 0.5 / (11 / 6))
    assert mixed["sleeve_length"].sum() == pytest.approx(1) and list(mixed) == ["sleeve_length"]


def test_who_does_not_know_abstains() -> None:
    heads = _heads(category={"Dress": 0.7, "T-shirt": 0.3})
    # Of a long-sleeved top without a category the vote on categories weighs nothing ...
    long = {"sleeve_length": "Long"}
    np.testing.assert_allclose(mix(heads, [long, long], trust=0.9)["category"], heads["category"])
    # ... and beside one that has a say, 1 of 3/2 is heard.
    mixed = mix(heads, [TEE, long], trust=0.9)
    assert _share(mixed, "category", "T-shirt") == pytest.approx((1 - 0.6) * 0.3 + 0.6)


def test_trousers_vote_for_no_category_collar_or_sleeves() -> None:
    heads = _heads(category={"T-shirt": 1.0}, collar={"Polo": 1.0}, sleeve_length={"Short": 1.0}, length={"Long": 1.0})
    mixed = mix(heads, [PANTS] * 4, trust=0.6)
    for key in ("category", "collar", "sleeve_length"):
        assert mixed[key].sum() == pytest.approx(0.4)
    assert _share(mixed, "length", "Long") == pytest.approx(1)
    mixed = mix(heads, [SKIRT], trust=0.6)
    assert _share(mixed, "category", "Skirt") == pytest.approx(0.6) and mixed["collar"].sum() == pytest.approx(0.4)


def test_without_voters_or_trust_the_heads_stand_alone() -> None:
    heads = _heads(fit={"Loose": 0.6, "Slim": 0.4})
    for voters, trust in (([], 0.9), ([{"fit": "Slim"}], 0.0)):
        np.testing.assert_allclose(mix(heads, voters, trust=trust)["fit"], heads["fit"])
    late = [{"fit": "Loose"}] * VOTERS + [{"fit": "Slim"}] * 5
    np.testing.assert_allclose(mix(heads, late)["fit"], mix(heads, late[:VOTERS])["fit"])


@pytest.mark.parametrize(
    ("known", "keys"),
    [
        (PANTS, {"category", "collar", "sleeve_length"}),
        (SKIRT, {"collar", "sleeve_length"}),
        (TEE, set()),
        ({"sleeve_length": "Long"}, set()),
        ({}, set()),
        ({"category": UNKNOWN, "fit": "Slim"}, {"category", "collar", "sleeve_length"}),
    ],
)
def test_what_a_lower_garment_cannot_have(known, keys) -> None:
    assert {attribute.key for attribute in ATTRIBUTES if cannot_have(attribute.key, known)} == keys


def test_the_model_reads_with_its_banks_help(tiny_checkpoint, make_photo) -> None:
    photo, plain = make_photo(3), RAGDiffusion.from_pretrained(tiny_checkpoint, device="cpu")
    dress, tee = (list(_VALUES["category"]).index(value) for value in ("Dress", "T-shirt"))
    bias = plain.pipeline.structure_net.attribute_heads[0].bias.data
    bias[dress], bias[tee] = 4.88, 4.77  # 48 % and 43 %, wherever it looks
    model = RAGDiffusion(plain.pipeline, plain.bank, plain.checkpoint)
    net = model.pipeline.structure_net
    with torch.no_grad():
        alone = head_probabilities(net.read_attributes(model.see(photo).tokens), frozenset({"category"}))["category"]
    assert alone.argmax() == dress
    reading, guide = model.read_attributes(photo), model.retrieve(photo)
    assert reading.values["category"] == guide.attributes["category"] == "T-shirt"  # as all of the bank are
    assert guide.attribute_confidence["category"] == pytest.approx(TRUST + (1 - TRUST) * alone[tee])
    assert reading.confidence == pytest.approx(guide.attribute_confidence)
    torch.testing.assert_close(guide.query, plain.retrieve(photo).query)  # what is voted does not move e


def test_the_silhouettes_heads_overrule_the_towers(tiny_checkpoint, make_photo) -> None:
    plain = RAGDiffusion.from_pretrained(tiny_checkpoint, device="cpu")
    fit, length = (list(_VALUES).index(key) for key in ("fit", "sleeve_length"))
    tower, shape = plain.pipeline.structure_net.attribute_heads, plain.pipeline.silhouette_net.attribute_heads
    tower[fit].bias.data[0], tower[length].bias.data[0], shape[length].bias.data[3] = 9.0, 9.0, 9.0
    values = RAGDiffusion(plain.pipeline, plain.bank, plain.checkpoint).retrieve(make_photo(3)).attributes
    assert values["fit"] == "Loose" and values["sleeve_length"] == "Long"


def test_an_empty_bank_leaves_reading_to_the_heads(tiny_checkpoint, make_photo, tmp_path) -> None:
    plain = RAGDiffusion.from_pretrained(tiny_checkpoint, device="cpu")
    plain.pipeline.structure_net.attribute_heads[0].bias.data[0] = 9.0
    with Bank.create(
        tmp_path / "empty.sqlite3", fingerprint=plain.bank.fingerprint, dimension=plain.bank.dimension
    ) as bank:
        model = RAGDiffusion(plain.pipeline, bank, plain.checkpoint)
        assert model.read_attributes(make_photo(3)).values["category"] == _VALUES["category"][0]
        with pytest.raises(ValueError, match="holds 0 enabled entries"):
            model.retrieve(make_photo(3))


def test_the_bank_names_attributes_in_the_order_asked(tiny_model) -> None:
    assert tiny_model.bank.attributes([3, 1]) == [{"category": "T-shirt"}] * 2
    assert tiny_model.bank.attributes([]) == []
    with pytest.raises(ValueError, match="has no entry 99"):
        tiny_model.bank.attributes([1, 99])
