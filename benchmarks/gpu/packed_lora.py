"""LoRA on packed rows on a GPU: loss and gradients against the CPU in fp32, then tokens a second and peak memory.

Models are random (N(0, 0.02)) and lengths lognormal (median 102, sigma 1.1, cut at 2,048; fitted to a medical set), so
nothing is downloaded. Writes one JSON object: hardware, versions, parity, speed.
"""

from __future__ import annotations

import json
import platform
import random
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

from danlu.models import attention
from danlu.models.adapters import add_lora
from danlu.models.score import packed_loss
from danlu.text.collate import collate
from danlu.text.pack import pack
from danlu.text.render import TokenizedSample

SMALL = {
    "vocab_size": 2048,
    "hidden_size": 256,
    "intermediate_size": 704,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
}
LARGE = {"vocab_size": 102400, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 30,
         "num_attention_heads": 32}  # the shape of DeepSeek-LLM-7B  # fmt: skip
BUDGET, WARM_UP, TIMED = 8192, 5, 20


def build(shape: dict[str, int], dtype: torch.dtype, device: str) -> LlamaForCausalLM:
    """A random model with fresh adapters whose B is not zero, so that every gradient says something."""
    config = LlamaConfig(**shape, num_key_value_heads=shape["num_attention_heads"], tie_word_embeddings=False,
                         max_position_embeddings=4096, attn_implementation=attention.SEGMENTS)  # fmt: skip
    torch.manual_seed(0)
    with torch.device(device):
        torch.set_default_dtype(dtype)
        model = LlamaForCausalLM(config)
        torch.set_default_dtype(torch.float32)
    add_lora(model, rank=16, alpha=32, dropout=0.0, targets="all-linear", seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("lora_B"):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.01)
    return model.train()


def samples(count: int, vocabulary: int) -> list[TokenizedSample]:
    """Rows of random tokens whose first 30 % are a prompt."""
    draw = random.Random(0)
    lengths = [max(8, min(2048, int(draw.lognormvariate(4.625, 1.1)))) for _ in range(count)]
    ids = np.random.default_rng(0)
    return [
        TokenizedSample(
            ids_T=ids.integers(3, vocabulary, length, dtype=np.int32), loss_mask_T=np.arange(length) >= 0.3 * length
        )
        for length in lengths
    ]


def gradients(model: LlamaForCausalLM, batch) -> tuple[float, torch.Tensor]:
    loss, _ = packed_loss(model, batch.to(model.device))
    loss.backward()
    flat = [p.grad.detach().float().cpu().flatten() for p in model.parameters() if p.requires_grad]
    return loss.item(), torch.cat(flat)


def parity() -> dict[str, float]:
    """GPU against CPU on the small model: relative loss difference, and cosine of all adapter gradients."""
    batch = collate(samples(12, SMALL["vocab_size"]))
    weights = build(SMALL, torch.float32, "cpu").state_dict()
    found = {}
    expected_loss, expected = gradients(build(SMALL, torch.float32, "cpu"), batch)
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        model = build(SMALL, dtype, "cuda")
        model.load_state_dict(weights)
        loss, flat = gradients(model, batch)
        found[f"{name}_loss_difference"] = abs(loss - expected_loss) / expected_loss
        found[f"{name}_gradient_cosine"] = torch.nn.functional.cosine_similarity(flat, expected, dim=0).item()
    return found


def speed() -> dict[str, float]:
    """Forward and backward of LoRA on a 7B in bf16, packed rows of 8,192 tokens, no recomputation."""
    torch.cuda.reset_peak_memory_stats()
    model = build(LARGE, torch.bfloat16, "cuda")
    rows = samples(2000, LARGE["vocab_size"])
    bins = pack([len(row.ids_T) for row in rows], BUDGET)[: WARM_UP + TIMED]
    times, tokens = [], []
    for indices in bins:
        batch = collate([rows[index] for index in indices]).to(model.device)
        torch.cuda.synchronize()
        started = time.perf_counter()
        loss, _ = packed_loss(model, batch)
        loss.backward()
        model.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
        tokens.append(len(batch.ids_T))
    rates = [count / seconds for count, seconds in zip(tokens[WARM_UP:], times[WARM_UP:], strict=True)]
    return {
        "tokens_per_second_median": statistics.median(rates),
        "tokens_per_second_min": min(rates),
        "tokens_per_second_max": max(rates),
        "peak_memory_bytes": torch.cuda.max_memory_allocated(),
    }


def main(target: str) -> None:
    device = torch.cuda.get_device_name()
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    result = {"device": device, "versions": versions, "parity": parity(), "lora_7b_bf16_packed_8192": speed()}
    Path(target).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main(sys.argv[1])
