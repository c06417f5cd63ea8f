"""Merges an adapter into its base, file by file, without loading the model: W + (alpha / r) B A, in fp32, cast back.

    base's safetensors files -> plan: which tensor goes into which new file -> one new file in memory at a time -> index

Hu et al. 2021 (arXiv:2106.09685), eq. 3. A tensor that no adapter touches is copied bit by bit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from danlu.errors import ModelError
from danlu.models.adapters import read_adapter_config

_WHOLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PREFIX = "base_model.model."
# Room in each file for its header: its own length, and per tensor the name, dtype, shape and offsets as JSON.
_HEADER_BYTES, _HEADER_BYTES_PER_TENSOR = 1024, 160
_READABLE = 0o644
_BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "BF16": 2, "F16": 2, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_BYTES |= {"F8_E4M3": 1, "F8_E5M2": 1}


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """A tensor of the base: where it lies, and what it weighs."""

    name: str
    file: Path
    dtype: str
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """Its bytes in a file."""
        return _BYTES[self.dtype] * math.prod(self.shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class Delta:
    """What an adapter adds to one weight: `scaling` * B @ A."""

    a: torch.Tensor
    b: torch.Tensor
    scaling: float

    def merged(self, weight: torch.Tensor) -> torch.Tensor:
        """The weight with the adapter in it, in the weight's dtype."""
        return (weight.float() + self.scaling * (self.b.float() @ self.a.float())).to(weight.dtype)


def list_tensors(folder: Path) -> list[Tensor]:
    """Every tensor of a model folder, in the order of its files. Raises ModelError where one cannot be read."""
    found = []
    for file in _weight_files(folder):
        try:
            with safe_open(file, framework="pt") as tensors:
                slices = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118 - not a dict
                found += [
                    Tensor(name=name, file=file, dtype=part.get_dtype(), shape=tuple(part.get_shape()))
                    for name, part in slices.items()
                ]
        except (OSError, SafetensorError) as error:
            raise ModelError("model_unreadable", where=str(file), problem=str(error)) from None
    return found


def _weight_files(folder: Path) -> list[Path]:
    """The files that transformers would load: one whole file, or else those that the index names."""
    if (folder / _WHOLE).is_file():
        return [folder / _WHOLE]
    try:
        weight_map = json.loads((folder / _INDEX).read_text(encoding="utf-8"))["weight_map"]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError("model_unreadable", where=str(folder / _INDEX), problem=str(error)) from None
    return [folder / name for name in sorted(set(weight_map.values()))]


def read_deltas(adapter: Path) -> dict[str, Delta]:
    """What a PEFT folder adds, by the name of the weight in the base. Raises ModelError where it cannot be read."""
    config = read_adapter_config(adapter)
    file = adapter / "adapter_model.safetensors"
    try:
        weights = load_file(file)
    except (OSError, SafetensorError) as error:
        raise ModelError("adapter_unreadable", where=str(file), problem=str(error)) from None
    scaling = float(config["lora_alpha"]) / int(config["r"])
    paths = sorted({name.removeprefix(_PREFIX).rpartition(".lora_")[0] for name in weights})
    deltas = {}
    for path in paths:
        pair = [weights.get(f"{_PREFIX}{path}.{part}.weight") for part in ("lora_A", "lora_B")]
        if pair[0] is None or pair[1] is None:
            raise ModelError("adapter_misfit", where=str(adapter), layer=path)
        deltas[f"{path}.weight"] = Delta(a=pair[0], b=pair[1], scaling=scaling)
    return deltas


def check_fit(tensors: list[Tensor], deltas: dict[str, Delta], adapter: Path) -> None:
    """Compares shapes before anything is written. Raises ModelError at the first weight that does not fit."""
    shapes = {tensor.name: tensor.shape for tensor in tensors}
    for name, delta in deltas.items():
        if shapes.get(name) != (delta.b.shape[0], delta.a.shape[1]):
            raise ModelError("adapter_misfit", where=str(adapter), layer=name)


def plan_shards(tensors: list[Tensor], max_bytes: float) -> list[list[Tensor]]:
    """The tensors in files of at most `max_bytes`, in their order; a tensor larger than that has a file to itself."""
    shards: list[list[Tensor]] = []
    room = 0.0
    for tensor in tensors:
        size = tensor.size_bytes + _HEADER_BYTES_PER_TENSOR + len(tensor.name)
        if not shards or size > room:
            shards.append([])
            room = max_bytes - _HEADER_BYTES
        shards[-1].append(tensor)
        room -= size
    return shards


def write_shards(shards: list[list[Tensor]], deltas: dict[str, Delta], target: Path) -> Iterator[int]:
    """Writes the files, and an index where there are several; yields how many tensors are written so far."""
    count, done = len(shards), 0
    weight_map: dict[str, str] = {}
    for number, shard in enumerate(shards, start=1):
        name = _WHOLE if count == 1 else f"model-{number:05d}-of-{count:05d}.safetensors"
        save_file(_merged(shard, deltas), target / name, metadata={"format": "pt"})
        (target / name).chmod(_READABLE)  # safetensors writes files that only their owner can read
        weight_map |= {tensor.name: name for tensor in shard}
        done += len(shard)
        yield done
    if count > 1:
        total = sum(tensor.size_bytes for shard in shards for tensor in shard)
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
        (target / _INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _merged(shard: list[Tensor], deltas: dict[str, Delta]) -> dict[str, torch.Tensor]:
    """The tensors of one new file, read from however many old ones."""
    result = {}
    for file in dict.fromkeys(tensor.file for tensor in shard):
        with safe_open(file, framework="pt") as tensors:
            for name in (tensor.name for tensor in shard if tensor.file == file):
                weight = tensors.get_tensor(name)
                result[name] = deltas[name].merged(weight) if name in deltas else weight
    return result
