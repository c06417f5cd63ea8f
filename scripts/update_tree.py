"""Writes what the docs take from the code: the source tree in both READMEs, the recipe reference in both languages.

    python scripts/update_tree.py            writes the pages (make tree)
    python scripts/update_tree.py --check    names the stale ones and ends with 1

The tree's lines are the first lines of module docstrings, the reference's sentences those beneath the knobs;
`tests/architecture/test_docs.py` holds the pages fresh.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from danlu.recipe.reference import Knob, knobs

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "danlu"
READMES = ("README.md", "README.zh-CN.md")
BEGIN, END = "<!-- tree -->", "<!-- /tree -->"

REFERENCE = {
    "en": {
        "title": "# Every knob of a recipe",
        "about": (
            "Generated from the schema by `scripts/update_tree.py`; do not edit. `danlu knobs PREFIX` shows the same. "
            "A knob is set in the file, or on the command line as `key.sub=value` with the value read as YAML. Unknown "
            "keys are errors, with the line and the nearest known key."
        ),
        "head": "| key | type | default | what it does |",
        "required": "required",
    },
    "zh": {
        "title": "# 配方的全部设置项",
        "about": (
            "由 `scripts/update_tree.py` 根据配方结构生成，请勿手工修改；`danlu knobs 前缀` 显示同样的内容。"
            "设置项写在文件里，或在命令行用 `key.sub=value` 指定，值按 YAML 解析。"
            "未知的键会报错，并给出行号和最接近的键。"
        ),
        "head": "| 键 | 类型 | 默认值 | 说明 |",
        "required": "必填",
    },
}


def main(argv: list[str]) -> int:
    """Writes or checks the pages; returns the exit code."""
    stale = [path for path, text in pages().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"stale: {path.relative_to(ROOT)}" if "--check" in argv else path.relative_to(ROOT))
        if "--check" not in argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(pages()[path], encoding="utf-8")
    return 1 if stale and "--check" in argv else 0


def pages() -> dict[Path, str]:
    """Each generated page as it should be; a README keeps all that stands outside its markers."""
    found = {ROOT / name: with_tree((ROOT / name).read_text(encoding="utf-8")) for name in READMES}
    for language in REFERENCE:
        found[ROOT / "docs" / language / "reference" / "recipe.md"] = reference(language)
    return found


def with_tree(text: str) -> str:
    """The text with a fresh tree between its markers. Raises ValueError where they are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the README needs {BEGIN} and {END}")
    return f"{before}{BEGIN}\n```\n{tree()}\n```\n{END}{after}"


def tree() -> str:
    """The rooms of the house, one a line: packages first, then single modules, each with its responsibility."""
    packages = sorted(path for path in SOURCE.iterdir() if (path / "__init__.py").is_file())
    modules = sorted(path for path in SOURCE.glob("*.py") if path.name != "__init__.py")
    rooms = [(f"{path.name}/", path / "__init__.py") for path in packages] + [(path.name, path) for path in modules]
    width = max(len(name) for name, _ in rooms)
    lines = [f"  {name:<{width}}  {first_line(path)}" for name, path in rooms]
    return "\n".join(["src/danlu/", *lines])


def first_line(path: Path) -> str:
    """The first line of a module's docstring."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return doc.splitlines()[0] if doc else ""


def reference(language: str) -> str:
    """The reference page: one table per section of the recipe."""
    words = REFERENCE[language]
    sections: dict[str, list[Knob]] = {}
    for knob in knobs(language=language):
        sections.setdefault(knob.key.partition(".")[0], []).append(knob)
    parts = [words["title"], words["about"]]
    for section, found in sections.items():
        rows = [_row(knob, words["required"]) for knob in found]
        parts.append("\n".join([f"## {section}", "", words["head"], "|---|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _row(knob: Knob, required: str) -> str:
    default = f"`{_cell(knob.default)}`" if knob.default else required
    return f"| `{knob.key}` | `{_cell(knob.type)}` | {default} | {_cell(knob.description)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
