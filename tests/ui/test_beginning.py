"""A script goes on with what was saved, in new labels or in its own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.components import ViewerModel
from tests.ui.conftest import disk

from napari_samara.errors import OutputError
from napari_samara.formats.ome_labels import create_labels, open_labels
from napari_samara.formats.stored_labels import StoredLabels
from napari_samara.planes import Plane
from napari_samara.prompts import PromptSet, point
from napari_samara.session import Session, recover
from napari_samara.session.label_book import LabelBook
from napari_samara.session.restored import Restored
from napari_samara.store import ZarrStore
from napari_samara.ui.keeping import Keeping
from napari_samara.ui.layer_set import GivenLayers
from napari_samara.ui.layers.labels import LayerLabels

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.gui

SHAPE = (96, 128)


@pytest.fixture
def folder(tmp_path: Path, disk_predictor: Any) -> Path:
    """An annotation with one object of 16 bits and an open prompt."""
    folder = tmp_path / "mine"
    labels = np.zeros(SHAPE, np.uint16)
    image = np.zeros(SHAPE, np.uint8)
    session = Session(image, disk_predictor, journal=folder, labels=labels)
    session.add(point(40, 50))
    session.accept()
    session.add(point(70, 90))
    session.close()
    return folder


@pytest.mark.parametrize(
    ("mine", "dtype", "adopted"),
    [
        (None, np.uint16, False),
        (0, np.int32, True),
        (0, np.uint8, False),
        (1, np.int32, True),
        (9, np.int32, False),
    ],
    ids=["none", "empty", "too small", "the same", "something else"],
)
def test_labels(
    make_napari_viewer: Any,
    begin: Any,
    folder: Path,
    mine: int | None,
    dtype: Any,
    adopted: bool,
) -> None:
    viewer = make_napari_viewer()
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
    own = None
    if mine is not None:
        data = np.zeros(SHAPE, dtype)
        data[35:45, 45:55] = mine
        own = viewer.add_labels(data, name="own")
        before = own.data.copy()
    store = ZarrStore(folder.parent / "e.zarr")
    keeping = Keeping(folder, recover(folder), store)
    annotator = begin(viewer, layer, given=GivenLayers(labels=own), keeping=keeping)
    assert (annotator.labels is own) is adopted
    assert (annotator.labels.data == disk(SHAPE, 40, 50)).all()
    if own is not None and not adopted:
        assert (own.data == before).all()
        assert annotator.labels.data.dtype == np.uint16
    assert np.allclose(annotator.points.data, [[70, 90]])
    assert annotator.preview.data.any()
    annotator.accept()
    saved = recover(folder)
    assert saved is not None
    assert list(saved.objects()) == [1, 2]
    assert store.nbytes > 0


def test_without_keeping_nothing_is_written(
    make_napari_viewer: Any, begin: Any, tmp_path: Path
) -> None:
    viewer = make_napari_viewer()
    annotator = begin(viewer, viewer.add_image(np.zeros(SHAPE, np.uint8)))
    annotator.points.add([[40.0, 50.0]])
    annotator.accept()
    assert annotator.folder is None
    assert list(tmp_path.iterdir()) == []


VOLUME = (6, 40, 48)


@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 0, 1)])
@pytest.mark.parametrize("axis", [0, 1])
def test_the_viewer_goes_to_the_prompts_that_were_open(
    begin: Any, disk_predictor: Any, tmp_path: Path, many: bool, order: Any, axis: int
) -> None:
    image = np.zeros(VOLUME, np.uint8)
    session = Session(image, disk_predictor, journal=tmp_path / "a")
    prompt = point(4, 14, 17, axis=axis)
    if many:
        session.many(PromptSet([prompt]), undoable=True)
    else:
        session.add(prompt)
    session.close()
    viewer = ViewerModel()
    layer = viewer.add_image(image, scale=(3, 1, 2), translate=(5, 0, 1))
    viewer.add_points(np.zeros((1, 4)))  # an axis more than the image has
    viewer.dims.order = (0, *(place + 1 for place in order))
    viewer.dims.set_point(1, layer.data_to_world((1, 0, 0))[0])
    annotator = begin(viewer, layer, keeping=Keeping(tmp_path / "a", recover(tmp_path / "a")))
    plane = Plane.of(3, [place for place in range(3) if place != axis], {axis: (4, 14)[axis]})
    assert annotator.session.plane == plane
    assert annotator.binding.plane(viewer.dims) == plane
    assert annotator.each is many
    assert annotator.preview.data.any()
    assert len(annotator.points.data) == 1
    assert annotator.session.can_undo
    annotator.accept()
    sides = tuple(side for place, side in enumerate(VOLUME) if place != axis)
    row, col = (at for place, at in enumerate((4, 14, 17)) if place != axis)
    assert (annotator.labels.data > 0).sum() == disk(sides, row, col).sum()


def test_a_viewer_that_shows_an_open_prompt_stays(
    begin: Any, disk_predictor: Any, tmp_path: Path
) -> None:
    image = np.zeros(VOLUME, np.uint8)
    session = Session(image, disk_predictor, journal=tmp_path / "a")
    session.add(point(1, 10, 10))
    session.add(point(3, 10, 10))
    session.close()
    viewer = ViewerModel()
    layer = viewer.add_image(image)
    viewer.dims.set_point(0, 3)
    annotator = begin(viewer, layer, keeping=Keeping(tmp_path / "a", recover(tmp_path / "a")))
    assert annotator.session.plane == Plane.of(3, fixed={0: 3})


def test_many_prompts_come_back_with_what_was_left_out(
    begin: Any, disk_predictor: Any, tmp_path: Path
) -> None:
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8))
    first = begin(viewer, layer, keeping=Keeping(tmp_path / "a"))
    first.each = True
    first.points.add([[40.0, 50.3], [70.125, 90.7], [20, 20]])
    first.picking.toggle(70, 90)
    shutil.copytree(tmp_path / "a", tmp_path / "killed")
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8), scale=(0.3, 0.3), rotate=10)
    saved = recover(tmp_path / "killed")
    again = begin(viewer, layer, keeping=Keeping(tmp_path / "killed", saved))
    assert again.each
    assert np.allclose(again.points.data, first.points.data)
    assert again.session.picked == (0, 2)
    again.accept()
    assert list(again.session.objects) == [1, 2]
    again.undo()
    assert again.session.picked == (0, 2)
    again.undo()  # what had been given
    assert len(again.points.data) == 0


def test_saved_labels_are_handed_over_as_they_are(
    begin: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(LayerLabels, "__setitem__")  # no comparison pixel by pixel
    monkeypatch.setattr(LabelBook, "_blocks", lambda _: pytest.fail("all labels were read"))
    saved = recover(folder)
    assert saved is not None
    image = np.zeros(SHAPE, np.uint8)
    restored = Restored.of(saved, image)
    viewer = ViewerModel()
    annotator = begin(viewer, viewer.add_image(image), keeping=Keeping(folder, restored))
    assert annotator.labels.data is restored.labels
    assert annotator.session.predictor.asked
    monkeypatch.undo()
    annotator.accept()
    assert list(annotator.session.objects) == [1, 2]


def test_labels_in_a_folder_are_not_written_whole_on_resume(
    begin: Any, folder: Path, tmp_path: Path
) -> None:
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
    own = viewer.add_labels(create_labels(tmp_path / "l.ome.zarr", SHAPE))
    saved = recover(folder)
    annotator = begin(viewer, layer, given=GivenLayers(labels=own), keeping=Keeping(folder, saved))
    assert annotator.labels is not own
    assert own.data.blank
    assert (annotator.labels.data == disk(SHAPE, 40, 50)).all()


def in_a_folder(begin: Any, tmp_path: Path) -> tuple[Path, Path]:
    """An annotation of one object whose labels are in a folder, ended; journal and labels."""
    viewer, path, journal = ViewerModel(), tmp_path / "l.ome.zarr", tmp_path / "journal"
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
    own = viewer.add_labels(create_labels(path, SHAPE))
    annotator = begin(viewer, layer, given=GivenLayers(labels=own), keeping=Keeping(journal))
    annotator.points.add([[40.0, 50.0]])
    annotator.accept()
    annotator.close()
    return journal, path


def test_labels_in_a_folder_are_gone_on_with(begin: Any, tmp_path: Path) -> None:
    journal, path = in_a_folder(begin, tmp_path)
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
    annotator = begin(viewer, layer, keeping=Keeping(journal, recover(journal)))
    assert isinstance(annotator.labels.data, StoredLabels)
    assert annotator.labels.name == "l"
    assert (open_labels(path)[...] == disk(SHAPE, 40, 50)).all()
    annotator.points.add([[70.0, 100.0]])
    annotator.accept()
    assert set(np.unique(open_labels(path)[...])) == {0, 1, 2}
    for _ in range(6):
        annotator.undo()
    assert not open_labels(path)[...].any()
    with pytest.raises(OutputError, match="another session"):
        open_labels(path).hold()
    annotator.close()
    open_labels(path).hold()


def test_a_layer_that_shows_the_folder_is_taken(begin: Any, tmp_path: Path) -> None:
    journal, path = in_a_folder(begin, tmp_path)
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
    shown = viewer.add_labels(open_labels(path), name="mine")
    annotator = begin(viewer, layer, keeping=Keeping(journal, recover(journal)))
    assert annotator.labels is shown
    assert annotator.session.labels.layer.data is shown.data
    assert (np.asarray(shown.data) == disk(SHAPE, 40, 50)).all()


@pytest.mark.parametrize("region", [np.s_[:9], np.s_[40:42, 50:52]])
def test_a_folder_that_was_changed_since_is_left_alone(
    begin: Any, tmp_path: Path, region: Any
) -> None:
    """By another annotation, or another program: nothing of theirs is lost."""
    journal, path = in_a_folder(begin, tmp_path)
    open_labels(path)[region] = 3
    theirs = open_labels(path)[...]
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
    saved = recover(journal)
    assert saved is not None
    restored, why = Restored.in_place(saved, np.zeros(SHAPE, np.uint8))
    assert "changed since" in why
    annotator = begin(viewer, layer, keeping=Keeping(journal, restored))
    assert isinstance(annotator.labels.data, np.ndarray)
    assert (annotator.labels.data == disk(SHAPE, 40, 50)).all()
    assert (open_labels(path)[...] == theirs).all()
    open_labels(path).hold()


@pytest.mark.parametrize("gone", [True, False])
def test_labels_whose_folder_cannot_be_written_are_in_memory(
    begin: Any, tmp_path: Path, gone: bool
) -> None:
    journal, path = in_a_folder(begin, tmp_path)
    other = open_labels(path)
    other.hold()
    if gone:
        path.rename(tmp_path / "elsewhere.ome.zarr")
    saved, image = recover(journal), np.zeros(SHAPE, np.uint8)
    assert saved is not None
    restored, why = Restored.in_place(saved, image)
    assert why.startswith("The labels are in memory now: ")
    assert ("no labels" if gone else "another session") in why
    viewer = ViewerModel()
    layer = viewer.add_image(image, name="cells")
    annotator = begin(viewer, layer, keeping=Keeping(journal, restored))
    assert isinstance(annotator.labels.data, np.ndarray)
    assert (annotator.labels.data == disk(SHAPE, 40, 50)).all()
    other.release()


def test_labels_that_are_let_go_of_before_they_are_used(begin: Any, tmp_path: Path) -> None:
    journal, path = in_a_folder(begin, tmp_path)
    saved = recover(journal)
    assert saved is not None
    restored, why = Restored.in_place(saved, np.zeros(SHAPE, np.uint8))
    assert why == ""
    Keeping(saved=restored).close()
    open_labels(path).hold()


def test_labels_in_a_folder_are_written_in_boxes(begin: Any, tmp_path: Path) -> None:
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
    own = viewer.add_labels(create_labels(tmp_path / "l.ome.zarr", SHAPE))
    annotator = begin(viewer, layer, given=GivenLayers(labels=own))
    annotator.points.add([[40.0, 50.0]])
    annotator.accept()
    found = open_labels(tmp_path / "l.ome.zarr")
    assert (found[...] == disk(SHAPE, 40, 50)).all()
    annotator.session.undo()
    assert not found[...].any()
    own.selected_label = 5
    own.paint((20, 20), 5)
    assert (found[...] == 5).any()
    assert 5 in annotator.session.objects


def test_own_labels_are_filled_by_one_assignment(begin: Any, folder: Path) -> None:
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
    own = viewer.add_labels(np.zeros(SHAPE, np.int32))
    told: list[Any] = []
    own.events.paint.connect(told.append)
    annotator = begin(
        viewer, layer, given=GivenLayers(labels=own), keeping=Keeping(folder, recover(folder))
    )
    assert annotator.labels is own
    assert own.data.dtype == np.int32
    assert (own.data == disk(SHAPE, 40, 50)).all()
    assert told == []  # no step of napari's own undo


def test_layers_that_were_left_are_taken_again(begin: Any, tmp_path: Path) -> None:
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
    first = begin(viewer, image, keeping=Keeping(tmp_path / "one"))
    first.points.add([[40.0, 50.0]])
    first.accept()
    first.close()
    left = list(viewer.layers)
    assert len(left) == 4
    again = begin(viewer, image, keeping=Keeping(tmp_path / "one", recover(tmp_path / "one")))
    assert again.labels is first.labels
    assert again.points is first.points
    assert again.shapes is first.shapes
    assert [layer for layer in viewer.layers if layer is not again.preview] == left
    again.points.add([[20.0, 20.0]])
    again.session.wait(5)
    again.close()
    third = begin(viewer, image)
    assert third.points is not again.points  # there is a prompt in it
    assert third.shapes is again.shapes
    assert third.labels is not again.labels  # it begins anew
    assert (again.labels.data == disk(SHAPE, 40, 50)).all()


def test_labels_that_were_changed_since_are_left_alone(begin: Any, folder: Path) -> None:
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
    changed = disk(SHAPE, 40, 50).astype(np.uint16)
    changed[0, 0] = 9
    own = viewer.add_labels(changed, name="cells labels")
    annotator = begin(viewer, image, keeping=Keeping(folder, recover(folder)))
    assert annotator.labels is not own
    assert own.data[0, 0] == 9
