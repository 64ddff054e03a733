"""Prompts: what a user says about an object, as values, sets and files."""

from napari_samara.prompts.base import Prompt
from napari_samara.prompts.box import Box, box
from napari_samara.prompts.files import read_prompts, write_prompts
from napari_samara.prompts.given import as_prompt_set
from napari_samara.prompts.inputs import PromptInputs
from napari_samara.prompts.mask import MaskPrompt, mask
from napari_samara.prompts.point import Point, point
from napari_samara.prompts.polygon import Polygon, polygon
from napari_samara.prompts.prompt_set import PromptSet
from napari_samara.prompts.scribble import Scribble, scribble

__all__ = [
    "Box",
    "MaskPrompt",
    "Point",
    "Polygon",
    "Prompt",
    "PromptInputs",
    "PromptSet",
    "Scribble",
    "as_prompt_set",
    "box",
    "mask",
    "point",
    "polygon",
    "read_prompts",
    "scribble",
    "write_prompts",
]
