"""Tests of prompting and correcting the objects of a view."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.training.miniature import SIZE, make_model

from napari_samara.training.losses import prompt_loss
from napari_samara.training.recipe import Recipe
from napari_samara.training.rounds import (
    Record,
    Rounds,
    ViewObjects,
    add_clicks,
    choose_objects,
    neighbourhood,
)
from napari_samara.training.simulate import MAX_POINTS, ObjectPrompts

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.model.sam import ImageFeatures, SamModel

BLOCKS = np.kron(np.arange(1, 17).reshape(4, 4), np.ones((16, 16))).astype(np.int32)
RECIPE = Recipe(prompts=5)


def rng() -> np.random.Generator:
    """Seeded."""
    return np.random.default_rng(3)


def framed(value: int, margin: int) -> np.ndarray:
    """One square object."""
    labels = np.zeros((SIZE, SIZE), np.int32)
    labels[margin : SIZE - margin, margin : SIZE - margin] = value
    return labels


def border_only() -> np.ndarray:
    """One object on the first line."""
    labels = np.zeros((SIZE, SIZE), np.int32)
    labels[0, :40] = 1
    return labels


@pytest.mark.parametrize(
    ("labels", "smallest", "count"),
    [
        (BLOCKS, 24, 5),
        (np.zeros_like(BLOCKS), 24, 0),
        (framed(1, 0), 24, 1),
        (framed(300, 30), 24, 0),  # 16 pixels
        (framed(300, 30), 16, 1),
        (border_only(), 24, 0),
    ],
)
def test_objects_of_a_view(labels: np.ndarray, smallest: int, count: int) -> None:
    found = choose_objects(labels, Recipe(prompts=5, smallest=smallest), rng())
    assert (0 if found is None else len(found.masks)) == count
    if found is None:
        return
    boxed = [prompt.box is not None for prompt in found.prompts]
    assert boxed == sorted(boxed)
    for mask, prompt in zip(found.masks.numpy(), found.prompts, strict=True):
        assert len(np.unique(labels[mask])) == 1
        assert mask.sum() == (labels == labels[mask][0]).sum()
        for x, y, positive in prompt.points:
            assert mask[int(y), int(x)] == positive


def test_one_pixel_object() -> None:
    labels = np.zeros_like(BLOCKS)
    labels[20, 30] = 4
    found = choose_objects(labels, Recipe(smallest=1), rng())
    assert found is not None
    view = Rounds(make_model(), features_of(make_model()))
    assert torch.isfinite(view.loss(found, 3, rng(), {}))


def features_of(model: SamModel, side: int = SIZE) -> ImageFeatures:
    """Features of a random view."""
    pixels = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return model.eval().encode_any(pixels)


POINT = ObjectPrompts([(20.0, 24.0, True)], None)
POINTS = ObjectPrompts([(20.0, 24.0, True), (3.0, 4.0, False)], None)
BOX = ObjectPrompts([], (4.0, 6.0, 30.0, 28.0))
BOX_AND_POINT = ObjectPrompts([(20.0, 24.0, True)], (4.0, 6.0, 30.0, 28.0))


@pytest.mark.parametrize(
    "prompts",
    [[POINT], [POINTS], [BOX], [BOX_AND_POINT], [POINT, POINT], [POINT, BOX], [POINTS, BOX, BOX]],
)
def test_decodes_as_the_model_does(prompts: list[ObjectPrompts]) -> None:
    """Objects together in training, with padded points, are decoded as each alone in use."""
    model = make_model()
    features = features_of(model)
    with torch.no_grad():
        logits, iou = Rounds(model, features).decode(prompts)
        for i, prompt in enumerate(prompts):
            points = signs = boxes = None
            if prompt.points:
                points = torch.tensor([[p[:2] for p in prompt.points]])
                signs = torch.tensor([[int(p[2]) for p in prompt.points]])
            if prompt.box is not None:
                boxes = torch.tensor([prompt.box])
            code = model.prompt_encoder(points, signs, boxes)
            for multimask, part in ((False, slice(0, 1)), (True, slice(1, 4))):
                expected, score = model.decode(features, code, multimask)
                torch.testing.assert_close(logits[i, part], expected[0], atol=1e-4, rtol=1e-4)
                torch.testing.assert_close(iou[i, part], score[0], atol=1e-4, rtol=1e-4)


def test_view_may_lie_anywhere_in_the_frame() -> None:
    """A small view put somewhere is decoded with the prompts and position codes of that place."""
    model = make_model()
    side, offset = SIZE // 2, (1, 2)
    features = features_of(model, side)
    here = Rounds(model, features).decode([POINT])[0]
    there = Rounds(model, features, [offset])
    moved = there.decode([POINT])[0]
    assert moved.shape == here.shape == (1, 4, side // 2, side // 2)
    assert not torch.allclose(moved, here)
    code, pe = there._encode([POINT], None, torch.tensor([0]))
    patch = SIZE // 4
    point = torch.tensor([[[20.0 + offset[1] * patch, 24.0 + offset[0] * patch]]])
    whole = model.prompt_encoder(point, torch.ones(1, 1))
    assert torch.equal(code.sparse, whole.sparse)
    torch.testing.assert_close(code.dense, whole.dense[..., 1:3, 2:4])
    assert code.maps is not None
    torch.testing.assert_close(code.maps, whole.maps[..., 4:12, 8:16])
    assert code.maps[0, 1].max() > 0.5  # the drawn point is inside
    assert torch.equal(pe, model.prompt_encoder.dense_pe()[..., 1:3, 2:4])


def test_views_together_are_decoded_as_each_alone() -> None:
    """Also where their places in the frame differ, and with the masks of a round before."""
    model = make_model()
    with torch.no_grad():
        projection = model.mask_decoder.fine_projection
        assert projection is not None
        torch.nn.init.normal_(projection.weight)  # as new it would change nothing
    side, corners = SIZE // 2, [(0, 1), (2, 2), (1, 0)]
    pixels = torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        features = model.eval().encode_any(pixels)
        small = [
            ObjectPrompts([(9.0, 12.0, True)], None),
            ObjectPrompts([], (3.0, 2.0, 20.0, 25.0)),
        ]
        prompts, views = [small[0]] * 3 + [small[1]] * 2, [2, 0, 1, 0, 2]
        previous = torch.randn(5, 1, side // 2, side // 2)
        for mask in (None, previous):
            logits, iou = Rounds(model, features, corners).decode(prompts, mask, views)
            for i, (prompt, view) in enumerate(zip(prompts, views, strict=True)):
                one = features._replace(
                    embedding=features.embedding[view : view + 1],
                    skips=tuple(s[view : view + 1] for s in features.skips),
                )
                own = None if mask is None else mask[i : i + 1]
                alone = Rounds(model, one, [corners[view]]).decode([prompt], own)
                torch.testing.assert_close(logits[i], alone[0][0], atol=1e-4, rtol=1e-4)
                torch.testing.assert_close(iou[i], alone[1][0], atol=1e-4, rtol=1e-4)


def test_objects_of_several_views_are_one_list_with_boxes_last() -> None:
    masks = np.stack([BLOCKS == 6, BLOCKS == 7])
    joined = ViewObjects.of_views(
        [objects_of(masks, [POINT, BOX]), objects_of(masks, [BOX, POINT])]
    )
    assert joined.views == [0, 1, 0, 1]
    assert [p.box is None for p in joined.prompts] == [True, True, False, False]
    for mask, expected in zip(joined.masks.numpy(), (6, 7, 7, 6), strict=True):
        assert np.array_equal(mask, expected == BLOCKS)


def seen_by(view: Rounds, monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor | None]:
    """Collect the logits each round starts from."""
    seen: list[torch.Tensor | None] = []
    decode: Callable[..., tuple[torch.Tensor, torch.Tensor]] = view.decode

    def spy(
        prompts: list[ObjectPrompts], previous: torch.Tensor | None = None, views: Any = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append(previous)
        return decode(prompts, previous, views)

    monkeypatch.setattr(view, "decode", spy)
    return seen


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_each_round_adds_a_click_and_hands_on_the_mask(
    rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model().train()
    objects = choose_objects(BLOCKS, RECIPE, rng())
    assert objects is not None
    before = [len(prompt.points) for prompt in objects.prompts]
    kinds = {"box"} if not objects.single.any() else {"box", "point"}
    view = Rounds(model, features_of(model))
    seen = seen_by(view, monkeypatch)
    record: Record = {}
    loss = view.loss(objects, rounds, rng(), record)
    loss.backward()
    assert len(seen) == rounds
    assert seen[0] is None
    assert all(
        p is not None and not p.requires_grad and p.shape == (5, 1, 32, 32) for p in seen[1:]
    )
    after = [len(prompt.points) for prompt in objects.prompts]
    assert np.subtract(after, before).max() == rounds - 1
    names = {f"{k}_round{i + 1}" if i else k for k in kinds for i in range(rounds)}
    assert set(record) == names
    assert all(0 <= value <= 1 for values in record.values() for value in values)
    grad = model.mask_decoder.mask_tokens.weight.grad
    assert grad is not None
    assert grad.abs().sum() > 0


def test_nothing_is_learned_from_rounds_of_practice(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model().train()
    masks = np.stack([i == BLOCKS for i in (6, 7)])
    objects, same = (objects_of(masks, [POINT, BOX]) for _ in range(2))
    view = Rounds(model, features_of(model))
    outputs: list[torch.Tensor] = []
    decode = view.decode

    def spy(*args: Any) -> tuple[torch.Tensor, torch.Tensor]:
        logits, iou = decode(*args)
        outputs.append(logits)
        return logits, iou

    monkeypatch.setattr(view, "decode", spy)
    record: Record = {}
    practised = view.loss(objects, 1, rng(), record, practice=2)
    assert [logits.requires_grad for logits in outputs] == [False, False, True]
    assert {"box", "box_round2", "box_round3"} <= set(record)
    assert [len(prompt.points) for prompt in objects.prompts] == [3, 2]
    whole = view.loss(same, 3, rng(), {})
    rest = view.loss(objects_of(masks, [POINT, BOX]), 2, rng(), {})
    # of three rounds the last one alone counts
    assert practised.item() == pytest.approx((whole - rest).item(), rel=1e-5)


def test_masks_obey_clicks_where_those_of_a_user_do() -> None:
    model = make_model()
    config = model.config.mask_decoder_config
    objects = objects_of(np.stack([BLOCKS == 6]), [POINT])
    objects.prompts[0].points.append((50.0, 50.0, True))
    shown = torch.full((1, 1, 32, 32), -2.0)
    view = Rounds(model, features_of(model))
    assert torch.equal(view._obeyed(shown, objects), shown)
    object.__setattr__(config, "obey_clicks", True)
    found = view._obeyed(shown, objects)[0, 0] > 0
    assert found[25, 25]
    assert not found[0].any()


def test_the_mask_that_is_shown_is_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three masks the one with the best score, otherwise the single one."""
    model = make_model()
    objects = objects_of(np.stack([i == BLOCKS for i in (6, 7)]), [POINT, BOX])
    view = Rounds(model, features_of(model))
    logits, _ = view.decode(objects.prompts)
    score = torch.tensor([[0.9, 0.1, 0.7, 0.2], [0.1, 0.9, 0.9, 0.9]])
    seen: list[torch.Tensor | None] = []

    def decode(
        _: list[ObjectPrompts], previous: torch.Tensor | None = None, views: Any = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append(previous)
        return logits, score

    monkeypatch.setattr(view, "decode", decode)
    view.loss(objects, 2, rng(), {})
    assert seen[1] is not None
    assert torch.equal(seen[1][:, 0], torch.stack([logits[0, 2], logits[1, 0]]))


def objects_of(masks: np.ndarray, prompts: list[ObjectPrompts]) -> ViewObjects:
    """With prompts of their own."""
    copies = [ObjectPrompts(list(prompt.points), prompt.box) for prompt in prompts]
    return ViewObjects(torch.from_numpy(masks), copies)


def test_perfect_masks_and_full_lists_get_no_click() -> None:
    masks = np.stack([BLOCKS == 6] * 3)
    full = ObjectPrompts([(20.0, 20.0, True)] * MAX_POINTS, None)
    objects = objects_of(masks, [POINT, POINT, full])
    logits = torch.full((3, 1, SIZE, SIZE), -5.0)
    logits[0, 0][torch.from_numpy(masks[0])] = 5.0
    add_clicks(objects, logits, truth_of(objects), rng())
    assert [len(prompt.points) for prompt in objects.prompts] == [1, 2, MAX_POINTS]
    x, y, positive = objects.prompts[1].points[-1]
    assert positive
    assert masks[1][int(y), int(x)]
    assert objects.single.tolist() == [True, False, False]


def truth_of(objects: ViewObjects) -> torch.Tensor:
    """As the rounds have it."""
    return objects.masks[:, None].float()


def test_clicks_go_into_the_error_and_half_of_them_where_it_is_deepest() -> None:
    truth = np.zeros((SIZE, SIZE), bool)
    truth[20:31, 20:31] = True
    shown = np.zeros((SIZE, SIZE), bool)
    shown[20:31, 20:31] = True
    shown[40:47, 8:15] = True  # 7 pixels across, deepest at (43, 11)
    truth[:2, 50:] = True  # as many, but flat
    count = 200
    objects = objects_of(np.stack([truth] * count), [POINT] * count)
    logits = torch.from_numpy(np.where(shown, 4.0, -4.0).astype(np.float32))
    add_clicks(objects, logits.expand(count, 1, SIZE, SIZE), truth_of(objects), rng())
    clicks = [prompt.points[-1] for prompt in objects.prompts]
    assert all((truth != shown)[int(y), int(x)] for x, y, _ in clicks)
    assert all(positive == truth[int(y), int(x)] for x, y, positive in clicks)
    deepest = sum((x, y) == (11, 43) for x, y, _ in clicks)
    assert 70 < deepest < 130
    flat = sum(positive for _, _, positive in clicks)
    assert 20 < flat < 60  # 28 of 77 pixels, of those that go anywhere


def test_masks_of_the_slice_before_are_where_the_first_round_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = make_model().train()
    objects = choose_objects(BLOCKS, RECIPE, rng(), earlier=True)
    assert objects is not None
    assert objects.earlier is not None
    assert objects.earlier.shape == objects.masks.shape
    assert objects.earlier.flatten(1).any(1).all()
    assert not objects.single.any()
    view = Rounds(model, features_of(model))
    seen = seen_by(view, monkeypatch)
    loss = view.loss(objects, 2, rng(), {})
    loss.backward()
    assert seen[0] is not None
    inside = torch.nn.functional.avg_pool2d(objects.earlier[:, None].float(), 2)
    assert torch.equal(seen[0] > 0, inside > 0.5)
    assert float(seen[0].max()) == pytest.approx(6.9)


def test_what_is_gone_is_to_be_empty_and_scored_zero() -> None:
    model = make_model()
    masks = np.zeros((2, SIZE, SIZE), bool)
    masks[0, 20:40, 20:40] = True
    before = torch.from_numpy(np.stack([masks[0], masks[0]]))
    box = ObjectPrompts([], (20.0, 20.0, 40.0, 40.0))
    objects = ViewObjects(torch.from_numpy(masks), [box, box], earlier=before)
    view = Rounds(model, features_of(model))
    record: Record = {}
    loss = view.loss(objects, 1, rng(), record)
    assert torch.isfinite(loss)
    assert set(record) == {"earlier", "gone"}
    with torch.no_grad():
        logits, iou = view.decode(objects.prompts, (2 * before[:, None].float() - 1) * 6.9)
    assert record["gone"] == [pytest.approx(float(iou[1, 0]), abs=0.05)]
    empty = torch.full_like(logits, -9.0)
    truth = torch.nn.functional.avg_pool2d(objects.masks[:, None].float(), 2)[:, 0]
    near, alone = torch.ones_like(truth) > 0, torch.zeros(2, dtype=torch.bool)
    good = prompt_loss(empty[1:], torch.zeros(1, 4), truth[1:], near[1:], alone[1:])[0]
    for logit, score in ((-9.0, 0.5), (9.0, 0.0)):
        other = torch.full_like(empty[1:], logit), torch.full((1, 4), score)
        assert prompt_loss(*other, truth[1:], near[1:], alone[1:])[0] > good + 0.1


@pytest.mark.parametrize("again", [1.0, 0.5])
def test_masks_that_are_handed_back_alone(again: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a second look: what comes then is one mask, although there is one point alone."""
    model = make_model()
    count = 60
    objects = objects_of(np.stack([BLOCKS == 6] * count), [POINT] * count)
    view = Rounds(model, features_of(model), again=again)
    seen = seen_by(view, monkeypatch)
    ambiguous: list[torch.Tensor] = []

    def loss(*given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        ambiguous.append(given[4])
        return prompt_loss(*given)

    monkeypatch.setattr("napari_samara.training.rounds.prompt_loss", loss)
    view.loss(objects, 2, rng(), {})
    assert seen[1] is not None
    assert len(seen[1]) == count
    clicked = sum(len(prompt.points) == 2 for prompt in objects.prompts)
    assert clicked == 0 if again == 1 else 15 < clicked < 45
    assert ambiguous[0].all()
    assert not ambiguous[1].any()


def test_object_that_fills_the_view() -> None:
    model = make_model().train()
    objects = choose_objects(np.full((SIZE, SIZE), 2, np.int32), RECIPE, rng())
    assert objects is not None
    assert torch.isfinite(Rounds(model, features_of(model)).loss(objects, 3, rng(), {}))


def test_model_without_drawn_prompts(tiny_sam: SamModel) -> None:
    """SAM itself, whose prompts share one dense code, trains in the same rounds."""
    objects = choose_objects(BLOCKS, RECIPE, rng())
    assert objects is not None
    features = features_of(tiny_sam)
    loss = Rounds(tiny_sam, features).loss(objects, 3, rng(), {})
    assert torch.isfinite(loss)


@pytest.mark.parametrize(
    ("rows", "cols", "expected"),
    [
        ((10, 12), (10, 12), (5, 17, 5, 17)),  # half of 2 and 4 more
        ((0, 32), (0, 32), (0, 32, 0, 32)),
        ((0, 8), (20, 21), (0, 16, 16, 25)),
    ],
)
def test_neighbourhood_is_the_box_and_some_more(
    rows: tuple[int, int], cols: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    inside = torch.zeros(1, 32, 32, dtype=torch.bool)
    inside[0, slice(*rows), slice(*cols)] = True
    found = neighbourhood(inside)[0]
    wanted = torch.zeros(32, 32, dtype=torch.bool)
    wanted[slice(*expected[:2]), slice(*expected[2:])] = True
    assert torch.equal(found, wanted)


def test_neighbourhoods_do_not_mix() -> None:
    inside = torch.zeros(3, 32, 32, dtype=torch.bool)
    for i in range(3):
        inside[i, 10 * i, 10 * i] = True
    found = neighbourhood(inside)
    assert all(not torch.equal(a, b) for a, b in pairwise(found))
