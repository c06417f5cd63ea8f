"""Generation in padded batches says what single prompts say, and what transformers itself says."""

from __future__ import annotations

import pytest
import torch

from danlu.models import attention
from danlu.models.generate import generate, stream
from danlu.text.render import Renderer
from danlu.types import Message


@pytest.fixture
def prompts(tokenizer):
    """Five prompts of clearly different lengths."""
    renderer = Renderer(tokenizer)
    texts = ["骨科？", "心内科在几号楼？", "Revenue for the quarter?", "请" * 30, "预约电话是多少" * 9]
    return [renderer.prompt([Message(role="user", content=text)]) for text in texts]


def test_a_padded_batch_gives_the_tokens_of_single_prompts(tiny_model, prompts):
    model = tiny_model.eval()
    together = dict(generate(model, prompts, max_new_tokens=12, stop_ids={2}))
    alone = {
        index: ids
        for index, prompt in enumerate(prompts)
        for _, ids in generate(model, [prompt], max_new_tokens=12, stop_ids={2})
    }
    assert together == alone


def test_padding_changes_no_logit_by_more_than_rounding(tiny_model, prompts):
    model = tiny_model.eval()
    attention.use(model, packed=False)
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    with torch.no_grad():
        padded = model(input_ids=ids, attention_mask=mask, position_ids=(mask.cumsum(-1) - 1).clamp(min=0)).logits[
            :, -1
        ]
        single = torch.stack([model(input_ids=torch.tensor([prompt])).logits[0, -1] for prompt in prompts])
    torch.testing.assert_close(padded, single, rtol=0, atol=1e-5)


def test_greedy_tokens_are_those_of_transformers_own_generate(tiny_model, prompts):
    model = tiny_model.eval()
    ours = dict(generate(model, prompts, max_new_tokens=12, stop_ids={2}))
    for index, prompt in enumerate(prompts):
        ids = torch.tensor([prompt])
        reply = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=12,
            eos_token_id=2,
            pad_token_id=0,
        )
        theirs = reply[0, len(prompt) :].tolist()
        assert ours[index] == (theirs[: theirs.index(2)] if 2 in theirs else theirs)


def test_an_answer_ends_at_its_stop_token_while_the_others_go_on(tiny_model, prompts):
    model = tiny_model.eval()
    free = dict(generate(model, prompts[:2], max_new_tokens=6, stop_ids=set()))
    stop = free[0][2]
    stopped = dict(generate(model, prompts[:2], max_new_tokens=6, stop_ids={stop}))
    for index in (0, 1):
        assert stopped[index] == (free[index][: free[index].index(stop)] if stop in free[index] else free[index])
    steps = list(stream(model, prompts[:1], max_new_tokens=6, stop_ids={stop}))
    assert steps[-1] == [stop]


def test_a_seed_decides_what_is_drawn(tiny_model, prompts):
    def draw(seed):
        steps = stream(
            tiny_model.eval(), prompts[:1], max_new_tokens=8, stop_ids=set(), temperature=1.0, top_p=0.9, seed=seed
        )
        return list(steps)

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
