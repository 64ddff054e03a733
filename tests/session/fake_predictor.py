"""A predictor whose masks are known beforehand: disks around points, the inside of boxes."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import distance_transform_edt

from napari_samara.embedding import Embedding, EmbeddingKey, pixels_digest
from napari_samara.geometry import Frame
from napari_samara.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_samara.intensity import Contrast

RADII = (6, 3, 9)
"""Of the three candidates of a point, best score first."""


def disk(shape: tuple[int, int], row: float, col: float, radius: float = RADII[0]) -> np.ndarray:
    """Pixels up to `radius` from a point."""
    rows, cols = np.indices(shape)
    return np.hypot(rows - row, cols - col) <= radius


def signed_depth(data: np.ndarray) -> np.ndarray:
    """Logits: how deep a pixel lies in the mask, negative outside."""
    inside, outside = distance_transform_edt(data), distance_transform_edt(~data)
    return (inside - outside).astype(np.float32)


class FakePredictor:
    """Counts what it is asked; `gate` can hold an encoding back."""

    def __init__(self, sha256: str | None = "ab" * 32) -> None:
        self.checkpoint: Any = None
        if sha256 is not None:
            about = {"name": "fake", "sha256": sha256}
            self.checkpoint = SimpleNamespace(**about, to_dict=lambda: about)
        self.device = SimpleNamespace(device="cpu", precision="float32")
        self.encoded: list[EmbeddingKey] = []
        self.decoded: list[int] = []
        self.remade = 0
        self.with_logits = True
        self.threads: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None

    def key(self, rgb: np.ndarray, contrast: Contrast, plane: Any = "") -> EmbeddingKey:
        sha = self.checkpoint.sha256 if self.checkpoint else ""
        return EmbeddingKey(pixels_digest(rgb), plane, None, sha, contrast.to_dict())

    def embed_rgb(self, rgb: np.ndarray, contrast: Contrast, plane: Any = "") -> Embedding:
        self.threads.add(threading.current_thread().name)
        assert self.gate.wait(20)
        if self.error is not None:
            raise self.error
        key = self.key(rgb, contrast, plane)
        self.encoded.append(key)
        features = {"image_embeddings": np.full((1, 2, 2), rgb.mean(), np.float32)}
        return Embedding(features, Frame(rgb.shape[0], rgb.shape[1], 64), key)

    def predict(
        self,
        embedding: Embedding,
        points: Any = None,
        positive: Any = None,
        box: Any = None,
        mask: Any = None,
        multimask: Any = None,
        settings: Any = None,
        steps: Any = None,
    ) -> list[Mask]:
        self.threads.add(threading.current_thread().name)
        self.decoded.append(len(points))
        shape = (embedding.frame.rows, embedding.frame.cols)
        found = []
        for number, radius in enumerate(RADII):
            data = np.zeros(shape, bool) if mask is None else np.asarray(mask).copy()
            if box is not None and mask is None:
                row0, col0, row1, col1 = (int(value) for value in box)
                data[row0:row1, col0:col1] = True
            for (row, col), sign in zip(points, positive, strict=True):
                if sign and mask is None:
                    data |= disk(shape, row, col, radius)
            for (row, col), sign in zip(points, positive, strict=True):
                if not sign:
                    data &= ~disk(shape, row, col, 3)
            logits = signed_depth(data) if self.with_logits else None
            threshold = settings.mask_threshold if settings is not None else 0.0
            data = data if logits is None else logits > threshold
            found.append(Mask(data, 0.9 - 0.1 * number, logits))
        alone = len(points) == 1 and box is None and mask is None
        return found if alone else found[:1]

    def iterate_many(
        self, embedding: Embedding, boxes: Any = None, points: Any = None, settings: Any = None
    ) -> Iterator[Mask]:
        self.decoded.append(len(boxes if boxes is not None else points))
        for number, given in enumerate(boxes if boxes is not None else points):
            kind = {"box": given, "points": np.zeros((0, 2))} if boxes is not None else {}
            kind = kind or {"points": given[None]}
            signs = np.ones(len(kind["points"]), bool)
            found = self.predict(embedding, positive=signs, settings=settings, **kind)
            self.decoded.pop()
            yield Mask(found[0].data, 0.5 + 0.01 * number, found[0].logits)

    def mask_of(
        self, logits: np.ndarray, size: tuple[int, int], score: float = 1.0, settings: Any = None
    ) -> Mask:
        self.threads.add(threading.current_thread().name)
        assert logits.shape == size  # the logits of this one are as large as the image
        self.remade += 1
        return Mask(logits > settings.mask_threshold, score, logits)
