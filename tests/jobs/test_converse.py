"""A conversation: whole characters, remembered turns, base or tuned, one clear error when it gets too long."""

from __future__ import annotations

import pytest
import torch

from danlu.errors import InputError
from danlu.jobs.converse import converse, whole_characters
from danlu.models.adapters import adapters_off
from danlu.models.generate import generate
from danlu.models.load import load_tokenizer
from danlu.models.tuned import load_tuned
from danlu.text.render import Renderer
from danlu.types import Message


def _talk(run, workspace, *messages, base=False, message=None, max_new_tokens=8):
    said: list[str] = []
    waiting = [*messages, None]
    converse(
        run.name,
        workspace,
        base=base,
        message=message,
        max_new_tokens=max_new_tokens,
        temperature=0.0,
        write=said.append,
        read=lambda: waiting.pop(0),
    )
    return said


def _expected(run, workspace, dialogue, *, base):
    folder = workspace.models / "base@test"
    tokenizer = load_tokenizer(folder)
    renderer = Renderer(tokenizer)
    model = load_tuned(folder, run.adapter, dtype=torch.float32, device=torch.device("cpu"))
    prompt = [renderer.prompt(dialogue)]
    if base:
        with adapters_off(model):
            ((_, ids),) = generate(model, prompt, max_new_tokens=8, stop_ids=renderer.stop_ids)
    else:
        ((_, ids),) = generate(model, prompt, max_new_tokens=8, stop_ids=renderer.stop_ids)
    return tokenizer.decode(ids, skip_special_tokens=True).rstrip("\ufffd")


@pytest.mark.parametrize("base", [False, True])
def test_one_message_gets_the_models_answer(tuned_run, workspace, base):
    said = _talk(tuned_run, workspace, message="骨科？", base=base)
    expected = _expected(tuned_run, workspace, [Message(role="user", content="骨科？")], base=base)
    assert "".join(said) == expected + "\n"


def test_base_and_tuned_model_answer_differently(tuned_run, workspace):
    assert _talk(tuned_run, workspace, message="骨科？") != _talk(tuned_run, workspace, message="骨科？", base=True)


def test_earlier_turns_are_remembered_and_empty_lines_passed_over(tuned_run, workspace):
    first, second, rest = "".join(_talk(tuned_run, workspace, "骨科？", "  ", "再说一遍。")).partition("\n")
    dialogue = [
        Message(role="user", content="骨科？"),
        Message(role="assistant", content=first.strip()),
        Message(role="user", content="再说一遍。"),
    ]
    assert rest == _expected(tuned_run, workspace, dialogue, base=False) + "\n"
    assert second == "\n"


def test_a_dialogue_longer_than_the_model_is_an_error_that_says_so(tuned_run, workspace):
    with pytest.raises(InputError, match="4096 positions"):
        _talk(tuned_run, workspace, message="骨" * 2000)


def test_an_answer_that_was_cut_off_is_said_so_on_stderr(tuned_run, workspace, capsys):
    _talk(tuned_run, workspace, message="骨科？", max_new_tokens=1)
    assert "cut off after 1 tokens" in capsys.readouterr().err


def test_half_a_character_is_never_written(tokenizer):
    text = "楼层🏥：3号楼𠮷野家 ok"
    bytes_as_tokens = [id for char in text for id in _byte_tokens(tokenizer, char)]
    pieces = list(whole_characters(bytes_as_tokens, tokenizer.decode))
    assert "".join(pieces) == text
    assert all("\ufffd" not in piece for piece in pieces)
    assert len(pieces) == len(text)


def test_bytes_that_never_become_a_character_are_left_out_at_the_end(tokenizer):
    ids = [*_byte_tokens(tokenizer, "好"), *_byte_tokens(tokenizer, "楼")[:2]]
    assert "".join(whole_characters(ids, tokenizer.decode)) == "好"


def _byte_tokens(tokenizer, char):
    """The tokens of a character's single bytes."""
    from tokenizers import pre_tokenizers

    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    ((letters, _),) = level.pre_tokenize_str(char)
    return [tokenizer.convert_tokens_to_ids(letter) for letter in letters]
