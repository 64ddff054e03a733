"""SAM in torch: configurations, the model, its processors, with the names of transformers."""

from __future__ import annotations

from napari_samara.model.config import (
    SamConfig,
    SamMaskDecoderConfig,
    SamPromptEncoderConfig,
    SamVisionConfig,
    TinyVitConfig,
)
from napari_samara.model.image_processor import SamImageProcessor
from napari_samara.model.processor import SamProcessor
from napari_samara.model.sam import SamModel

__all__ = [
    "SamConfig",
    "SamImageProcessor",
    "SamMaskDecoderConfig",
    "SamModel",
    "SamProcessor",
    "SamPromptEncoderConfig",
    "SamVisionConfig",
    "TinyVitConfig",
]
