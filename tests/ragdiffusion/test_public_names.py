"""The names that the package offers are there, and cost nothing until they are used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import ragdiffusion

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ragdiffusion.__all__)
def test_every_public_name_is_the_class_of_that_name(name: str) -> None:
    found = getattr(ragdiffusion, name)
    assert isinstance(found, type) and found.__name__ == name
    assert name in dir(ragdiffusion)


def test_all_own_parts_of_the_pipeline_are_public() -> None:
    from ragdiffusion.generation.parts import OWN_CLASSES

    assert {name: getattr(ragdiffusion, name) for name in OWN_CLASSES} == OWN_CLASSES


def test_other_names_are_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="module 'ragdiffusion' has no attribute 'Studio'"):
        ragdiffusion.Studio  # noqa: B018
    with pytest.raises(ImportError, match="Studio"):
        from ragdiffusion import Studio  # noqa: F401


def test_the_package_itself_loads_no_library() -> None:
    program = "import sys, ragdiffusion; print(sorted({'torch', 'numpy', 'diffusers', 'cv2'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
