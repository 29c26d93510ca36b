"""Executes the notebooks of this folder, and writes a page of the guide for each, with its pictures.

    pip install numpy haul-ot
    python execute.py

A notebook is a Python file whose cells begin with ``# %%``, as editors and Jupyter (by jupytext) open it.
"""

import ast
import contextlib
import io
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
NOTEBOOKS = sorted(path for path in HERE.glob("*.py") if path.read_text(encoding="utf-8").startswith("# %%"))


def cells(text):
    """The cells: of each whether it is a text, and what it says."""
    for cell in re.split(r"^# %%", text, flags=re.M)[1:]:
        head, _, body = cell.partition("\n")
        if "[markdown]" in head:
            yield True, re.sub(r"^# ?", "", body, flags=re.M).strip()
        else:
            yield False, body.strip()


def executed(code, names):
    """What a cell prints, and the value of its last line if that is an expression."""
    tree = ast.parse(code)
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(compile(tree, "cell", "exec"), names)
        value = None if last is None else eval(compile(last, "cell", "eval"), names)
    return told.getvalue(), value


def page(path):
    """The page of a notebook in markdown, and its pictures by their names."""
    names, parts, pictures = {"__name__": path.stem}, [], {}
    for is_text, body in cells(path.read_text(encoding="utf-8")):
        if is_text:
            parts.append(body)
            continue
        parts.append(f"```python\n{body}\n```")
        told, value = executed(body, names)
        if hasattr(value, "_repr_svg_"):
            name = f"{path.stem}-{len(pictures) + 1}.svg"
            pictures[name] = value._repr_svg_()
            parts.append(f"![{value.alt}](../pictures/notebooks/{name})")
        elif value is not None:
            told += f"{value!r}\n"
        if told:
            parts.append(f"```text\n{told.rstrip()}\n```")
    source = "https://jupytext.readthedocs.io"
    parts.insert(1, f"*This page was written by executing `docs/notebooks/{path.name}`, which opens as a notebook in editors and in "
                    f"Jupyter ([jupytext]({source})).*")
    return "\n\n".join(parts) + "\n", pictures


def main(folder):
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    (folder / "pictures" / "notebooks").mkdir(parents=True, exist_ok=True)
    for path in NOTEBOOKS:
        text, pictures = page(path)
        (folder / "notebooks" / f"{path.stem}.md").write_text(text, encoding="utf-8")
        for name, picture in pictures.items():
            (folder / "pictures" / "notebooks" / name).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main(HERE.parent / "src")
