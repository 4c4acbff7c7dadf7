"""What a network is trained on."""

import os

import pytest
import torch

from adhd_cvae.errors import InputError
from adhd_cvae.training.device import choose_device, choose_precision, deterministic, enough_memory

CPU = torch.device("cpu")


def test_what_is_asked_for_is_taken():
    assert choose_device("cpu") == CPU
    assert choose_precision("float16", CPU) == torch.float16
    assert choose_precision("auto", CPU) in (torch.bfloat16, torch.float32)


@pytest.mark.parametrize("before", [None, ":16:8"])
def test_determinism_ends_with_the_block(monkeypatch, before):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    if before is not None:
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", before)
    enabled, generator = torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    with deterministic(CPU):
        torch.manual_seed(0)
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == (before or ":4096:8")
    assert torch.are_deterministic_algorithms_enabled() == enabled
    assert os.environ.get("CUBLAS_WORKSPACE_CONFIG") == before
    assert torch.equal(torch.get_rng_state(), generator)


@pytest.mark.parametrize(("batch", "advice"), [(16, r"training\.batch_size=8"), (1, r"Lower model\.hidden,")])
def test_full_memory_names_the_setting_to_lower(batch, advice):
    with pytest.raises(InputError, match=advice), enough_memory(CPU, batch, "model.hidden"):
        raise MemoryError
    with pytest.raises(RuntimeError, match="shapes"), enough_memory(CPU, batch, "model.hidden"):
        raise RuntimeError("shapes differ")


def test_a_device_that_is_not_there_is_named_with_the_setting(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_device("cuda:0") == torch.device("cuda:0")
    for name in ("cuda:1", "cuda:7", "cuda:99"):
        with pytest.raises(InputError, match=rf"training\.device is {name}, but PyTorch finds 1 CUDA"):
            choose_device(name)
