"""Named tensors that move together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_samara.model.model_inputs import ModelInputs


def inputs():
    return ModelInputs(
        pixels=torch.zeros(2), sizes=torch.tensor([3]), doubles=torch.zeros(2).double(), other="x"
    )


def test_names_are_attributes():
    given = inputs()
    assert given.pixels is given["pixels"]
    assert dict(**given).keys() == {"pixels", "sizes", "doubles", "other"}
    with pytest.raises(AttributeError, match="there are pixels"):
        _ = given.nothing


@pytest.mark.parametrize("arguments", [("cpu", torch.float16), (torch.float16,)])
def test_only_floats_take_the_type(arguments):
    given = inputs()
    assert given.to(*arguments) is given
    assert given.pixels.dtype == given.doubles.dtype == torch.float16
    assert given.sizes.dtype == torch.int64
    assert given.other == "x"


def test_no_float64_reaches_a_device():
    found = inputs().to("meta")
    assert found.doubles.dtype == torch.float32
    assert found.sizes.device.type == "meta"


def test_arrays_stay():
    array = np.zeros(3)
    assert ModelInputs(a=array).to("meta").a is array
