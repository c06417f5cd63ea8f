"""Talks to the model that a run tuned, or to its base: a dialogue whose answers are written as they come.

message -> history -> Renderer.prompt -> tokens, one by one -> whole characters -> write
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from danlu.errors import InputError
from danlu.jobs.threads import let_waiting_threads_sleep
from danlu.messages import t
from danlu.types import Message
from danlu.workspace import Workspace
from danlu.workspace.lineage import adapter_of, base_of
from danlu.workspace.runs import open_run

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from danlu.text.render import Renderer

_BROKEN = "\ufffd"  # what a decoder writes for bytes that are no character, or not yet


def converse(
    run_name: str,
    workspace: Workspace,
    *,
    base: bool,
    message: str | None,
    max_new_tokens: int,
    temperature: float,
    write: Callable[[str], None],
    read: Callable[[], str | None],
) -> None:
    """Answers `message`, or else every message that `read` gives until it gives None; the dialogue is remembered.

    Raises InputError where the run has no model yet, or the dialogue has become too long for it.
    """
    run = open_run(workspace.runs, run_name)
    folder = base_of(run, workspace).folder
    model, renderer = _load(folder, None if base else adapter_of(run, workspace))
    history: list[Message] = []
    asked = message if message is not None else read()
    while asked is not None:
        if asked.strip():
            history.append(Message(role="user", content=asked))
            answer = ""
            for piece in _answer(model, renderer, history, max_new_tokens, temperature):
                answer += piece
                write(piece)
            write("\n")
            reasoning, _, said = answer.rpartition("</think>")
            reasoning = reasoning.strip().removeprefix("<think>").strip()
            history.append(Message(role="assistant", content=said.strip(), reasoning=reasoning))
        asked = None if message is not None else read()


def _load(folder: Path, adapter: Path | None) -> tuple[PreTrainedModel, Renderer]:
    let_waiting_threads_sleep()
    import torch

    from danlu.hardware.device import fast_dtype, pick_device
    from danlu.models.load import load_model, load_tokenizer
    from danlu.models.tuned import load_tuned
    from danlu.text.render import Renderer

    device = pick_device()
    dtype = torch.float32 if device.type == "cpu" else fast_dtype(device)
    renderer = Renderer(load_tokenizer(folder))
    if adapter is None:
        return load_model(folder, dtype=dtype, device=device), renderer
    return load_tuned(folder, adapter, dtype=dtype, device=device), renderer


def _answer(
    model: PreTrainedModel, renderer: Renderer, history: list[Message], max_new_tokens: int, temperature: float
) -> Iterator[str]:
    """The answer's text, piece by piece. One that was cut off at `max_new_tokens` is said so on stderr."""
    from danlu.models.generate import stream

    prompt = renderer.prompt(history)
    positions = model.config.get_text_config().max_position_embeddings
    if len(prompt) + max_new_tokens > positions:
        raise InputError("dialogue_too_long", tokens=len(prompt), max_new_tokens=max_new_tokens, positions=positions)
    steps = stream(
        model,
        [prompt],
        max_new_tokens=max_new_tokens,
        stop_ids=renderer.stop_ids,
        temperature=temperature,
        seed=random.getrandbits(31),
    )
    ended = [False]

    def spoken() -> Iterator[int]:
        for (token,) in steps:
            if token in renderer.stop_ids:
                ended[0] = True
            elif token is not None:
                yield token

    yield from whole_characters(spoken(), lambda ids: renderer.tokenizer.decode(ids, skip_special_tokens=True))
    if not ended[0]:
        print(t("chat.cut", max_new_tokens=max_new_tokens), file=sys.stderr, flush=True)


def whole_characters(ids: Iterable[int], decode: Callable[[list[int]], str]) -> Iterator[str]:
    """Text of tokens as they come, held back while its last character is not whole.

    A token is decoded together with those just before it, since some tokenizers write a word's first token differently:
    for tokens `3号`, `\\xe6\\xa5`, `\\xbc` the pieces are `3号`, and then `楼`. Bytes that never become a character are
    left out at the end, and shown as `\ufffd` in the middle.
    """
    seen: list[int] = []
    start, written = 0, 0  # tokens from `start` are decoded anew; those before `written` are written
    for id in ids:
        seen.append(id)
        before, text = decode(seen[start:written]), decode(seen[start:])
        if len(text) > len(before) and not text.endswith(_BROKEN):
            yield text[len(before) :]
            start, written = written, len(seen)
    rest = decode(seen[start:])[len(decode(seen[start:written])) :].rstrip(_BROKEN)
    if rest:
        yield rest
