"""The one renderer: messages -> token ids and loss mask, by the model's own chat template; for training and inference.

A sample is rendered as inference would see it, turn by turn:

    prompt (template, up to where the model starts to speak)   not trained
    what the assistant says, encoded on its own                 trained
    the template's end of turn                                  trained up to and including its special token

so a tuned model meets, token for token, the prompts it was trained on. Text of users and documents is data: a control
token written in it is encoded as plain characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from danlu.errors import ModelError
from danlu.types import ChatSample, Message, TextSample

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# A code point that Unicode reserves for internal use: it marks where a control token in data is broken up.
_BREAK = "\ufdd0"
_PROBE = "danluprobe"


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizedSample:
    """One sample as tokens: `ids_T` (int32) and `loss_mask_T` (bool, True where the token is trained)."""

    ids_T: np.ndarray
    loss_mask_T: np.ndarray

    @property
    def num_targets(self) -> int:
        """Tokens that are predicted and trained: the first token of a sample is never predicted."""
        return int(self.loss_mask_T[1:].sum())


class Renderer:
    """Renders for one tokenizer. Raises ModelError where its template cannot be trained on."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self._controls = sorted(
            # Runs of blanks, which some tokenizers add as tokens of their own, control nothing.
            {token for token in {*tokenizer.added_tokens_encoder, *tokenizer.all_special_tokens} if token.strip()},
            key=len,
            reverse=True,
        )
        self._control_ids = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
        self.num_last_turn_only = 0
        self.num_reasoning_skipped = 0

    @cached_property
    def closing(self) -> str:
        """What the template writes after an assistant's words, learned by rendering a probe."""
        rows = [Message(role="user", content="?"), Message(role="assistant", content=_PROBE)]
        text = self._render(rows, generation=False)
        closing = text.rpartition(_PROBE)[2]
        if not any(id in self._control_ids for id in self.encode(closing)):
            raise ModelError("no_end_of_turn", where=self.tokenizer.name_or_path, closing=closing)
        return closing

    @property
    def stop_ids(self) -> set[int]:
        """The tokens that end an assistant's turn: the template's, and the tokenizer's end of text."""
        ids = {self._trained_closing()[-1]}
        return ids | ({self.tokenizer.eos_token_id} if self.tokenizer.eos_token_id is not None else set())

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The ids a model is given to answer these messages."""
        return self.encode(self._render(messages, generation=True))

    def chat(self, sample: ChatSample) -> TokenizedSample:
        """A dialogue with every assistant turn trained.

        Where the template rewrites earlier turns (it drops old reasoning, say), only the last turn can be trained as
        inference will see it; `num_last_turn_only` counts those samples.
        """
        turns = [index for index, message in enumerate(sample.messages) if message.role == "assistant"]
        parts = self._turns(sample.messages, turns)
        if parts is None:
            self.num_last_turn_only += 1
            parts = self._turns(sample.messages, turns[-1:])
        assert parts is not None  # a single turn has no earlier text to disagree with
        ids = [id for part, _ in parts for id in part]
        mask = [trained for part, trained in parts for _ in part]
        return TokenizedSample(ids_T=np.array(ids, dtype=np.int32), loss_mask_T=np.array(mask, dtype=bool))

    def text(self, sample: TextSample, max_length: int) -> list[TokenizedSample]:
        """Plain text as windows of at most `max_length` tokens, every token trained, ended by the end of text.

        Windows overlap by one token, so every token but the first is predicted exactly once: 5 tokens in windows of 3
        give [0,1,2] and [2,3,4].
        """
        added = self.tokenizer.encode("")  # what the tokenizer itself puts around a text
        ids = [id for id in added[:1] if id == self.tokenizer.bos_token_id]
        ids += self.encode(self.as_data(sample.text))
        if self.tokenizer.eos_token_id is not None:
            ids.append(self.tokenizer.eos_token_id)
        array = np.array(ids, dtype=np.int32)
        starts = range(0, max(1, len(array) - 1), max_length - 1)
        windows = [array[start : start + max_length] for start in starts]
        return [TokenizedSample(ids_T=window, loss_mask_T=np.ones(len(window), dtype=bool)) for window in windows]

    def encode(self, text: str) -> list[int]:
        """Ids of a text of the template's making; control tokens count, except where `as_data` broke them up."""
        pieces = [piece for piece in text.split(_BREAK) if piece]
        return [id for piece in pieces for id in self.tokenizer.encode(piece, add_special_tokens=False)]

    def as_data(self, text: str) -> str:
        """The text with every control token broken up, so that `encode` reads it as plain characters."""
        for control in self._controls:
            if control in text:
                text = text.replace(control, control[0] + _BREAK + control[1:])
        return text

    def _turns(self, messages: Sequence[Message], turns: list[int]) -> list[tuple[list[int], bool]] | None:
        """Parts of ids with their mask; None where a later prompt does not continue the text before it."""
        parts: list[tuple[list[int], bool]] = []
        trained = self._trained_closing()
        rest = self.encode(self.closing)[len(trained) :]
        text, skipped = "", 0
        for turn in turns:
            prompt = self._render(messages[:turn], generation=True)
            if not prompt.startswith(text):
                return None
            if parts:
                parts.append((rest, False))
            skipped += _opens_reasoning(prompt) and not messages[turn].reasoning
            said = self._said(messages[turn], prompt)
            parts += [(self.encode(prompt[len(text) :]), False), (self.encode(said) + trained, True)]
            text = prompt + said + self.closing
        self.num_reasoning_skipped += bool(skipped)
        return parts

    def _render(self, messages: Sequence[Message], *, generation: bool) -> str:
        if not self.tokenizer.chat_template:
            raise ModelError("no_chat_template", where=self.tokenizer.name_or_path)
        rows = [{"role": message.role, "content": self._said(message, "")} for message in messages]
        return self.tokenizer.apply_chat_template(rows, tokenize=False, add_generation_prompt=generation)

    def _said(self, message: Message, prompt: str) -> str:
        """Reasoning and words as one text; where the prompt opened the reasoning, it is only closed.

        The marks around the reasoning are the renderer's own: where they are control tokens they are encoded as such.
        """
        opened, content = _opens_reasoning(prompt), self.as_data(message.content)
        if not message.reasoning:
            return f"\n</think>\n\n{content}" if opened else content
        opening = "" if opened else "<think>\n"
        return f"{opening}{self.as_data(message.reasoning)}\n</think>\n\n{content}"

    def _trained_closing(self) -> list[int]:
        """The end of turn that is trained: up to and including its first control token."""
        ids = self.encode(self.closing)
        end = next(index for index, id in enumerate(ids) if id in self._control_ids)
        return ids[: end + 1]


def _opens_reasoning(prompt: str) -> bool:
    return prompt.rstrip().endswith("<think>")


def show_mask(renderer: Renderer, sample: TokenizedSample) -> str:
    """The sample's text with its trained runs between ⟦ and ⟧."""
    text, start = "", 0
    for end in range(1, len(sample.ids_T) + 1):
        if end < len(sample.ids_T) and sample.loss_mask_T[end] == sample.loss_mask_T[start]:
            continue
        piece = renderer.tokenizer.decode(sample.ids_T[start:end].tolist())
        text += f"⟦{piece}⟧" if sample.loss_mask_T[start] else piece
        start = end
    return text
