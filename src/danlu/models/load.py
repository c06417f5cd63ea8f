"""Loads a model and its tokenizer from a local folder: safetensors only, none of its code, mistakes explained."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from danlu.errors import ModelError
from danlu.models import attention

# Heads that reshape logits after the product need a loss of their own; named here instead of being trained wrongly.
_UNSUPPORTED_HEADS = ("final_logit_softcapping", "logits_scaling", "logit_scale", "lm_head_multiplier")

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
logging.getLogger("transformers").setLevel(logging.ERROR)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder."""
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError("tokenizer_unreadable", where=str(folder), problem=_first_line(error)) from error


def load_model(folder: Path, *, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    """The model of a folder, in evaluation mode, set to packed rows."""
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        _check_head(config.to_dict(), folder)
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation=attention.SEGMENTS,
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError("model_unreadable", where=str(folder), problem=_first_line(error)) from error
    if model.get_output_embeddings().bias is not None:
        raise ModelError("head_unsupported", where=str(folder), name="bias")
    return model.to(device).eval()


def _check_head(config: dict[str, object], folder: Path) -> None:
    for name in _UNSUPPORTED_HEADS:
        if config.get(name) not in (None, 1, 1.0):
            raise ModelError("head_unsupported", where=str(folder / "config.json"), name=name)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
