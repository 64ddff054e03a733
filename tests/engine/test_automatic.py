"""Tests of finding all objects of an image."""

from __future__ import annotations

import numpy as np
import pytest
from tests.conftest import Disks

from napari_samara import api
from napari_samara.engine import automatic
from napari_samara.engine.automatic import Scene, Watch, automatic_masks
from napari_samara.engine.automatic_settings import AutomaticSettings
from napari_samara.errors import SettingsError
from napari_samara.intensity import to_rgb


@pytest.fixture(scope="module")
def tiny():
    """samara-tiny as it comes with the package."""
    return api.load("samara-tiny", device="cpu")


@pytest.fixture(scope="module")
def scene(disks):
    return Scene(to_rgb(disks.image))


@pytest.fixture(scope="module")
def dense(tiny, scene):
    return automatic_masks(tiny, scene)


def found_disks(labels, disks):
    """How many disks have a label of IoU 0.5 or more."""
    count = 0
    for number in range(1, disks.labels.max() + 1):
        truth = disks.labels == number
        ids = np.unique(labels[truth])
        ious = [((labels == i) & truth).sum() / ((labels == i) | truth).sum() for i in ids if i]
        count += max(ious, default=0) >= 0.5
    return count


def test_dense_proposals_find_the_disks_with_few_prompts(dense, disks):
    assert found_disks(dense.labels(), disks) >= 11
    assert len(dense.candidates) <= 14
    assert dense.prompts <= 40
    assert dense.complete


def test_grid_finds_the_disks(tiny, scene, disks):
    settings = AutomaticSettings(source="grid", points_per_side=12)
    found = automatic_masks(tiny, scene, settings)
    assert found_disks(found.labels(), disks) >= 10
    assert found.prompts < 12 * 10  # points in objects that were found are left out


def test_labels_are_the_candidates(dense):
    labels = dense.labels()
    assert labels.dtype == np.int32
    assert labels.shape == dense.shape
    scores = [candidate.score for candidate in dense.candidates]
    assert scores == sorted(scores, reverse=True)
    for number, candidate in enumerate(dense.candidates, start=1):
        mask = candidate.mask(dense.shape)
        assert mask.data[labels == number].all()
        row, col = (round(place) for place in candidate.point)
        assert 0 <= row < dense.shape[0]
        assert 0 <= col < dense.shape[1]


def test_cells_are_cut_out_beside_what_is_decoded(dense, tiny, scene, disks):
    decoded = automatic_masks(tiny, scene, AutomaticSettings(cut_out=False))
    assert decoded.prompts == dense.prompts  # cutting out asks nothing of the decoder
    assert len(dense.proposals) >= len(decoded.proposals) + 11
    cut = dense.proposals[len(decoded.proposals) :]
    logits = [one.logits for one in dense.proposals[: len(decoded.proposals)]]
    assert all(map(np.array_equal, logits, (one.logits for one in decoded.proposals)))
    alone = dense.with_proposals(cut, dense.prompts, complete=True)
    assert found_disks(alone.labels(), disks) >= 11
    for one in cut:
        row, col = one.point
        assert 0 <= row < disks.labels.shape[0]
        assert 0 <= col < disks.labels.shape[1]
    assert dense.settings.needs_decoding(AutomaticSettings(cut_out=False))


def test_cells_beyond_the_end_of_the_image_are_not_cut_out(tiny, disks):
    """Windows reach beyond it, where the image is mirrored."""
    small = np.full((300, 700), 30, np.uint8)
    small[172:300, 540:700] = disks.image
    found = automatic_masks(tiny, Scene(to_rgb(small)))
    truth = np.zeros(small.shape, np.int32)
    truth[172:300, 540:700] = disks.labels
    assert {c.window for c in found.candidates} != {(0, 0, 300, 700)}
    assert all(0 <= one.point[0] < 300 and 0 <= one.point[1] < 700 for one in found.proposals)
    assert len(found.candidates) <= 16
    assert found_disks(found.labels(), Disks(small, truth)) >= 10


def test_limits_move_without_decoding(dense, tiny, scene, monkeypatch):
    middle = float(np.median([candidate.score for candidate in dense.candidates]))
    monkeypatch.setattr(automatic, "decode_parts", None)
    fewer = dense.adjusted(score=middle)
    assert 0 < len(fewer.candidates) < len(dense.candidates)
    assert all(candidate.score >= middle for candidate in fewer.candidates)
    back = fewer.adjusted(score=dense.settings.score)
    assert [c.box for c in back.candidates] == [c.box for c in dense.candidates]
    with pytest.raises(SettingsError, match="search again"):
        dense.adjusted(points_per_side=5)


def test_lower_limits_afterwards_are_lower_limits_before(dense, tiny, scene):
    strict = automatic_masks(tiny, scene, AutomaticSettings(score=0.7, stability=0.6))
    lower = strict.adjusted(score=0.5, stability=0.3)
    assert [c.box for c in lower.candidates] == [c.box for c in dense.candidates]
    assert np.array_equal(lower.labels(), dense.labels())


def test_cancel_keeps_what_is_there(tiny, scene):
    told = []
    watch = Watch(progress=lambda done, total: told.append((done, total)))
    watch = Watch(watch.progress, lambda: len(told) >= 2)
    found = automatic_masks(tiny, scene, AutomaticSettings(chunk=3), watch)
    assert not found.complete
    assert found.prompts == 6
    assert 0 < len(found.candidates) <= 6
    assert told[-1][0] == 6 <= told[-1][1]
    nothing = automatic_masks(tiny, scene, watch=Watch(cancelled=lambda: True))
    assert (nothing.candidates, nothing.complete) == ((), False)
    assert not nothing.labels().any()


def test_preview_grows_to_the_result(tiny, scene, dense):
    seen = []
    automatic_masks(tiny, scene, watch=Watch(found=seen.append))
    counts = [len(one.proposals) for one in seen]
    assert counts == sorted(counts)
    assert not seen[0].complete
    assert np.array_equal(seen[-1].labels(), dense.labels())


def test_an_embedding_that_is_there_is_used(tiny, scene, dense, monkeypatch):
    whole = tiny.embed_rgb(scene.rgb, scene.contrast)
    monkeypatch.setattr(tiny, "embed_rgb", None)
    settings = AutomaticSettings(zoom="never")
    found = automatic_masks(tiny, Scene(scene.rgb, scene.contrast, whole), settings)
    assert len(found.candidates) >= 11


def test_small_objects_are_looked_at_closer(tiny, disks):
    far = np.full((240, 240), 30, np.uint8)
    far[100:164, 80:160] = disks.image[::2, ::2]
    whole = automatic_masks(tiny, Scene(to_rgb(far)), AutomaticSettings(zoom="never"))
    close = automatic_masks(tiny, Scene(to_rgb(far)))
    assert {p.window for p in whole.proposals} == {(0, 0, 240, 240)}
    windows = {p.window for p in close.proposals}
    assert len(windows) > 1
    assert max(window[2] - window[0] for window in windows) < 240
    truth = np.zeros(far.shape, np.int32)
    truth[100:164, 80:160] = disks.labels[::2, ::2]
    count = found_disks(close.labels(), Disks(far, truth))
    assert count >= max(10, found_disks(whole.labels(), Disks(far, truth)))


@pytest.mark.parametrize("shape", [(900, 900), (160, 1200)])
def test_windows_of_a_large_image_are_looked_at_first(tiny, disks, monkeypatch, shape):
    large = np.full(shape, 30, np.uint8)
    large[16:144, 16:176] = disks.image
    search = automatic.Search(tiny, Scene(to_rgb(large)), AutomaticSettings(), Watch())
    # all of the image shows nothing, and a part of it objects of a size that is seen well
    sampled = []
    monkeypatch.setattr(search, "_sampled", lambda w: sampled.append(w) or np.full(20, 30.0))
    windows = search._windows(np.zeros(0))
    assert windows == sampled[0]
    assert max(windows[0][2] - windows[0][0], windows[0][3] - windows[0][1]) == 512
    # the part shows objects that are still too small
    monkeypatch.setattr(search, "_sampled", lambda _: np.full(20, 14.0))
    assert max(search._windows(np.zeros(0))[0][2:]) == 256
    # a part of it shows few objects: all of it is searched as well as its windows
    monkeypatch.setattr(search, "_sampled", lambda _: np.full(3, 30.0))
    assert search._windows(np.full(3, 30.0)) == [(0, 0, *shape), *windows]
    monkeypatch.setattr(search, "_sampled", lambda _: np.full(3, 14.0))
    few = search._windows(np.full(3, 30.0))
    assert few[0] == (0, 0, *shape)
    assert max(few[1][2] - few[1][0], few[1][3] - few[1][1]) == 256
    monkeypatch.setattr(automatic, "MANY", len(few) - 2)
    assert search._windows(np.full(3, 30.0)) == [(0, 0, *shape), *windows]
    # nor does a part of it show any
    monkeypatch.setattr(search, "_sampled", lambda _: np.zeros(0))
    assert search._windows(np.full(3, 30.0)) == [(0, 0, *shape)]
    # all of the image shows objects well
    assert search._windows(np.full(20, 30.0)) == [(0, 0, *shape)]
    search.settings = AutomaticSettings(zoom="never")
    assert search._windows(np.full(20, 3.0)) == [(0, 0, *shape)]


def test_a_few_small_objects_in_a_corner_of_a_large_image_are_found(tiny, disks):
    small, truth = disks.image[::2, ::2], disks.labels[::2, ::2]
    large = np.full((1200, 1200), 30, np.uint8)
    large[1100:1132, 1050:1130] = small[:32]  # six of them, seven pixels wide, and no others
    labels = np.zeros(large.shape, np.int32)
    labels[1100:1132, 1050:1130] = truth[:32]
    whole = {label for label in np.unique(truth[:32]) if label and label not in truth[31]}
    found = automatic_masks(tiny, Scene(to_rgb(large))).labels()
    assert found_disks(found, Disks(large, np.where(np.isin(labels, list(whole)), labels, 0))) >= (
        len(whole) - 1
    )


def test_checkpoint_without_a_head_takes_the_grid(predictor, scene):
    settings = AutomaticSettings(points_per_side=4, score=0.0, stability=0.0)
    assert not predictor.has_dense_head
    assert automatic_masks(predictor, scene, settings).prompts > 0
    with pytest.raises(SettingsError, match="no head for dense proposals"):
        automatic_masks(predictor, scene, AutomaticSettings(source="dense"))


def test_empty_image_has_no_objects(tiny):
    found = automatic_masks(
        tiny, Scene(np.zeros((60, 80, 3), np.uint8)), AutomaticSettings(source="grid")
    )
    assert found.prompts == 0
    assert not found.labels().any()
    assert found.labels().shape == (60, 80)
