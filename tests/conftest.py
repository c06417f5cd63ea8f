"""Shared by all tests: a tiny model and tokenizer made on the spot, and a workspace in a temporary folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# One thread: sums in the same order on every machine, and no fight over cores between tests.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from danlu.messages import set_language
from danlu.types import ChatSample, Message
from danlu.workspace import Workspace

TEXTS = [
    "心内科在3号楼2层，预约电话是8866-0312。",
    "骨科的专家诊室是215室，周三上午出诊。",
    "Revenue for the quarter was 482.6 million yuan, up 12 percent.",
    "The company employs 1,240 people in four cities.",
]


@pytest.fixture(autouse=True)
def _english():
    """Messages in English, whatever the machine's locale."""
    set_language("en")
    yield
    set_language(None)


@pytest.fixture(scope="session")
def tokenizer():
    """A byte-level tokenizer with a chat template."""
    from danlu.models.tiny import build_tokenizer

    return build_tokenizer(TEXTS, vocabulary_size=400)


@pytest.fixture
def tiny_model(tokenizer):
    """A random Llama: 2 layers of 64, in fp32."""
    import torch

    from danlu.models.tiny import build_model

    torch.set_num_threads(1)
    return build_model(vocabulary_size=len(tokenizer), hidden_size=64, num_layers=2, seed=0)


@pytest.fixture
def dialogues() -> list[ChatSample]:
    """Twelve dialogues of different lengths, some with several turns."""
    samples = []
    for number in range(12):
        messages = [Message(role="user", content=f"问题{number}：{TEXTS[number % 4][: 5 + number]}？")]
        messages.append(Message(role="assistant", content=TEXTS[number % 4][: 4 + 2 * number]))
        if number % 3 == 0:
            messages += [Message(role="user", content="再说一遍。"), Message(role="assistant", content=TEXTS[0])]
        samples.append(ChatSample(id=str(number), messages=tuple(messages)))
    return samples


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def tuned_run(workspace, tokenizer, tiny_model, dialogues):
    """A run with a frozen dataset, a base, and an adapter that changes what it says; nothing is trained."""
    import torch

    from danlu.artifacts import Card, sha256_folder, write_card
    from danlu.models.adapters import add_lora, lora_layers, save_adapter
    from danlu.models.tiny import save
    from danlu.recipe import parse_recipe
    from danlu.workspace.dataset import freeze
    from danlu.workspace.runs import continue_or_create

    text = (
        "name: small\ndataset: {paths: [rows.jsonl]}\ntrain: {max_length: 512}\n"
        "evaluate: {max_questions: 5, max_new_tokens: 8}\n"
    )
    recipe = parse_recipe(text, path="r.yaml", folder=workspace.folder, overrides=[], check_paths=False)
    run = continue_or_create(workspace.runs, recipe)
    splits = {"train": dialogues[:8], "validation": [], "test": dialogues[8:10], "learned": dialogues[10:]}
    dataset, _ = freeze(workspace.datasets, "small", splits, parents={}, details={})
    base = workspace.models / "base@test"
    base.mkdir()
    save(tiny_model, tokenizer, base)
    write_card(base, Card(kind="model", name=base.name, sha256=sha256_folder(base)))
    add_lora(tiny_model, rank=4, alpha=8, dropout=0.1, targets="all-linear", seed=3)
    with torch.no_grad():
        for number, layer in enumerate(lora_layers(tiny_model).values()):
            layer.lora_B.normal_(0, 0.3, generator=torch.Generator().manual_seed(number))
    run.adapter.mkdir()
    save_adapter(tiny_model, run.adapter, base_name="base")
    details = {"base": base.name, "dataset": dataset.label, "steps": 1}
    write_card(run.adapter, Card(kind="adapter", name=run.name, sha256=sha256_folder(run.adapter), details=details))
    for kind, value in (
        ("dataset", dataset.label),
        ("base", "models/base@test"),
        ("adapter", f"runs/{run.name}/adapter"),
    ):
        run.record_artifact(kind, value)
    return run
