"""Checkpoints to carry on from: trained weights, optimizer and progress; whole or not there, damage detected.

    checkpoints/STAGE/step-000120/{trained.safetensors, optimizer.safetensors, progress.json, manifest.json}

The order of samples, the learning rate and the noise of dropout are functions of seed and step, so the step is all of
the data cursor and of the random state.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from danlu.artifacts import publish, sha256_file

_MANIFEST = "manifest.json"


@dataclass(kw_only=True, slots=True)
class Progress:
    """How far a training is. `step` steps are done; the best validation loss and its step; evaluations since then."""

    step: int = 0
    best_loss: float | None = None
    best_step: int = 0
    evaluations_since_best: int = 0
    first_validation_loss: float | None = None
    last_loss: float | None = None
    last_validation_loss: float | None = None
    seconds: float = 0.0

    @property
    def overfitted(self) -> bool:
        """Whether the validation loss ended more than 1 % above its best; smaller wiggles are noise."""
        if self.best_loss is None or self.last_validation_loss is None:
            return False
        return self.last_validation_loss > 1.01 * self.best_loss


def save_checkpoint(
    folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, progress: Progress, *, key: str, keep: int
) -> Path:
    """Writes a checkpoint and removes all but the `keep` newest. `key` says which training it belongs to."""
    target = folder / f"step-{progress.step:06d}"
    with publish(target) as staging:
        save_file(trained_weights(model), staging / "trained.safetensors")
        save_file(_optimizer_tensors(model, optimizer), staging / "optimizer.safetensors")
        (staging / "progress.json").write_text(json.dumps({"key": key, **asdict(progress)}), encoding="utf-8")
        hashes = {path.name: sha256_file(path) for path in sorted(staging.iterdir())}
        (staging / _MANIFEST).write_text(json.dumps(hashes), encoding="utf-8")
    # What claims to be further on is another training's or damaged: it must not push out what was written just now.
    newest = [path for path in _found(folder) if path.name <= target.name][-keep:]
    for other in set(_found(folder)) - set(newest):
        shutil.rmtree(other)
    return target


def load_checkpoint(
    folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, *, key: str
) -> tuple[Progress, list[Path]]:
    """Puts the newest whole checkpoint of this training into model and optimizer.

    Returns how far it was (step 0 without any), and the damaged ones that were passed over.
    """
    damaged = []
    for path in reversed(_found(folder)):
        if not _is_whole(path):
            damaged.append(path)
            continue
        data = json.loads((path / "progress.json").read_text(encoding="utf-8"))
        if data.pop("key") != key:
            continue
        load_trained(model, load_file(path / "trained.safetensors"))
        _load_optimizer(model, optimizer, load_file(path / "optimizer.safetensors"))
        return Progress(**data), damaged
    return Progress(), damaged


def trained_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights that require a gradient, by name, on the CPU."""
    named = ((name, p) for name, p in model.named_parameters() if p.requires_grad)
    return {name: parameter.detach().cpu().contiguous().clone() for name, parameter in named}


def load_trained(model: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Puts weights back by name."""
    named = dict(model.named_parameters())
    with torch.no_grad():
        for name, value in weights.items():
            named[name].copy_(value)


def _found(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"))


def _is_whole(path: Path) -> bool:
    try:
        hashes = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        return all(sha256_file(path / name) == value for name, value in hashes.items())
    except (OSError, ValueError):
        return False


def _optimizer_tensors(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {
        f"{names[parameter]}/{field}": value.detach().cpu().contiguous().clone()
        for parameter, state in optimizer.state.items()
        for field, value in state.items()
    }


def _load_optimizer(model: torch.nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    parameters = dict(model.named_parameters())
    for key, value in tensors.items():
        name, _, field = key.rpartition("/")
        parameter = parameters[name]
        # The count of steps stays a number on the CPU or the device, as the optimizer made it; moments follow weights.
        optimizer.state[parameter][field] = value.to(parameter.device)
