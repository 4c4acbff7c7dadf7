"""What a network is trained on: device, precision, determinism and memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from adhd_cvae.errors import InputError

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
"""Without it deterministic CUDA refuses to multiply."""


def choose_device(name: str) -> torch.device:
    """``auto`` is a CUDA GPU where there is one, else the CPU.

    Raises
    ------
    InputError
        There is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"training.device is {name}, but PyTorch finds {torch.cuda.device_count()} CUDA devices here. "
            "Give --set training.device=auto."
        )
    return device


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """``auto`` is bfloat16 where the device computes in it, else float32."""
    if name != "auto":
        return getattr(torch, name)
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return (
        torch.bfloat16 if capabilities.get("amx_bf16") or capabilities.get("avx512_bf16") else torch.float32
    )


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Let each operation give the same bits every time; leave settings and generators of PyTorch as they were."""
    enabled = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    workspace = os.environ.get(_CUBLAS)
    os.environ.setdefault(_CUBLAS, ":4096:8")
    torch.use_deterministic_algorithms(True)
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warns)
        if workspace is None:
            del os.environ[_CUBLAS]


@contextmanager
def enough_memory(device: torch.device, batch_size: int, sizes: str) -> Iterator[None]:
    """Say which setting to lower where a training step does not fit.

    Parameters
    ----------
    batch_size
        Participants of each group.
    sizes
        Settings that decide how large the network is.

    Raises
    ------
    InputError
        Memory was too small.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        full = isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "allocate memory" in str(error)
        if not full:
            raise
        smaller = f"Try --set training.batch_size={batch_size // 2}" if batch_size > 1 else f"Lower {sizes}"
        raise InputError(
            f"the memory of {device.type} does not hold a training step of "
            f"{batch_size} + {batch_size} maps. {smaller}, and give --overwrite."
        ) from None
