"""LoRA over frozen linear layers, on disk in PEFT's format (Hu et al. 2021, arXiv:2106.09685, eq. 3).

y = W x + (alpha / r) B A x      A is (r, in), B is (out, r), both fp32 whatever W is; B starts at zero
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import PreTrainedModel

from danlu.errors import ModelError

# PEFT's name of a weight is this prefix, the layer's path in the model, and lora_A.weight or lora_B.weight.
_PREFIX = "base_model.model."
_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"
# Options of PEFT that change the arithmetic and are not computed here: an adapter that uses one is refused.
_UNSUPPORTED = (
    *("use_dora", "use_rslora", "modules_to_save", "rank_pattern", "alpha_pattern", "layers_to_transform"),
    *("lora_bias", "layer_replication", "trainable_token_indices", "target_parameters", "alora_invocation_tokens"),
)
# Ways to start an adapter that change the base's weights too: saved as they are, they fit no other base.
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq")


class LoraLinear(nn.Module):
    """A frozen linear layer with a low-rank adapter beside it; `enabled` False is the base alone."""

    def __init__(self, frozen: nn.Linear, *, rank: int, alpha: float, dropout: float) -> None:
        super().__init__()
        self.frozen = frozen
        self.scaling = alpha / rank
        self.dropout = dropout
        self.enabled = True
        device = frozen.weight.device
        self.lora_A = nn.Parameter(torch.zeros(rank, frozen.in_features, dtype=torch.float32, device=device))
        self.lora_B = nn.Parameter(torch.zeros(frozen.out_features, rank, dtype=torch.float32, device=device))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., in) -> (..., out)."""
        y = self.frozen(x)
        if not self.enabled:
            return y
        dropped = nn.functional.dropout(x, self.dropout, self.training)
        low = nn.functional.linear(dropped, self.lora_A.to(x.dtype))
        return y + nn.functional.linear(low, self.lora_B.to(x.dtype)) * self.scaling

    def merged_weight(self) -> torch.Tensor:
        """W + (alpha / r) B A, computed in fp32, in W's dtype."""
        weight = self.frozen.weight.float() + self.scaling * (self.lora_B @ self.lora_A)
        return weight.to(self.frozen.weight.dtype)


def add_lora(
    model: PreTrainedModel, *, rank: int, alpha: float, dropout: float, targets: str | list[str], seed: int
) -> None:
    """Freezes the model and puts fresh adapters on its target layers; the model's outputs stay what they were.

    `targets` is all-linear (every linear layer but the output head) or names of layers. Raises ModelError where a name
    matches none.
    """
    model.requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    for path, layer in _targeted(model, targets):
        adapted = LoraLinear(layer, rank=rank, alpha=alpha, dropout=dropout)
        bound = 1 / math.sqrt(layer.in_features)  # kaiming_uniform with a = sqrt(5), as PEFT starts A
        start = torch.empty(rank, layer.in_features).uniform_(-bound, bound, generator=generator)
        with torch.no_grad():
            adapted.lora_A.copy_(start)
        _replace(model, path, adapted)


def lora_layers(model: PreTrainedModel) -> dict[str, LoraLinear]:
    """The adapted layers by their path in the model."""
    return {path: module for path, module in model.named_modules() if isinstance(module, LoraLinear)}


@contextmanager
def adapters_off(model: PreTrainedModel) -> Iterator[None]:
    """The base alone, for as long as the block lasts."""
    layers = lora_layers(model).values()
    for layer in layers:
        layer.enabled = False
    try:
        yield
    finally:
        for layer in layers:
            layer.enabled = True


def save_adapter(model: PreTrainedModel, folder: Path, *, base_name: str) -> None:
    """Writes the adapters as PEFT does."""
    layers = lora_layers(model)
    weights = {}
    for path, layer in layers.items():
        weights[f"{_PREFIX}{path}.lora_A.weight"] = layer.lora_A.detach().cpu().contiguous()
        weights[f"{_PREFIX}{path}.lora_B.weight"] = layer.lora_B.detach().cpu().contiguous()
    save_file(weights, folder / _WEIGHTS, metadata={"format": "pt"})
    first = next(iter(layers.values()))
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_name,
        "r": first.lora_A.shape[0],
        "lora_alpha": first.scaling * first.lora_A.shape[0],
        "lora_dropout": first.dropout,
        "target_modules": sorted({path.rpartition(".")[2] for path in layers}),
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
    }
    (folder / _CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def read_adapter_config(folder: Path) -> dict[str, object]:
    """The configuration of a PEFT folder. Raises ModelError where it is none, or asks for what is not computed here."""
    path = folder / _CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError("adapter_unreadable", where=str(path), problem=str(error)) from None
    if not isinstance(config, dict) or not config.get("r") or not config.get("lora_alpha"):
        raise ModelError("adapter_unreadable", where=str(path), problem="r, lora_alpha")
    used = [name for name in _UNSUPPORTED if config.get(name)]
    if str(config.get("init_lora_weights")).lower().startswith(_CHANGES_BASE):
        used.append(f"init_lora_weights={config['init_lora_weights']}")
    if config.get("bias", "none") != "none":
        used.append("bias")
    if config.get("peft_type") != "LORA" or used:
        features = ", ".join(used) or str(config.get("peft_type"))
        raise ModelError("adapter_unsupported", where=str(path), features=features)
    return config


def load_adapter(model: PreTrainedModel, folder: Path, *, dropout: float | None = None) -> None:
    """Puts a PEFT folder's adapters on a model. Raises ModelError where they do not fit it."""
    config = read_adapter_config(folder)
    try:
        weights = load_file(folder / _WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError("adapter_unreadable", where=str(folder / _WEIGHTS), problem=str(error)) from None
    paths = sorted({name.removeprefix(_PREFIX).rpartition(".lora_")[0] for name in weights})
    if not paths:
        raise ModelError("adapter_misfit", where=str(folder), layer="lora_A")
    linear = {path: module for path, module in model.named_modules() if isinstance(module, nn.Linear)}
    model.requires_grad_(False)
    for path in paths:
        if path not in linear:
            raise ModelError("adapter_misfit", where=str(folder), layer=path)
        layer = LoraLinear(
            linear[path],
            rank=int(config["r"]),
            alpha=float(config["lora_alpha"]),
            dropout=float(config.get("lora_dropout", 0.0)) if dropout is None else dropout,
        )
        _fill(layer, weights, path, folder)
        _replace(model, path, layer)


def _fill(layer: LoraLinear, weights: dict[str, torch.Tensor], path: str, folder: Path) -> None:
    for name, parameter in (("lora_A", layer.lora_A), ("lora_B", layer.lora_B)):
        value = weights.get(f"{_PREFIX}{path}.{name}.weight")
        if value is None or value.shape != parameter.shape:
            raise ModelError("adapter_misfit", where=str(folder), layer=f"{path}.{name}")
        with torch.no_grad():
            parameter.copy_(value)


def _targeted(model: PreTrainedModel, targets: str | list[str]) -> list[tuple[str, nn.Linear]]:
    head = model.get_output_embeddings()
    linear = [(path, layer) for path, layer in model.named_modules() if isinstance(layer, nn.Linear)]
    linear = [(path, layer) for path, layer in linear if layer is not head]
    if targets == "all-linear":
        return linear
    names = [targets] if isinstance(targets, str) else targets
    known = sorted({path.rpartition(".")[2] for path, _ in linear})
    for name in names:
        if name not in known:
            raise ModelError("target_unknown", name=name, known=", ".join(known))
    return [(path, layer) for path, layer in linear if path.rpartition(".")[2] in names]


def _replace(model: PreTrainedModel, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, module)
