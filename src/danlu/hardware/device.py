"""The device to compute on, the precision it is fast in, and the token budget its memory allows."""

from __future__ import annotations

import resource

import torch


def pick_device() -> torch.device:
    """The accelerator torch was built for, if one is there, else the CPU."""
    if torch.accelerator.is_available():
        return torch.accelerator.current_accelerator()
    return torch.device("cpu")


def fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies it natively, else float32 (a CPU without that is 10x slower)."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device.type == "cpu":
        native = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
        return torch.bfloat16 if native else torch.float32
    return torch.bfloat16


def tokens_per_micro_batch(device: torch.device) -> int:
    """Tokens in one forward pass: 8,192 from 80 GB of device memory, 4,096 from 24 GB, 2,048 below and on a CPU."""
    if device.type != "cuda":
        return 2048
    gigabytes = torch.cuda.get_device_properties(device).total_memory / 1e9
    return 8192 if gigabytes >= 79 else 4096 if gigabytes >= 23 else 2048


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory taken so far: of the device, or of this process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
