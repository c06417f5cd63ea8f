"""The catalog: both languages say the same, and every key that the code names is there."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import danlu
import danlu.errors
from danlu.errors import DanluError
from danlu.jobs.stages import STAGES
from danlu.messages import catalog

SOURCE = Path(danlu.__file__).parent
ERRORS = {name for name, kind in vars(danlu.errors).items() if isinstance(kind, type) and issubclass(kind, DanluError)}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_every_sentence_with_the_same_fields():
    for key, texts in catalog().items():
        assert set(texts) == {"en", "zh"}, key
        assert texts["en"].strip() and texts["zh"].strip(), key
        assert fields(texts["en"]) == fields(texts["zh"]), key


def calls(keyword: str = "") -> Iterator[tuple[str, str, str]]:
    """Every call with a literal first argument, or that of a keyword: function or class, the literal, and where."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            arguments = [word.value for word in node.keywords if word.arg == keyword] if keyword else node.args[:1]
            for argument in arguments:
                for text in literals(argument):
                    yield node.func.id, text, f"{path.relative_to(SOURCE)}:{node.lineno}"


def literals(node: ast.expr) -> list[str]:
    """The strings an argument can be: itself, or either side of `a if condition else b`."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def test_every_sentence_that_the_code_asks_for_is_there():
    named = [(key, where) for function, key, where in calls() if function in ("t", "fill")]
    assert len(named) > 20
    assert [(key, where) for key, where in named if key not in catalog()] == []


def test_every_error_that_the_code_raises_has_its_sentence():
    named = [(key, where) for function, key, where in calls() if function in ERRORS]
    assert len(named) > 20
    assert [(key, where) for key, where in named if f"error.{key}" not in catalog()] == []


def test_every_warning_that_the_code_gives_has_its_sentence():
    named = [(key, where) for function, key, where in calls(keyword="reason") if function == "Warned"]
    assert len(named) > 10
    assert [(key, where) for key, where in named if f"warning.{key}" not in catalog()] == []


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_a_title_and_its_last_lines(stage):
    assert {f"stage.{stage}", f"done.{stage}", f"done.{stage}.reused"} <= catalog().keys()
