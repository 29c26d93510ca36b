"""The examples of docstrings, of the README and of the guide."""

import doctest
import importlib
import pathlib
import re

import pytest

import haul

HERE = pathlib.Path(__file__).parent
PEERS = {"torch": "torch", "jax": "jax", "sklearn": "sklearn"}
GUIDE = HERE.parents[2] / "docs" / "src"
PAGES = [HERE.parent / "README.md", *(GUIDE / page for page in ("python.md", "coming.md") if GUIDE.is_dir())]


MODULES = ("_arrays", "_device", "_exact", "_fit", "_gromov", "_histograms", "_measure", "_progress", "_results", "_solve", "ot")


@pytest.mark.parametrize("name", ["", *MODULES, *PEERS])
def test_examples_of_docstrings(name):
    if name in PEERS:
        pytest.importorskip(PEERS[name])
    module = importlib.import_module(f"haul.{name}".rstrip("."))
    result = doctest.testmod(module)
    assert result.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_of_pages(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    text = "\n".join(blocks)
    for peer in PEERS:
        if re.search(rf"^>>> (import|from) {peer}\b", text, re.M):
            pytest.importorskip(peer)
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert test.examples
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    assert runner.run(test).failed == 0


def test_everything_public_is_documented():
    for name in haul.__all__:
        thing = getattr(haul, name)
        assert thing.__doc__, name
        for member, of in vars(thing).items() if isinstance(thing, type) else ():
            if not member.startswith("_") and (callable(of) or isinstance(of, property)):
                assert (of.fget if isinstance(of, property) else of).__doc__, f"{name}.{member}"
