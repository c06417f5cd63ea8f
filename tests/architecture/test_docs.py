"""The docs hold: their commands exist, both languages have the same pages, generated parts are fresh, links lead on."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from danlu.cli.main import VERBS
from danlu.recipe.reference import knobs

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
PAGES = [*READMES, *sorted(DOCS.rglob("*.md")), ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
_BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _commands(path: Path) -> list[list[str]]:
    """Every command line of a page that starts with `danlu`, as words without comments and prompts."""
    lines = [line.removeprefix("$ ") for block in _BLOCK.findall(path.read_text("utf-8")) for line in block.split("\n")]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("danlu ")]


WITH_COMMANDS = [path for path in PAGES if _commands(path)]


@cache
def _help(*verb: str) -> str:
    command = [sys.executable, "-m", "danlu.cli.main", *verb, "--help"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_every_verb_is_shown_somewhere():
    assert {words[1] for path in WITH_COMMANDS for words in _commands(path)} == set(VERBS)


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_in_the_docs_exist(path):
    for words in _commands(path):
        _check(words)


def _check(words: list[str]) -> None:
    """The verb, its action and options exist; overrides are knobs; recipes are files."""
    verb = words[1]
    assert verb in VERBS, words
    actions = VERBS[verb] if isinstance(VERBS[verb], dict) else {}
    assert not actions or words[2] in actions, words
    shown = _help(verb, *([words[2]] if actions else []))
    for word in words[2:]:
        name = word.partition("=")[0]
        if word.startswith("-"):
            assert re.search(rf"(^|[\s,]){re.escape(name)}(?![\w-])", shown), words
        elif "=" in word:
            assert name in {knob.key for knob in knobs()}, words
        elif word.startswith("recipes/"):
            assert (ROOT / word).is_file(), words


def test_overrides_in_recipe_headers_are_knobs():
    known = {knob.key for knob in knobs()}
    for path in (ROOT / "recipes").glob("*.yaml"):
        commands = re.findall(r"^#   (danlu .+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        named = {word.partition("=")[0] for line in commands for word in shlex.split(line) if "=" in word}
        assert named <= known, path


def test_both_languages_have_the_same_pages():
    pages = {
        language: {path.relative_to(DOCS / language) for path in (DOCS / language).rglob("*.md")}
        for language in ("en", "zh")
    }
    assert pages["en"] == pages["zh"]
    for page in pages["en"]:
        assert _commands(DOCS / "en" / page) == _commands(DOCS / "zh" / page)


def test_every_guide_says_what_it_writes_what_can_fail_and_how_to_carry_on():
    headings = {
        "en": ["## What it writes", "## When it fails", "## Carry on"],
        "zh": ["## 写出什么", "## 失败时", "## 如何继续"],
    }
    for language, expected in headings.items():
        for verb in VERBS:
            text = (DOCS / language / "guides" / f"{verb}.md").read_text(encoding="utf-8")
            assert all(f"\n{heading}\n" in text for heading in expected), f"{language}: {verb}"


def test_generated_pages_are_fresh():
    spec = importlib.util.spec_from_file_location("update_tree", ROOT / "scripts" / "update_tree.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    stale = [path for path, text in script.pages().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "make tree"


def test_links_lead_to_files():
    for path in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path}: {target}"


def test_recipes_shown_in_the_docs_parse(tmp_path):
    from danlu.recipe import load_recipe

    (tmp_path / "reports").mkdir()
    for path in READMES:
        for number, text in enumerate(re.findall(r"^```yaml\n(.*?)^```", path.read_text("utf-8"), re.M | re.S)):
            file = tmp_path / f"{path.stem}-{number}.yaml"
            file.write_text(text, encoding="utf-8")
            assert load_recipe(file).name


def test_decisions_are_numbered_and_say_what_would_change_our_mind():
    found = sorted(path.name for path in (DOCS / "decisions").glob("*.md"))
    assert [name[:4] for name in found] == [f"{number:04d}" for number in range(1, len(found) + 1)]
    for name in found:
        text = (DOCS / "decisions" / name).read_text(encoding="utf-8")
        for part in ("**Context.**", "**Choice.**", "**Price.**", "**What would change our mind.**"):
            assert part in text, f"{name}: {part}"
