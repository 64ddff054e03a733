"""Processes that train one model together through torch.distributed."""

from __future__ import annotations

import multiprocessing
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor, nn


def end_with_parent() -> None:
    """End this process when the one that started it ends, however that happens.

    Without it a worker whose parent was killed waits for ever for the others, or goes on writing
    into the folder of a run that was ended.  Does nothing in a process that multiprocessing did
    not start.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)  # the main thread may be inside a call that never returns

    threading.Thread(target=wait, name="end with parent", daemon=True).start()


@dataclass(frozen=True)
class Workers:
    """The process among those that train; alone where torch.distributed is not initialised.

    Attributes
    ----------
    rank : int
        Number of this process; 0 decides, saves and logs.
    count : int
        How many there are.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def of_this_process(cls) -> Workers:
        """Ask torch.distributed."""
        if not torch.distributed.is_initialized():
            return cls()
        return cls(torch.distributed.get_rank(), torch.distributed.get_world_size())

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite tensors with those of the first worker."""
        if self.count > 1:
            for tensor in tensors:
                same = tensor.cpu()
                torch.distributed.broadcast(same, 0)
                tensor.copy_(same)

    def agree(self, decision: bool) -> bool:
        """Return what the first worker decides."""
        said = torch.tensor([float(decision)])
        self.share([said])
        return bool(said)

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace gradients by their means over the workers, each of which saw other views."""
        if self.count == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:  # no object in the views of this worker
                parameter.grad = torch.zeros_like(parameter)
        grads = [p.grad for p in parameters if p.grad is not None]
        flat = torch.nn.utils.parameters_to_vector(grads)
        total = flat.cpu()  # workers that share a GPU can only meet here
        torch.distributed.all_reduce(total)
        torch.nn.utils.vector_to_parameters(total.to(flat.device) / self.count, grads)
