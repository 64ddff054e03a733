"""Stand-in for the few torchvision functions that segment-anything and MobileSAM import.

torchvision has no build beside every CPU torch. The two packages need it for one resize of a PIL
image and for non-maximum suppression in the automatic mask generator; Pillow and a plain loop
give the same numbers. `segment_anything()` imports the package with the stand-in in place and
takes it away again, so that nothing else (transformers looks for torchvision too) ever sees it.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize a PIL image to (rows, columns), bilinear with Pillow's antialiasing."""
    return image.resize((size[1], size[0]), Image.Resampling.BILINEAR)


def to_pil_image(image: np.ndarray) -> Image.Image:
    """(rows, columns, 3) uint8 to a PIL image."""
    return Image.fromarray(np.ascontiguousarray(image))


def box_area(boxes: torch.Tensor) -> torch.Tensor:
    """Areas of (N, 4) XYXY boxes."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _overlap(box: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    corner0 = torch.maximum(box[:2], boxes[:, :2])
    corner1 = torch.minimum(box[2:], boxes[:, 2:])
    both = (corner1 - corner0).clamp(min=0).prod(dim=1)
    return both / (box_area(box[None]) + box_area(boxes) - both)


def batched_nms(
    boxes: torch.Tensor, scores: torch.Tensor, groups: torch.Tensor, iou_threshold: float
) -> torch.Tensor:
    """Indices of the boxes kept by greedy suppression inside each group, best score first."""
    kept: list[int] = []
    for i in torch.argsort(scores, descending=True, stable=True).tolist():
        same = [k for k in kept if groups[k] == groups[i]]
        # of boxes without an area the overlap is not a number, which suppresses nothing
        if not same or not bool((_overlap(boxes[i], boxes[same]) > iou_threshold).any()):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


def _modules() -> dict[str, ModuleType]:
    contents: dict[str, dict[str, Any]] = {
        "torchvision": {},
        "torchvision.ops": {"batched_nms": batched_nms, "box_area": box_area},
        "torchvision.ops.boxes": {"batched_nms": batched_nms, "box_area": box_area},
        "torchvision.transforms": {},
        "torchvision.transforms.functional": {"resize": resize, "to_pil_image": to_pil_image},
    }
    modules = {}
    for name, members in contents.items():
        module = ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
        module.__path__ = []
        module.__dict__.update(members)
        modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(modules[parent], child, module)
    return modules


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """Make `import torchvision` find the stand-in inside the with block."""
    if importlib.util.find_spec("torchvision") is not None:
        yield
        return
    modules = _modules()
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            sys.modules.pop(name, None)


def segment_anything() -> ModuleType:
    """Import and return Meta's package, with real torchvision where there is one."""
    with installed():
        return importlib.import_module("segment_anything")
