"""The embedded model `tiny`: a byte-level tokenizer and a small random Llama, made on the spot from the texts at hand.

Untied embeddings and the Llama architecture, as DeepSeek-Coder has them. The tokenizer's entries are at most six bytes
(two Chinese characters) long: longer ones would memorize whole clauses as single tokens.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

from danlu.models import attention

END_OF_TEXT, TURN, END_OF_TURN = "<|endoftext|>", "<|turn|>", "<|end|>"
_MAX_TOKEN_BYTES = 6
_MAX_POSITIONS = 4096
# One turn is <|turn|>role, a line break, the content, <|end|> and a line break.
_TEMPLATE = (
    "{% for message in messages %}<|turn|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)

logging.disable_progress_bar()  # Danlu shows its own


def build_tokenizer(texts: Iterable[str], *, vocabulary_size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE trained on the texts, with a chat template; the same texts give the same tokenizer."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[END_OF_TEXT, TURN, END_OF_TURN],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=_MAX_TOKEN_BYTES,
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token=END_OF_TURN,
        pad_token=END_OF_TEXT,
        chat_template=_TEMPLATE,
        model_max_length=_MAX_POSITIONS,
        clean_up_tokenization_spaces=False,
    )


def build_model(*, vocabulary_size: int, hidden_size: int, num_layers: int, seed: int) -> LlamaForCausalLM:
    """A random Llama in fp32; heads of 32, a feed-forward of 8/3 the width. The same seed gives the same weights."""
    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=hidden_size,
        intermediate_size=-(-hidden_size * 8 // 3 // 32) * 32,
        num_hidden_layers=num_layers,
        num_attention_heads=hidden_size // 32,
        num_key_value_heads=hidden_size // 32,
        max_position_embeddings=_MAX_POSITIONS,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
        attn_implementation=attention.SEGMENTS,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """A Hugging Face model folder."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
