"""A viewer with two bright ellipsoids in it, and a model that sees what is bright in a box."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.engine.phantom import SHAPE, ellipsoid
from tests.ui.conftest import DiskPredictor

from napari_samara.embedding import Embedding
from napari_samara.geometry import Frame
from napari_samara.masks import Mask

ONE, TWO = ellipsoid((10, 16, 18), (6.4, 9, 10)), ellipsoid((9, 32, 36), (5.4, 9, 10))
BOXES = {1: (7, 8, 26, 29), 2: (23, 26, 42, 47)}
"""Around both on slice 10."""

DECODER = "napari_samara.session.propagation.decoder_of"


def phantom() -> np.ndarray:
    noise = np.random.default_rng(0).normal(40, 6, SHAPE)
    return np.asarray((noise + 140 * (ONE | TWO)).clip(0, 255).astype(np.uint8))


class SeeingPredictor(DiskPredictor):
    """Sees what is bright inside of a box; points are disks."""

    def embed_rgb(self, rgb: np.ndarray, contrast: Any, plane: Any = "") -> Embedding:
        made = super().embed_rgb(rgb, contrast, plane)
        features = {"image_embeddings": rgb[None, ..., 0].astype(np.float32)}
        return Embedding(features, Frame(*rgb.shape[:2], 64), made.key)

    def predict(self, embedding: Embedding, *args: Any, **kwargs: Any) -> list[Mask]:
        given = kwargs.get("box")
        if given is None:
            return super().predict(embedding, *args, **kwargs)
        return [bright(embedding, given)]


def bright(embedding: Embedding, given: Any) -> Mask:
    inside = np.zeros(embedding.image.shape[1:], bool)
    row0, col0, row1, col1 = (round(value) for value in given)
    inside[row0:row1, col0:col1] = True
    data = inside & (embedding.image[0] > 110)
    return Mask(data if data.any() else inside, 0.9, np.where(data, 5, -5).astype(np.float32))


def decoder(predictor: Any, settings: Any) -> Any:
    """In place of the engine's, which needs a real model."""
    return lambda embedding, prompts: [bright(embedding, one.box) for one in prompts]


def dice(labels: np.ndarray, label: int, truth: np.ndarray) -> float:
    mine = np.asarray(labels) == label
    return float(2 * (mine & truth).sum() / (mine.sum() + truth.sum()))
