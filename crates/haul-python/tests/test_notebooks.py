"""The pages of the notebooks are what their execution gives."""

import importlib.util
import pathlib
import re
import sys

import numpy as np
import pytest

DOCS = pathlib.Path(__file__).parents[3] / "docs"
FOLDER = DOCS / "notebooks"

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.fixture
def notebooks(monkeypatch):
    if not FOLDER.is_dir():
        pytest.skip("the guide is not here")
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location("execute", FOLDER / "execute.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def alike(picture, other):
    """Whether pictures differ by at most a pixel, as roundings of engines make them."""
    numbers = [np.array([float(number) for number in NUMBER.findall(of)]) for of in (picture, other)]
    return NUMBER.sub("", picture) == NUMBER.sub("", other) and np.allclose(*numbers, atol=1.01, rtol=0)


def test_pages_are_what_notebooks_give(notebooks):
    assert len(notebooks.NOTEBOOKS) == 2
    written = set()
    for path in notebooks.NOTEBOOKS:
        text, pictures = notebooks.page(path)
        at = DOCS / "src" / "notebooks" / f"{path.stem}.md"
        written |= {at.name, *pictures}
        assert text == at.read_text(encoding="utf-8"), f"write it by {notebooks.__file__}"
        for name, picture in pictures.items():
            assert alike(picture, (DOCS / "src" / "pictures" / "notebooks" / name).read_text(encoding="utf-8")), name
    there = [*(DOCS / "src" / "notebooks").iterdir(), *(DOCS / "src" / "pictures" / "notebooks").iterdir()]
    assert {path.name for path in there} == written


def test_pictures_that_differ_are_told_apart():
    picture = '<circle cx="10.0" cy="2"/>'
    assert alike(picture, '<circle cx="10.4" cy="2"/>')
    assert not alike(picture, '<circle cx="12.0" cy="2"/>')
    assert not alike(picture, '<circle cx="10.0" cy="2"/><circle cx="10.0" cy="2"/>')
