"""The two scripts that everybody writes, for transformers and for this package.

One text is run twice; only the package that the classes come from is another.
"""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from tests.reference.seeded import image

from napari_samara.model import SamProcessor

ONE_POINT = """
import torch
from PIL import Image
from {package} import SamModel, SamProcessor

device = "cuda" if torch.cuda.is_available() else "cpu"
model = SamModel.from_pretrained(folder).to(device)
processor = SamProcessor.from_pretrained(folder)

raw_image = Image.open(picture).convert("RGB")
input_points = [[[45, 60]]]  # 2D location of a window in the image

inputs = processor(raw_image, input_points=input_points, return_tensors="pt").to(device)
with torch.no_grad():
    outputs = model(**inputs)

masks = processor.image_processor.post_process_masks(
    outputs.pred_masks.cpu(), inputs["original_sizes"].cpu(), inputs["reshaped_input_sizes"].cpu()
)
scores = outputs.iou_scores
"""

WITH_MAP = """
import torch
from PIL import Image
from {package} import SamModel, SamProcessor

device = "cuda" if torch.cuda.is_available() else "cpu"
model = SamModel.from_pretrained(folder).to(device)
processor = SamProcessor.from_pretrained(folder)

raw_image = Image.open(picture).convert("RGB")
segmentation_map = Image.open(mask).convert("1")
input_points = [[[45, 60]]]

inputs = processor(
    raw_image, input_points=input_points, segmentation_maps=segmentation_map, return_tensors="pt"
).to(device)
with torch.no_grad():
    outputs = model(**inputs)

masks = processor.image_processor.post_process_masks(
    outputs.pred_masks.cpu(), inputs["original_sizes"].cpu(), inputs["reshaped_input_sizes"].cpu()
)
scores = outputs.iou_scores
"""

SEVERAL = """
import torch
from PIL import Image
from {package} import SamModel, SamProcessor

model = SamModel.from_pretrained(folder)
processor = SamProcessor.from_pretrained(folder)
raw_image = Image.open(picture).convert("RGB")

inputs = processor(raw_image, return_tensors="pt")
with torch.no_grad():
    image_embeddings = model.get_image_embeddings(inputs["pixel_values"])

inputs = processor(
    raw_image, input_boxes=[[[20, 10, 90, 70], [50, 50, 150, 100]]],
    input_points=[[[[45, 60], [30, 30]], [[100, 80], [60, 55]]]], input_labels=[[[1, 0], [1, 1]]],
    return_tensors="pt",
)
inputs.pop("pixel_values", None)
inputs.update({{"image_embeddings": image_embeddings}})
with torch.no_grad():
    outputs = model(**inputs, multimask_output=False)

masks = processor.post_process_masks(
    outputs.pred_masks, inputs["original_sizes"], inputs["reshaped_input_sizes"]
)
scores = outputs.iou_scores
"""


@pytest.fixture(scope="module")
def given(tiny, tmp_path_factory):
    """A model folder, a picture and a mask on disk."""
    root = tmp_path_factory.mktemp("script")
    with torch.no_grad():
        tiny.ours.save_pretrained(root / "model")
    Image.fromarray(image(111, 170)).save(root / "picture.png")
    Image.fromarray(image(111, 170)[..., 0] > 120).save(root / "mask.png")
    names = {"folder": "model", "picture": "picture.png", "mask": "mask.png"}
    return {name: str(root / file) for name, file in names.items()}


@pytest.mark.parametrize("script", [ONE_POINT, WITH_MAP, SEVERAL])
def test_one_script_for_both(script, given):
    ours, theirs = dict(given), dict(given)
    exec(script.format(package="napari_samara.model"), ours)
    exec(script.format(package="transformers"), theirs)
    assert ours["inputs"].keys() == theirs["inputs"].keys()
    for name, value in theirs["inputs"].items():
        found = ours["inputs"][name]
        assert found.shape == value.shape
        assert torch.allclose(found.double(), value.double(), atol=1e-4, rtol=1e-6), name
    (masks,), (expected,) = ours["masks"], theirs["masks"]
    assert masks.dtype == torch.bool
    assert masks.shape[-2:] == (111, 170)
    assert torch.equal(masks, expected)
    assert 0 < masks.float().mean() < 1
    assert (ours["scores"] - theirs["scores"]).abs().max() <= 1e-4


def test_the_processor_of_a_folder_is_that_of_its_model(given):
    assert SamProcessor.from_pretrained(given["folder"]).target_size == 160
