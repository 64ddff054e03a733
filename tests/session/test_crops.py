"""What a session encodes for a prompt: the plane, what is on the screen, or around the object."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.session.fake_predictor import FakePredictor, disk

import napari_samara as samara
from napari_samara.errors import SessionError
from napari_samara.planes import Plane
from napari_samara.prompts import PromptSet, box, point
from napari_samara.session import read_session
from napari_samara.session.objects import ObjectPart, OpenObject
from napari_samara.session.thread_runner import ThreadRunner
from napari_samara.settings import PredictSettings
from napari_samara.store import ZarrStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_samara.embedding import Embedding
    from napari_samara.session import Session

SHAPE = (400, 600)
WINDOW = (64, 128, 192, 256)
"""Around a point at (130, 190), for objects of the usual size."""


class Sized(FakePredictor):
    """The fake with a model input of 512 pixels, which reads in pixels where they come from."""

    input_size = 512

    def __init__(self, sha256: str | None = "ab" * 32, shape: tuple[int, int] = SHAPE) -> None:
        super().__init__(sha256)
        self.shape = shape
        self.crops: list[tuple[int, int, int, int] | None] = []

    def embed_rgb(self, rgb: np.ndarray, *args: Any) -> Embedding:
        row0, col0 = place(rgb[0, 0])
        row1, col1 = place(rgb[-1, -1])
        box = row0, col0, row1 + 1, col1 + 1
        self.crops.append(None if box == (0, 0, *self.shape) else box)
        return super().embed_rgb(rgb, *args)


def placed(shape: tuple[int, int]) -> np.ndarray:
    """An RGB image whose pixels say where they are."""
    rows, cols = np.indices(shape)
    return np.stack([rows & 255, cols & 255, (rows >> 8 << 4) | cols >> 8], axis=-1).astype(
        np.uint8
    )


def place(pixel: np.ndarray) -> tuple[int, int]:
    low_row, low_col, high = (int(value) for value in pixel)
    return low_row | (high >> 4 << 8), low_col | ((high & 15) << 8)


@pytest.fixture
def image() -> np.ndarray:
    return placed(SHAPE)


@pytest.fixture
def fake() -> Sized:
    return Sized()


@pytest.fixture
def session(open_: Callable[..., Session], image: np.ndarray) -> Session:
    made = open_(image, rgb=True)
    made.crop = "object"
    return made


def test_a_box_is_decoded_around_its_object(session: Session, fake: Sized) -> None:
    session.add(box(120, 180, 140, 200))
    assert fake.crops == [WINDOW]
    found = session.candidate
    assert found is not None
    assert found.data.shape == SHAPE
    assert found.box == (120, 180, 140, 200)
    assert found.data[120:140, 180:200].all()
    assert found.area == 400


def test_a_point_is_decoded_twice_while_no_size_is_known(session: Session, fake: Sized) -> None:
    session.add(point(130, 190))
    assert fake.crops == [None, WINDOW]
    assert session.candidate is not None
    assert np.array_equal(session.candidate.data, disk(SHAPE, 130, 190))
    session.add(point(132, 192))
    assert fake.crops == [None, WINDOW]  # both are in memory


def test_accepted_objects_say_how_large_they_are(session: Session, fake: Sized) -> None:
    for col in (100, 200, 300):
        session.add(box(100, col, 120, col + 20))
        session.accept()
    fake.crops.clear()
    session.add(point(300, 500))
    assert [crop and crop[2] - crop[0] for crop in fake.crops] == [128]


def test_a_cut_mask_gets_a_larger_window(session: Session, fake: Sized) -> None:
    for col in (100, 200, 300):
        session.add(box(100, col, 110, col + 10))
        session.accept()
    fake.crops.clear()
    session.add(point(130, 190))
    session.add(point(130, 252))  # its disk reaches out of a window of 128 pixels
    found = session.candidate
    assert found is not None
    assert np.array_equal(found.data, disk(SHAPE, 130, 190) | disk(SHAPE, 130, 252))


def test_it_can_be_switched_off(session: Session, fake: Sized) -> None:
    session.crop = "whole"
    session.add(box(120, 180, 140, 200))
    assert fake.crops == [None]
    session.crop = "object"
    assert fake.crops == [None, WINDOW]
    with pytest.raises(SessionError, match="view"):
        session.crop = "zoomed"


def test_what_is_on_the_screen(session: Session, fake: Sized) -> None:
    session.crop = "view"
    session.view = (100, 150, 164, 214)
    assert session.view == (100, 150, 164, 214)
    assert fake.crops == []  # looking encodes nothing
    session.add(point(130, 190))
    first = list(fake.crops)
    assert first == [(96, 144, 176, 224)]
    session.view = (0, 0, 400, 600)
    assert fake.crops == first  # nor does looking elsewhere
    session.add(point(131, 191))
    assert fake.crops == [*first, None]
    session.undo()
    assert fake.crops == [*first, None]
    record = session.accept()
    assert record.parts[0].crop == first[0]


def test_a_view_of_a_transposed_plane(open_: Callable[..., Session], fake: Sized) -> None:
    session = open_(np.stack([placed(SHAPE)] * 2), rgb=True)
    session.crop = "view"
    session.set_plane(Plane.of(3, (2, 1), {0: 1}))
    session.view = (150, 100, 214, 164)
    session.add(point(1, 130, 190))
    assert fake.crops == [(96, 144, 176, 224)]
    assert session.candidate is not None
    assert np.array_equal(session.candidate.data, disk(SHAPE, 130, 190).T)
    label = session.accept().label
    assert np.array_equal(session.labels[1] == label, disk(SHAPE, 130, 190))
    session.reopen(label)
    assert session.candidate is not None
    assert np.array_equal(session.candidate.data, disk(SHAPE, 130, 190).T)
    assert len(fake.crops) == 1


def test_the_crop_is_recorded_and_replayed(
    session: Session, open_: Callable[..., Session], tmp_path: Path
) -> None:
    session.add(box(120, 180, 140, 200))
    record = session.accept()
    assert record.parts[0].crop == WINDOW
    path = tmp_path / "a.samara.json"
    session.save(path)
    assert np.array_equal(samara.replay(path), session.labels)
    saved = read_session(path)
    assert saved.about["crop"] == "object"
    assert ObjectPart.from_dict(record.parts[0].to_dict()) == record.parts[0]
    again = open_(session.image, rgb=True, saved=saved)
    assert again.crop == "object"
    assert again.objects[1].parts[0].crop == WINDOW


def test_a_reopened_object_is_looked_for_where_it_was(session: Session, fake: Sized) -> None:
    session.add(box(120, 180, 140, 200))
    session.accept()
    session.crop = "whole"
    session.reopen(1)
    assert fake.crops == [WINDOW]
    assert session.candidate is not None
    assert session.candidate.area == 400
    session.add(point(131, 191))  # other prompts: the rule of now
    assert fake.crops == [WINDOW, None]
    session.undo()
    assert session.candidate.area == 400
    assert fake.crops == [WINDOW, None]


def test_undo_and_redo_find_the_same_masks(session: Session, fake: Sized) -> None:
    session.add(point(130, 190))
    assert session.candidate is not None
    before = session.candidate.data.copy()
    session.add(point(300, 500))
    session.undo()
    assert np.array_equal(session.candidate.data, before)
    session.accept()
    session.undo()
    assert np.array_equal(session.candidate.data, before)
    assert not session.labels.any()
    session.redo()
    assert np.array_equal(session.labels == 1, before)


def test_many_objects_in_their_crops(session: Session, fake: Sized) -> None:
    prompts = PromptSet.from_objects(
        {1: [box(120, 180, 140, 200)], 2: [box(122, 182, 138, 196)], 3: [point(300, 500)]}
    )
    found = session.many(prompts)
    assert [one.box for one in found] == [
        (120, 180, 140, 200),
        (122, 182, 138, 196),
        (294, 494, 307, 507),
    ]
    assert fake.crops.count(WINDOW) == 1  # one for both
    assert [one.part.crop is None for one in found] == [False, False, False]
    decoded = len(fake.decoded)
    session.settings = PredictSettings(mask_threshold=2.0)
    assert len(fake.decoded) == decoded
    assert session.batch[0].box == (122, 182, 138, 198)
    session.settings = PredictSettings()
    records = session.accept_many()
    assert len(records) == 3
    assert session.labels[130, 181] == 1
    session.undo()
    assert not session.labels.any()


def test_another_threshold_takes_the_logits_of_the_crop(session: Session, fake: Sized) -> None:
    session.add(box(120, 180, 140, 200))
    session.settings = PredictSettings(mask_threshold=2.0)
    assert session.candidate is not None
    assert session.candidate.box == (122, 182, 138, 198)
    assert session.candidate.data.shape == SHAPE
    assert len(fake.decoded) == 1


def test_crops_are_found_in_the_store(
    open_: Callable[..., Session], image: np.ndarray, tmp_path: Path
) -> None:
    for expected in ([WINDOW], []):
        predictor = Sized()
        session = open_(image, rgb=True, predictor=predictor, store=ZarrStore(tmp_path / "e.zarr"))
        session.crop = "object"
        session.add(box(120, 180, 140, 200))
        assert predictor.crops == expected
        assert session.candidate is not None
        assert session.candidate.area == 400


def test_a_crop_has_the_contrast_of_its_plane(open_: Callable[..., Session]) -> None:
    image = np.random.default_rng(3).integers(0, 4000, SHAPE).astype(np.uint16)
    image[:50] = 60000  # far from the crop
    session = open_(image)
    embeddings = session._decoder.embeddings
    whole = embeddings.encoder_input(session.plane, session.contrast)
    part = embeddings.encoder_input(session.plane, session.contrast, WINDOW)
    assert np.array_equal(part, whole[64:192, 128:256])


def test_another_model_looks_where_the_first_did(
    session: Session, fake: Sized, image: np.ndarray
) -> None:
    session.add(box(120, 180, 140, 200))
    session.accept()
    other = Sized("cd" * 32)
    remade = session.remake(other)  # type: ignore[arg-type]
    assert other.crops == [WINDOW]
    assert remade.mean_iou == 1


def test_what_is_open_is_kept_with_its_view(session: Session) -> None:
    here = Plane.of(2)
    opened = OpenObject(
        PromptSet([point(5, 5)]), None, (), ((here, (0, 0, 9, 9)),), ((here, None),)
    )
    assert OpenObject.from_dict(opened.to_dict()) == opened
    old = {"prompts": [], "label": None, "chosen": []}
    assert OpenObject.from_dict(old) == OpenObject()
    assert OpenObject().to_dict() == old


def test_a_large_plane_begins_with_a_tile(open_: Callable[..., Session]) -> None:
    predictor = Sized(shape=(2000, 1500))
    session = open_(placed((2000, 1500)), rgb=True, predictor=predictor)
    session.add(point(1000, 700))
    assert predictor.crops == [(768, 512, 1280, 1024)]
    session.crop = "whole"
    assert predictor.crops[-1] is None


def until(session: Session, met: Callable[[], bool]) -> None:
    """Deliver what the worker has to tell until something is so."""
    end = time.monotonic() + 10
    while not met():
        assert time.monotonic() < end, "it did not happen"
        session._runner.drain()
        time.sleep(0.002)


def test_a_mask_of_the_whole_plane_is_shown_until_the_window_is_encoded(
    open_: Callable[..., Session], image: np.ndarray, fake: Sized
) -> None:
    session = open_(image, rgb=True, runner=ThreadRunner())
    session.crop = "whole"
    session.add(point(20, 30))
    assert session.wait(10)
    session.clear()
    session.crop = "object"
    shown: list[int] = []
    session.events.candidates.connect(lambda masks, _: shown.append(len(masks)))
    fake.gate.clear()  # the encoder is busy
    session.add(box(120, 180, 140, 200))
    until(session, lambda: session.candidate is not None)
    assert session.awaits_masks
    assert session.candidate is not None
    assert session.candidate.area == 400
    fake.gate.set()
    assert session.wait(10)
    assert not session.awaits_masks
    assert fake.crops == [None, WINDOW]
    assert shown[-2:] == [1, 1]  # one until then, and the one to accept
    assert session.accept().parts[0].crop == WINDOW


def test_what_is_shown_early_goes_with_its_prompts(
    open_: Callable[..., Session], image: np.ndarray, fake: Sized
) -> None:
    session = open_(image, rgb=True, runner=ThreadRunner())
    session.crop = "whole"
    session.add(point(20, 30))
    assert session.wait(10)
    session.clear()
    session.crop = "object"
    fake.gate.clear()
    session.add(box(120, 180, 140, 200))
    until(session, lambda: session.candidate is not None)
    session.clear()
    assert session.candidate is None
    fake.gate.set()
    assert session.wait(10)
    assert session.candidate is None
