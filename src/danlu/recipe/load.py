"""Reads a recipe: YAML with line numbers, overrides `key.sub=value`, paths made absolute, mistakes explained.

    file -> mapping with line numbers -> overrides laid over it -> paths resolved and checked -> Recipe

A path in the file counts from the file's folder, a path in an override from the working directory.
"""

from __future__ import annotations

import difflib
import io
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from danlu.errors import RecipeError
from danlu.recipe.explain import explain
from danlu.recipe.schema import Recipe

# Lists of paths that must exist before anything starts. `model.base` and `train.adapter.from` may also be names.
_PATH_LISTS = ("documents.paths", "dataset.paths")
_PATHS_OR_NAMES = ("model.base", "train.adapter.from")


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipeSource:
    """A recipe as written: its mapping, where each key stands, and which values came from overrides."""

    data: CommentedMap
    path: str
    folder: Path
    overridden: dict[str, str] = field(default_factory=dict)

    def where(self, location: tuple[str | int, ...]) -> str:
        """`file:line` of the deepest part of `location` that is written down, or the override that set it."""
        dotted = ".".join(str(part) for part in location)
        for key, text in self.overridden.items():
            if dotted == key or dotted.startswith(f"{key}."):
                return text
        return f"{self.path}:{_line_of(self.data, location)}"


def load_recipe(path: str | Path, overrides: list[str] | None = None, *, check_paths: bool = True) -> Recipe:
    """The recipe in a file, with overrides. Raises RecipeError with `file:line` for the user's mistakes.

    `check_paths=False` reads the recipe of an old run, whose documents may be gone.
    """
    file = Path(path)
    if not file.is_file():
        near = _near_path(file)
        key = "recipe_missing_near" if near else "recipe_missing"
        raise RecipeError(key, where=str(file.absolute()), near=near)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError("recipe_not_utf8", where=str(file), offset=error.start) from None
    folder = file.absolute().parent
    return parse_recipe(text, path=str(path), folder=folder, overrides=overrides or [], check_paths=check_paths)


def parse_recipe(text: str, *, path: str, folder: Path, overrides: list[str], check_paths: bool = True) -> Recipe:
    """The recipe in a text; `path` names it in messages, its relative paths count from `folder`."""
    data = _parse_yaml(text, path)
    if not isinstance(data, CommentedMap):
        raise RecipeError("recipe_not_a_mapping", where=path)
    source = RecipeSource(data=data, path=path, folder=folder, overridden=_apply(data, overrides))
    if check_paths:
        _resolve_paths(source)
    try:
        return Recipe.model_validate(_plain(data))
    except ValidationError as error:
        raise explain(error, source.where) from None


def dump_recipe(recipe: Recipe) -> str:
    """The recipe as YAML, every knob written out; `parse_recipe` reads it back equal."""
    buffer = io.StringIO()
    writer = YAML()
    writer.default_flow_style = False
    writer.dump(recipe.model_dump(mode="json", by_alias=True, exclude_none=True), buffer)
    return buffer.getvalue()


def _parse_yaml(text: str, where: str) -> object:
    reader = YAML()
    reader.allow_duplicate_keys = False
    try:
        return reader.load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RecipeError("recipe_yaml", where=f"{where}:{line}", problem=error.problem or str(error)) from None
    except YAMLError as error:
        raise RecipeError("recipe_yaml", where=where, problem=str(error)) from None


def _apply(data: CommentedMap, overrides: list[str]) -> dict[str, str]:
    """Lays `key.sub=value` over the mapping; the value is read as YAML. Returns the text of each by its dotted key."""
    texts = {}
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise RecipeError("override_form", where=text)
        *parents, last = key.strip().split(".")
        node = data
        for parent in parents:
            if not isinstance(node.get(parent), dict):
                node[parent] = CommentedMap()
            node = node[parent]
        node[last] = _parse_yaml(value, text) if value.strip() else ""
        texts[key.strip()] = text
    return texts


def _resolve_paths(source: RecipeSource) -> None:
    for dotted in _PATH_LISTS:
        section, key = dotted.split(".")
        group = source.data.get(section)
        paths = group.get(key) if isinstance(group, dict) else None
        if not isinstance(paths, list):
            continue  # a wrong type is explained by the schema
        group[key] = [_existing(source, dotted, item, position) for position, item in enumerate(paths)]
    for dotted in _PATHS_OR_NAMES:
        *parents, last = dotted.split(".")
        group: object = source.data
        for parent in parents:
            group = group.get(parent) if isinstance(group, dict) else None
        if isinstance(group, dict) and isinstance(group.get(last), str):
            group[last] = _path_or_name(source, dotted, group[last])


def _existing(source: RecipeSource, dotted: str, item: object, position: int) -> object:
    if not isinstance(item, str):
        return item
    path = (_folder_of(source, dotted) / _expanded(item)).absolute()
    if path.exists():
        return str(Path(path).resolve())
    near = _near_path(path)
    key = "path_missing_near" if near else "path_missing"
    raise RecipeError(key, where=source.where((*dotted.split("."), position)), path=path, near=near)


def _path_or_name(source: RecipeSource, dotted: str, value: str) -> str:
    path = _folder_of(source, dotted) / _expanded(value)
    if value and path.exists():
        return str(path.resolve())
    if value.startswith((".", "/", "~")):
        raise RecipeError("path_missing", where=source.where(tuple(dotted.split("."))), path=path.absolute())
    return value


def _folder_of(source: RecipeSource, dotted: str) -> Path:
    """Where a relative path counts from: the working directory for an override, else the recipe's folder."""
    overridden = any(dotted == key or dotted.startswith(f"{key}.") for key in source.overridden)
    return Path.cwd() if overridden else source.folder


def _expanded(text: str) -> Path:
    """`~` as the home directory; one of a user who is unknown here stays as it is, and is then missing."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def _near_path(path: Path) -> str:
    """A sibling with a similar name, along the deepest folder that exists; empty where there is none."""
    parent = path.absolute()
    while not parent.parent.is_dir():
        parent = parent.parent
    names = [item.name for item in parent.parent.iterdir()]
    near = difflib.get_close_matches(parent.name, names, n=1, cutoff=0.6)
    return str(parent.parent / near[0]) if near else ""


def _line_of(data: object, location: tuple[str | int, ...]) -> int:
    line = 0
    for part in location:
        if isinstance(data, CommentedMap) and part in data:
            line = data.lc.data[part][0] if part in data.lc.data else line
        elif isinstance(data, CommentedSeq) and isinstance(part, int) and part < len(data):
            line = data.lc.data[part][0]
        else:
            break
        data = data[part]
    return line + 1


def _plain(data: object) -> object:
    if isinstance(data, dict):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(value) for value in data]
    return data
