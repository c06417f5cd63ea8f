"""Every sentence a user reads exists in both languages, with the same fields; every knob is explained in both."""

from __future__ import annotations

import ast
import string
from pathlib import Path

from danlu.messages import catalog
from danlu.recipe.reference import chinese_descriptions, knobs

SOURCE = Path(__file__).parents[2] / "src" / "danlu"


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_sentence_stands_in_both_languages_with_the_same_fields():
    for key, texts in catalog().items():
        assert set(texts) == {"en", "zh"}, key
        assert all(texts.values()), key


def test_every_error_and_warning_that_the_code_names_is_in_the_catalog():
    missing = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            is_ours = name.endswith("Error") and isinstance(first, str) and name not in ("ValueError", "RuntimeError")
            if is_ours and f"error.{first}" not in catalog():
                missing.append(f"{path.name}: error.{first}")
            if name == "Warned":
                reason = next((k.value for k in node.keywords if k.arg == "reason"), None)
                if isinstance(reason, ast.Constant) and f"warning.{reason.value}" not in catalog():
                    missing.append(f"{path.name}: warning.{reason.value}")
            if name == "t" and isinstance(first, str) and first not in catalog():
                missing.append(f"{path.name}: {first}")
    assert missing == []


def test_every_knob_is_explained_in_both_languages():
    english = {knob.key: knob.description for knob in knobs(language="en")}
    assert all(english.values())
    assert set(english) == set(chinese_descriptions())
