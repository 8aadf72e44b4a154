"""A training may begin with the weights of an earlier one, of the same or a smaller architecture."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from ragdiffusion.cli import main
from ragdiffusion.commands.train import begin_with


@pytest.fixture
def small() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(3, 4))


def test_what_is_there_is_taken_and_what_is_new_stays(small, tmp_path):
    save_file({name: value.half() for name, value in small.state_dict().items()}, tmp_path / "weights.safetensors")
    larger = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    new = larger[1].weight.clone()
    begin_with(larger, tmp_path)
    assert torch.equal(larger[0].weight, small[0].weight.half().float()) and torch.equal(larger[1].weight, new)


def test_weights_that_do_not_fit_are_refused(small, tmp_path):
    with pytest.raises(ValueError, match="holds 0 safetensors files, one is wanted"):
        begin_with(small, tmp_path)
    save_file(torch.nn.Sequential(torch.nn.Linear(5, 4)).state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match="its weights do not fit Sequential"):
        begin_with(small, tmp_path)
    save_file({"other": torch.zeros(1)}, tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match="weights that Sequential has not, one is other"):
        begin_with(small, tmp_path)


def test_the_command_says_what_is_wrong_with_a_start(tmp_path, capsys):
    words = ["--out", tmp_path / "out", "--minutes", "1", "--start", tmp_path]
    assert main(["train", "flow", *map(str, words)]) == 2
    assert "name a part's own folder" in capsys.readouterr().err and not (tmp_path / "out").exists()
