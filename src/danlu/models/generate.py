"""Generation, one piece for evaluation, chat and serving: batched, cached, streamed a token at a time.

Prompts of different lengths share a batch by padding on the left; padded places are masked and positions start at each
prompt's first token. Shapes: B prompts, T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from transformers import DynamicCache, PreTrainedModel

from danlu.models import attention


@torch.inference_mode()
def stream(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    stop_ids: set[int],
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
) -> Iterator[list[int | None]]:
    """Yields, step by step, the next token of every prompt; None for one that has ended.

    The stop token itself is yielded. Temperature 0 is greedy. The same seed gives the same tokens.
    """
    attention.use(model, packed=False)
    device = model.device
    generator = torch.Generator(device=device).manual_seed(seed)
    ids_BT, mask_BT = _pad_left(prompts, device)
    positions_BT = (mask_BT.cumsum(-1) - 1).clamp(min=0)
    cache = DynamicCache(config=model.config)
    alive = [True] * len(prompts)
    for _ in range(max_new_tokens):
        output = model(
            input_ids=ids_BT,
            attention_mask=mask_BT,
            position_ids=positions_BT,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        next_B = _choose(output.logits[:, -1].float(), temperature, top_p, generator)
        chosen = next_B.tolist()
        yield [token if live else None for token, live in zip(chosen, alive, strict=True)]
        alive = [live and token not in stop_ids for token, live in zip(chosen, alive, strict=True)]
        if not any(alive):
            return
        ids_BT = next_B[:, None]
        mask_BT = torch.cat([mask_BT, mask_BT.new_ones(len(prompts), 1)], dim=1)
        positions_BT = positions_BT[:, -1:] + 1


def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    stop_ids: set[int],
    batch_size: int = 32,
) -> Iterator[tuple[int, list[int]]]:
    """Greedy answers as (index of the prompt, ids without the stop token), batch by batch.

    Prompts of similar length share a batch, so little is padded. An answer that did not end has `max_new_tokens` ids.
    """
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    for start in range(0, len(order), batch_size):
        indices = order[start : start + batch_size]
        answers: list[list[int]] = [[] for _ in indices]
        batch = [prompts[index] for index in indices]
        for tokens in stream(model, batch, max_new_tokens=max_new_tokens, stop_ids=stop_ids):
            for answer, token in zip(answers, tokens, strict=True):
                if token is not None and token not in stop_ids:
                    answer.append(token)
        yield from zip(indices, answers, strict=True)


def _pad_left(prompts: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.zeros(len(prompts), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    return ids.to(device), mask.to(device)


def _choose(logits_BV: torch.Tensor, temperature: float, top_p: float, generator: torch.Generator) -> torch.Tensor:
    """Greedy, or a draw from the smallest set of tokens whose probability reaches `top_p` (Holtzman et al. 2020)."""
    if temperature <= 0:
        return logits_BV.argmax(-1)
    probs = torch.softmax(logits_BV / temperature, dim=-1)
    if top_p < 1:
        sorted_probs, order = probs.sort(dim=-1, descending=True)
        outside = sorted_probs.cumsum(-1) - sorted_probs >= top_p
        probs = torch.zeros_like(probs).scatter(-1, order, sorted_probs.masked_fill(outside, 0))
    return torch.multinomial(probs, 1, generator=generator)[:, 0]
