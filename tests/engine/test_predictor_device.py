"""Tests of what the predictor does differently on different devices, with devices played.

A model whose `device` claims to be a CUDA device runs on the CPU all the same: what is checked is
which way the predictor goes, not the arithmetic of a GPU (see test_gpu.py).
"""

from __future__ import annotations

import copy
import gc
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_samara.engine.device import DeviceChoice, DeviceReport, choose_device
from napari_samara.engine.predictor import Predictor
from napari_samara.errors import OutOfMemoryError
from napari_samara.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Disks
    from torch import nn

    from napari_samara.embedding import Embedding
    from napari_samara.masks import Mask
    from napari_samara.model.sam import SamModel

BOXES = np.array([[10.0 * i, 5.0 * i, 10.0 * i + 25, 5.0 * i + 30] for i in range(7)])


def on_cpu(model: SamModel, precision: str = "float32") -> Predictor:
    """A predictor of its own copy."""
    return Predictor(copy.deepcopy(model), choice=choose_device("cpu", precision))


def on_pretended_gpu(model: SamModel, monkeypatch: pytest.MonkeyPatch) -> Predictor:
    """A predictor that takes its device for a CUDA device; all weights stay on the CPU."""
    own = copy.deepcopy(model)
    with monkeypatch.context() as patch:
        patch.setattr(own, "to", lambda device: own)
        return Predictor(own, choice=DeviceChoice("cuda", "float32", "pretended"))


def outputs(module: nn.Module) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Lists that fill with the floating-point tensors a module takes and gives."""
    taken: list[torch.Tensor] = []
    given: list[torch.Tensor] = []

    def tensors(value: Any) -> Iterator[torch.Tensor]:
        if isinstance(value, torch.Tensor):
            if value.is_floating_point():
                yield value
        elif isinstance(value, (list, tuple)):
            for part in value:
                yield from tensors(part)
        elif isinstance(value, dict):
            yield from tensors(list(value.values()))

    def hook(_: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
        taken.extend(tensors((args, kwargs)))
        given.extend(tensors(result))

    module.register_forward_hook(hook, with_kwargs=True)
    return taken, given


@pytest.mark.parametrize("precision", ["float32", "bf16", "fp16"])
def test_precision_is_that_of_the_encoder_alone(
    tiny_sam: SamModel, disks: Disks, precision: str
) -> None:
    predictor = on_cpu(tiny_sam, precision)
    model = predictor.model
    pixels, _ = outputs(model.image_encoder)
    _, products = outputs(model.image_encoder.blocks[0].mlp.lin1)
    prompts_in, code = outputs(model.prompt_encoder)
    decoder_in, masks = outputs(model.mask_decoder)
    embedding = predictor.embed(disks.image)
    predictor.predict(embedding, points=np.array([[20.0, 30.0]]), box=np.array([5.0, 5, 60, 70]))
    predictor.predict_many(embedding, boxes=BOXES)
    assert {t.dtype for t in pixels} == {torch.float32}
    assert {t.dtype for t in products} == {predictor.device.dtype}
    for tensors in (prompts_in, code, decoder_in, masks):
        assert tensors
        assert {t.dtype for t in tensors} == {torch.float32}
    assert embedding.image.dtype == np.float32
    assert embedding.key is not None
    assert embedding.key.precision == predictor.device.precision


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_changes_little(tiny_sam: SamModel, disks: Disks, precision: str) -> None:
    exact = on_cpu(tiny_sam).embed(disks.image)
    half = on_cpu(tiny_sam, precision).embed(disks.image)
    assert exact.key != half.key  # a store keeps them apart
    gap = np.abs(half.image - exact.image)
    assert 0 < gap.max() < 0.3  # the neck ends in a layer norm: values are about 1
    assert gap.mean() < 0.02
    predictor = on_cpu(tiny_sam)
    for box in BOXES:
        (one,), (other,) = (predictor.predict(e, box=box) for e in (exact, half))
        assert one.logits is not None
        assert other.logits is not None
        spread = one.logits.max() - one.logits.min()
        assert np.abs(one.logits - other.logits).mean() < 0.05 * spread
        assert one.score == pytest.approx(other.score, abs=0.05)


@pytest.mark.parametrize("given", [np.float64, np.float32, np.int64, list])
def test_no_prompt_is_of_double_precision(
    tiny_sam: SamModel, disks: Disks, given: Callable[..., Any]
) -> None:
    """Metal has no float64."""
    predictor = on_cpu(tiny_sam)
    embedding = predictor.embed(disks.image)
    taken, _ = outputs(predictor.model.prompt_encoder)
    values = np.array([[20, 30], [40, 50]]), np.array([10, 10, 50, 60])
    points, box = (v.tolist() if given is list else v.astype(given) for v in values)
    predictor.predict(embedding, points=points, box=box)
    predictor.predict_many(embedding, points=points)
    predictor.predict_many(embedding, boxes=[box])
    assert {t.dtype for t in taken} == {torch.float32}


def same(found: list[Mask], expected: list[Mask]) -> None:
    """Equal pictures and scores."""
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.data, other.data)
        assert one.score == pytest.approx(other.score, abs=1e-6)


def always_full(*_: Any, **__: Any) -> Any:
    """What a device without memory answers."""
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


class TestOutOfMemory:
    def test_encoder_falls_back_to_the_cpu(
        self, tiny_sam: SamModel, disks: Disks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = on_cpu(tiny_sam).embed(disks.image)
        predictor = on_pretended_gpu(tiny_sam, monkeypatch)
        copied = _copy_before_it_is_full(predictor, monkeypatch, "encode")
        emptied: list[bool] = []
        monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(True))
        with pytest.warns(RuntimeWarning, match=r"cuda is out of memory: .* runs on the CPU"):
            found = predictor.embed(disks.image)
        assert np.array_equal(found.image, expected.image)
        assert emptied
        with pytest.warns(RuntimeWarning, match="out of memory"):
            predictor.embed(disks.image)
        assert copied == [1]  # the copy on the CPU is made once and kept

    def test_decoder_falls_back_to_the_cpu(
        self, tiny_sam: SamModel, disks: Disks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        predictor = on_pretended_gpu(tiny_sam, monkeypatch)
        embedding = predictor.embed(disks.image)
        expected = predictor.predict(embedding, box=BOXES[1])
        _copy_before_it_is_full(predictor, monkeypatch, "decode")
        with pytest.warns(RuntimeWarning, match="out of memory"):
            found = predictor.predict(embedding, box=BOXES[1])
        same(found, expected)

    def test_half_precision_stays_behind(
        self, tiny_sam: SamModel, disks: Disks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The CPU, where half precision is slow, computes in single."""
        expected = on_cpu(tiny_sam).embed(disks.image)
        predictor = on_pretended_gpu(tiny_sam, monkeypatch)
        predictor.device = DeviceChoice("cuda", "bfloat16", "pretended")
        _copy_before_it_is_full(predictor, monkeypatch, "encode")
        with pytest.warns(RuntimeWarning, match="out of memory"):
            found = predictor.embed(disks.image)
        assert np.array_equal(found.image, expected.image)

    @pytest.mark.parametrize("job", ["encode", "decode"])
    def test_cpu_has_nowhere_to_fall_back_to(
        self, tiny_sam: SamModel, disks: Disks, monkeypatch: pytest.MonkeyPatch, job: str
    ) -> None:
        predictor = on_cpu(tiny_sam)
        embedding = predictor.embed(disks.image)
        monkeypatch.setattr(predictor.model, job, always_full)
        with pytest.raises(OutOfMemoryError, match="on the CPU"):  # and no warning: an error here
            _run(predictor, embedding, disks, job)

    def test_other_errors_are_not_hidden(
        self, tiny_sam: SamModel, disks: Disks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: Any) -> Any:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

        predictor = on_pretended_gpu(tiny_sam, monkeypatch)
        monkeypatch.setattr(predictor.model, "encode", broken)
        with pytest.raises(RuntimeError, match="cannot be multiplied"):
            predictor.embed(disks.image)


def _run(predictor: Predictor, embedding: Embedding, disks: Disks, job: str) -> None:
    if job == "encode":
        predictor.embed(disks.image)
    else:
        predictor.predict(embedding, box=BOXES[0])


def _copy_before_it_is_full(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch, job: str
) -> list[int]:
    """Let the model be out of memory, but not the copy that is made of it; count the copies."""
    spare = copy.deepcopy(predictor.model)
    copied: list[int] = []

    def deepcopy(value: object) -> SamModel:
        assert value is predictor.model
        copied.append(1)
        return spare

    monkeypatch.setattr("napari_samara.engine.predictor.copy.deepcopy", deepcopy)
    monkeypatch.setattr(predictor.model, job, always_full)
    return copied


def limited(predictor: Predictor, most: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the device hold only so many prompts; collect how many each call tried."""
    tried: list[int] = []
    decode = predictor.model.decode

    def decode_few(features: Any, code: Any, *rest: Any) -> Any:
        tried.append(len(code.sparse))
        if tried[-1] > most:
            always_full()
        return decode(features, code, *rest)

    monkeypatch.setattr(predictor.model, "decode", decode_few)
    return tried


class TestChunks:
    @pytest.mark.parametrize(
        ("most", "tried"),
        [
            (7, [7]),
            (4, [7, 4, 3]),
            (2, [7, 4, 2, 2, 2, 1]),
            (1, [7, 4, 2, 1, 1, 1, 1, 1, 1, 1]),
        ],
    )
    @pytest.mark.parametrize("kind", ["boxes", "points"])
    def test_are_halved_until_they_fit(
        self,
        tiny_sam: SamModel,
        disks: Disks,
        monkeypatch: pytest.MonkeyPatch,
        kind: str,
        most: int,
        tried: list[int],
    ) -> None:
        predictor = on_pretended_gpu(tiny_sam, monkeypatch)
        embedding = predictor.embed(disks.image)
        prompts = {"boxes": BOXES} if kind == "boxes" else {"points": BOXES[:, :2] + 12}
        expected = predictor.predict_many(embedding, **prompts)
        seen = limited(predictor, most, monkeypatch)
        found = predictor.predict_many(embedding, **prompts, settings=PredictSettings(chunk=8))
        assert seen == tried
        for one, other in zip(found, expected, strict=True):
            assert np.mean(one.data != other.data) < 1e-3  # sums of a batch come in another order
            assert one.score == pytest.approx(other.score, abs=1e-5)

    def test_masks_that_were_given_out_are_not_made_again(
        self, tiny_sam: SamModel, disks: Disks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        predictor = on_pretended_gpu(tiny_sam, monkeypatch)
        embedding = predictor.embed(disks.image)
        expected = predictor.predict_many(embedding, boxes=BOXES)
        several = predictor.iterate_many(embedding, boxes=BOXES, settings=PredictSettings(chunk=2))
        first = [next(several) for _ in range(2)]
        limited(predictor, 1, monkeypatch)  # another program takes the memory
        rest = list(several)
        assert len(first + rest) == len(expected)
        for one, other in zip(first + rest, expected, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-5)

    @pytest.mark.parametrize("chunk", [1, 4])
    def test_not_even_one_fits(
        self, tiny_sam: SamModel, disks: Disks, monkeypatch: pytest.MonkeyPatch, chunk: int
    ) -> None:
        predictor = on_pretended_gpu(tiny_sam, monkeypatch)
        embedding = predictor.embed(disks.image)
        limited(predictor, 0, monkeypatch)
        with pytest.raises(OutOfMemoryError, match=r"no memory for a single prompt.*device='cpu'"):
            predictor.predict_many(embedding, boxes=BOXES, settings=PredictSettings(chunk=chunk))


@pytest.mark.parametrize(("device", "pinned"), [("cuda", 1), ("cpu", 0), ("mps", 0)])
def test_pixels_are_pinned_for_cuda_alone(
    tiny_sam: SamModel, disks: Disks, monkeypatch: pytest.MonkeyPatch, device: str, pinned: int
) -> None:
    """Page-locked pixels reach the GPU while the host goes on."""
    predictor = on_cpu(tiny_sam)
    expected = predictor.embed(disks.image)
    moved: list[tuple[torch.device, bool]] = []
    asked: list[torch.dtype] = []
    to = torch.Tensor.to

    def pin(self: torch.Tensor) -> torch.Tensor:
        asked.append(self.dtype)
        return self

    def spy(self: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        if args and args[0] == torch.device(device) and "non_blocking" in kwargs:
            moved.append((args[0], kwargs["non_blocking"]))
            return self
        return to(self, *args, **kwargs)

    # the kind of device that the choice names is not that of the model: no autocast is entered
    monkeypatch.setattr(type(predictor.model), "device", torch.device(device))
    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    monkeypatch.setattr(torch.Tensor, "to", spy)
    found = predictor.embed(disks.image)
    assert asked == [torch.float32] * pinned
    assert moved == [(torch.device(device), True)]
    assert np.array_equal(found.image, expected.image)


def test_key_names_the_precision(tiny_sam: SamModel, disks: Disks) -> None:
    keys = [on_cpu(tiny_sam, p).embed(disks.image).key for p in ("float32", "bf16", "fp16")]
    assert all(key is not None for key in keys)
    assert len({key.digest() for key in keys if key is not None}) == 3


def test_automatic_device_is_told(tiny_sam: SamModel, monkeypatch: pytest.MonkeyPatch) -> None:
    report = DeviceReport(torch_version="2.9.0+cpu")
    monkeypatch.setattr(DeviceReport, "of_this_machine", classmethod(lambda cls: report))
    predictor = Predictor(copy.deepcopy(tiny_sam))
    assert predictor.device.device == "cpu"
    assert "built without CUDA" in repr(predictor)


def test_nothing_holds_on_to_embeddings(tiny_sam: SamModel, disks: Disks) -> None:
    """A predictor has no hidden image: what the caller lets go is gone."""
    predictor = on_cpu(tiny_sam)
    embedding = predictor.embed(disks.image)
    predictor.predict(embedding, box=BOXES[0])
    gone = weakref.ref(embedding)
    del embedding
    gc.collect()
    assert gone() is None
