"""Several processes that train one model, started by `torchrun`. In one process nothing here does anything.

Each encodes and decodes its share of a batch; what a loss is made of, a few numbers a participant, is gathered, so that
every process knows the loss of the whole batch. Its gradient is the sum over processes, each through its own share.
"""

import io
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar
from uuid import uuid4

import torch
from torch import Tensor, distributed
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from adhd_cvae.errors import InputError

LONGEST_WAIT = timedelta(hours=12)
"""For a process that works alone, such as on the linear start; of one that has ended, `torchrun` tells the others."""
Value = TypeVar("Value")


@contextmanager
def together() -> Iterator[None]:
    """Join the processes that `torchrun` has started, each with a GPU of its own where there are some; else nothing."""
    if not distributed.is_torchelastic_launched():
        yield
        return
    gpus = torch.cuda.device_count()
    if gpus:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % gpus)
    store, rank, world = next(rendezvous("env://", timeout=LONGEST_WAIT))
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if gpus else "gloo",
        store=_fresh(store, rank, world),
        rank=rank,
        world_size=world,
        timeout=LONGEST_WAIT,
    )
    yield
    distributed.destroy_process_group()  # after an error others are stuck, and would hold it up


def _fresh(store: Store, rank: int, world: int) -> Store:
    """The part of the store that the processes alive now agree on.

    `torchrun` keeps the store when it starts killed processes again, with the addresses these have left there (PyTorch
    2.13), and tells no number that is new and the same on all machines. So the first process makes one up, and
    welcomes by name whoever has read it; nobody is left to welcome those who have read an old one.
    """
    name = uuid4().hex
    if rank == 0:
        store.set("attempt", name)
        for other in range(1, world):
            store.wait([f"{name}/{other}"], LONGEST_WAIT)
            store.set(f"{name}/{store.get(f'{name}/{other}').decode()}", "welcome")
        return PrefixStore(name, store)
    while True:
        attempt = store.get("attempt").decode()
        store.set(f"{attempt}/{rank}", name)
        if store.check([f"{attempt}/{name}"]):
            return PrefixStore(attempt, store)
        time.sleep(0.1)


def check_device(device: torch.device) -> None:
    """Refuse more processes than GPUs.

    Raises
    ------
    InputError
        `torchrun` started more processes on this machine than it has GPUs.
    """
    gpus, here = torch.cuda.device_count(), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if device.type == "cuda" and count() > 1 and here > gpus:
        raise InputError(
            f"torchrun started {here} processes on a machine with {gpus} GPUs; expected one a GPU. "
            f"Give --nproc-per-node {gpus}, or --set training.device=cpu."
        )


def count() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first() -> bool:
    """Whether this process is the one that writes and speaks."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def share(size: int) -> slice:
    """Which of `size` rows are ours: as many as the others', or one more."""
    if count() == 1:
        return slice(0, size)
    rank = distributed.get_rank()
    return slice(size * rank // count(), size * (rank + 1) // count())


def summed(values: Tensor) -> Tensor:
    """Sum over the processes, to the same bits in each."""
    if count() > 1:
        values = values.detach().clone()
        distributed.all_reduce(values)
    return values


def gathered(mine: Tensor, size: int) -> Tensor:
    """The rows of all processes, of which `mine` are our `share` of `size`; only ours carry a gradient."""
    if count() == 1:
        return mine
    ours = share(size)
    everyone = mine.new_zeros((size, *mine.shape[1:])).detach()
    everyone[ours] = mine.detach()
    everyone = summed(everyone)  # exact: each row is a number and zeros
    return torch.cat([everyone[: ours.start], mine, everyone[ours.stop :]])


def sum_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace every gradient by its sum over the processes."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if count() == 1 or not gradients:
        return
    together = summed(torch.cat([gradient.flatten() for gradient in gradients]))
    for gradient, part in zip(gradients, together.split([one.numel() for one in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def from_first(make: Callable[[], Value]) -> Value:
    """What `make` gives in the first process, in all of them: tensors, numbers, text, and lists and dicts of them.

    Where it raises InputError there, the first process raises it and the others end without a word.
    """
    if count() == 1:
        return make()
    if not is_first():
        content = io.BytesIO(_broadcast(None))
        received = torch.load(content, map_location="cpu", weights_only=True)
        if "problem" in received:
            raise SystemExit(1)
        return received["value"]
    try:
        value = make()
    except InputError:
        _broadcast({"problem": True})
        raise
    _broadcast({"value": value})
    return value


def _broadcast(content: dict | None) -> bytes:
    """Bytes of what the first process gives."""
    written = io.BytesIO()
    if content is not None:
        torch.save(content, written)
    size = torch.tensor(len(written.getvalue()))
    distributed.broadcast(size, 0)
    numbers = torch.empty(int(size), dtype=torch.uint8)
    if content is not None:
        numbers.copy_(torch.frombuffer(written.getbuffer(), dtype=torch.uint8))
    distributed.broadcast(numbers, 0)
    return numbers.numpy().tobytes()
