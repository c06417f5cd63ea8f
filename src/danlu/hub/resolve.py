"""A model's name as a local folder: itself if it is one, else a snapshot fetched from the Hugging Face hub.

`HF_ENDPOINT` names a mirror; what was fetched once is found again without a network.
"""

from __future__ import annotations

import os
from pathlib import Path

from danlu.errors import InputError

_FILES = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "tokenizer*"]


def resolve_model(name: str, revision: str = "") -> Path:
    """The folder of a model. Raises InputError saying which address was asked, and why it did not give it."""
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    if endpoint != "https://huggingface.co":
        os.environ.setdefault("HF_HUB_DISABLE_XET", "1")  # mirrors do not carry Xet's own storage hosts
    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=_FILES))
    except HFValidationError as error:
        raise InputError("model_name", where=name, problem=str(error).splitlines()[0]) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        cause = _deepest(error)
        raise InputError("model_unreachable", where=endpoint, name=name, problem=cause) from None


def _deepest(error: BaseException) -> str:
    """The innermost cause in one line: the hub wraps a refused connection several times."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
