"""What a processor gives and a model takes: named arrays, also reached as attributes."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor


class ModelInputs(dict[str, Any]):
    """Named tensors (or arrays) for ``model(**inputs)``; ``inputs.name`` is ``inputs["name"]``."""

    def __getattr__(self, name: str) -> Any:
        """Return the value called `name`.

        Parameters
        ----------
        name : str
            A key.

        Returns
        -------
        Any
            Its value.

        Raises
        ------
        AttributeError
            There is no such key.
        """
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no {name!r} here; there are {', '.join(self)}") from None

    def to(self, device: str | torch.device | torch.dtype | None = None, dtype: Any = None) -> Self:
        """Move all tensors; only those of floats take another type.

        Parameters
        ----------
        device : str, torch.device or torch.dtype, optional
            Where to, or the type if only that changes.
        dtype : torch.dtype, optional
            Type of the floats. Integers, sizes among them, keep theirs.

        Returns
        -------
        ModelInputs
            This object, changed.
        """
        if isinstance(device, torch.dtype):
            device, dtype = None, device
        for name, value in self.items():
            if isinstance(value, Tensor):
                self[name] = _moved(value, device, dtype)
        return self


def _moved(value: Tensor, device: str | torch.device | None, dtype: torch.dtype | None) -> Tensor:
    if value.is_floating_point():
        # changed on the host: MPS has no float64 and refuses to take one even to convert it
        fallback = torch.float32 if value.dtype == torch.float64 else value.dtype
        value = value.to(dtype or fallback)
    return value if device is None else value.to(device)
