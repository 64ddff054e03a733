"""Freeze embeddings of MobileSAM's TinyViT for the tests.

MobileSAM's package needs timm, and timm torchvision, which has no build beside every CPU torch:
what is frozen here needs neither. Made with mobilesam-mirror 1.0.0 (the code of
https://github.com/ChaoningZhang/MobileSAM) and torch 2.13.0 on the CPU::

    pip download --no-deps mobilesam-mirror==1.0.0 && unzip mobilesam_mirror-1.0.0-*.whl -d there
    PYTHONPATH=.:there python -m tests.reference.make_tiny_vit

The four names that MobileSAM takes from timm are stood in for here; none has an effect in
evaluation mode but the last, which only makes pairs.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from tests.reference.seeded import fill
from tests.reference.torchvision_shim import installed

FILE = Path(__file__).parent / "data" / "tiny_vit.npz"

FULL: dict[str, Any] = {
    "img_size": 1024,
    "embed_dims": [64, 128, 160, 320],
    "depths": [2, 2, 6, 2],
    "num_heads": [2, 4, 5, 10],
    "window_sizes": [7, 7, 14, 7],
}
NARROW: dict[str, Any] = {
    "img_size": 160,
    "embed_dims": [16, 24, 40, 320],
    "depths": [1, 2, 2, 1],
    "num_heads": [2, 3, 5, 10],
    "window_sizes": [3, 4, 7, 3],
}
SAMPLE = (slice(None), slice(None, None, 8), slice(None, None, 5), slice(None, None, 5))
"""What is kept of the large embedding."""


def pixels(size: int) -> torch.Tensor:
    """(1, 3, size, size) float32 of seeded noise that is smooth enough to be an image."""
    rng = np.random.default_rng(7)
    coarse = torch.from_numpy(rng.standard_normal((1, 3, size // 8, size // 8))).float()
    return torch.nn.functional.interpolate(coarse, (size, size), mode="bilinear")


class _Nothing(torch.nn.Identity):
    """Stands for drop path, which drops nothing in evaluation mode."""

    def __init__(self, drop_prob: float = 0.0) -> None:
        super().__init__()
        self.drop_prob = drop_prob


def _timm() -> dict[str, ModuleType]:
    contents: dict[str, dict[str, Any]] = {
        "timm": {},
        "timm.models": {},
        "timm.models.layers": {
            "DropPath": _Nothing,
            "trunc_normal_": lambda tensor, **_: tensor,
            "to_2tuple": lambda x: x if isinstance(x, tuple) else (x, x),
        },
        "timm.models.registry": {"register_model": lambda f: f},
    }
    modules = {}
    for name, members in contents.items():
        modules[name] = ModuleType(name)
        modules[name].__dict__.update(members)
    return modules


def _embedding(sizes: dict[str, Any]) -> tuple[np.ndarray, list[str]]:
    module = importlib.import_module("mobile_sam.modeling.tiny_vit_sam")
    model = module.TinyViT(in_chans=3, num_classes=2, drop_path_rate=0.0, **sizes)
    fill({f"image_encoder.{k}": v for k, v in model.state_dict().items()})
    model.train().eval()  # it looks its attention biases up on this change, not when it runs
    x = pixels(sizes["img_size"])
    with torch.no_grad():
        x = model.patch_embed(x)
        for layer in model.layers:
            x = layer(x)
        side = sizes["img_size"] // 16  # the package itself reads 64 here, whatever the image
        x = model.neck(x.view(1, side, side, -1).permute(0, 3, 1, 2))
    return x.numpy(), sorted(model.state_dict())


def main() -> None:
    """Write the file."""
    sys.modules.update(_timm())
    with installed():
        (full, names), (narrow, _) = _embedding(FULL), _embedding(NARROW)
    np.savez_compressed(FILE, full=full[SAMPLE], narrow=narrow[:, ::2], names=np.array(names))


if __name__ == "__main__":
    main()
