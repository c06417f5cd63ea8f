"""Every sentence a user reads, in English and Chinese, from one catalog; no torch.

The catalog is `catalog/*.json`: one file per area, `{"key": {"en": ..., "zh": ...}}`. `t("done.ingest", files=3)`
gives the sentence in the current language. A test holds both languages to the same keys and fields.
"""

from __future__ import annotations

import json
import locale
import os
from functools import cache
from importlib.resources import files
from typing import Literal

Language = Literal["en", "zh"]

_language: Language | None = None


def set_language(language: Language | None) -> None:
    """Pin the language for this process; None goes back to the locale's."""
    global _language
    _language = language


def current_language() -> Language:
    """`zh` where DANLU_LANG or the locale says Chinese, else `en`."""
    if _language:
        return _language
    names = [os.environ.get(name) for name in ("DANLU_LANG", "LC_ALL", "LC_MESSAGES", "LANG")]
    name = next((value for value in names if value), None) or locale.getlocale()[0] or ""
    return "zh" if name.lower().startswith(("zh", "chinese")) else "en"


@cache
def catalog() -> dict[str, dict[str, str]]:
    """All keys of all areas. Raises ValueError where two files define one key."""
    entries: dict[str, dict[str, str]] = {}
    for path in sorted(files("danlu").joinpath("catalog").iterdir(), key=lambda item: item.name):
        if not path.name.endswith(".json"):
            continue
        for key, texts in json.loads(path.read_text(encoding="utf-8")).items():
            if key in entries:
                raise ValueError(f"{path.name}: {key} is defined twice")
            entries[key] = texts
    return entries


def t(key: str, **params: object) -> str:
    """The catalog's sentence for `key`, its {fields} filled. An unknown key is a bug and raises KeyError."""
    return catalog()[key][current_language()].format(**params)


def has(key: str) -> bool:
    """Whether the catalog holds `key`."""
    return key in catalog()
