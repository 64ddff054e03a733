"""Slices of a volume encoded into a store, beside a session that goes on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr

from napari_samara.engine.encoding import prepare
from napari_samara.engine.plane_order import planes_of
from napari_samara.errors import CancelledError, ImageError, OutOfMemoryError, StoreError
from napari_samara.intensity import Contrast
from napari_samara.planes import Plane
from napari_samara.prompts import point
from napari_samara.session import Session, ThreadRunner
from napari_samara.session.embed_settings import EmbedSettings
from napari_samara.session.embeddings import Embeddings
from napari_samara.session.volume_embedding import VolumeEmbedding
from napari_samara.session.volume_job import volume_job
from napari_samara.store import MemoryStore, ZarrStore, damaged_entries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_samara.engine.predictor import Predictor
    from napari_samara.session.volume_progress import VolumeProgress

SLICES = 8


class Counted:
    """Encoder calls of a model; `gate` can hold one back."""

    def __init__(self, model: Any) -> None:
        self._encode = model.encode
        self.batches: list[int] = []
        self.pixels: list[np.ndarray] = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Semaphore(0)

    def __call__(self, pixels: Any) -> Any:
        self.batches.append(len(pixels))
        self.pixels += [plane.numpy().copy() for plane in pixels]
        self.begun.release()
        assert self.gate.wait(30)
        return self._encode(pixels)

    @property
    def planes(self) -> int:
        """Planes encoded since the last look."""
        count = sum(self.batches)
        self.batches.clear()
        return count


@pytest.fixture
def calls(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted(predictor.model)
    monkeypatch.setattr(predictor.model, "encode", counted)
    return counted


@pytest.fixture
def volume() -> np.ndarray:
    """Noise, uint16, 8 slices of 48 x 64."""
    return np.random.default_rng(3).integers(0, 4000, (SLICES, 48, 64)).astype(np.uint16)


@pytest.fixture
def store(tmp_path: Path) -> ZarrStore:
    return ZarrStore(tmp_path / "v.zarr")


def test_a_second_run_finds_everything(
    volume: np.ndarray, predictor: Predictor, store: ZarrStore, calls: Counted
) -> None:
    told: list[VolumeProgress] = []
    done = volume_job(volume, predictor, store).run(told.append)
    assert (done.planes, done.encoded, done.found) == (SLICES, SLICES, 0)
    assert calls.planes == SLICES
    assert [now.done for now in told] == list(range(1, SLICES + 1))
    assert all(now.seconds_left is not None for now in told)
    assert told[-1].seconds_left == 0
    assert len(store.folders()) == SLICES
    done = volume_job(volume, predictor, store).run()
    assert (done.encoded, done.found, calls.planes) == (0, SLICES, 0)


def test_a_batch_gives_what_single_planes_give(
    volume: np.ndarray, predictor: Predictor, tmp_path: Path, calls: Counted
) -> None:
    job = volume_job(
        volume, predictor, tmp_path / "v.zarr", settings=EmbedSettings(batch=3, per_slice=True)
    )
    job.run()
    assert max(calls.batches) > 1
    contrast = Contrast()
    for plane in planes_of(volume.shape):
        alone = predictor.embed(plane.extract(volume), contrast, plane.to_dict())
        assert alone.key is not None
        found = ZarrStore(tmp_path / "v.zarr").get(alone.key)
        assert found is not None
        assert np.abs(found.image - alone.image).max() < 2e-3 * np.abs(alone.image).max()


@pytest.mark.parametrize("change", ["slice", "contrast", "damage"])
def test_only_what_changed_is_encoded_again(
    volume: np.ndarray, predictor: Predictor, store: ZarrStore, calls: Counted, change: str
) -> None:
    settings = EmbedSettings(per_slice=True)
    volume_job(volume, predictor, store, settings=settings).run()
    assert calls.planes == SLICES
    expected, contrast = 1, None
    if change == "slice":
        volume[5, 10, 10] = 65535 - volume[5, 10, 10]
    elif change == "contrast":
        expected, contrast = SLICES, Contrast("limits", limits=(0, 2000))
    else:
        (store.folders()[2] / "image_embeddings" / "zarr.json").unlink()
    done = volume_job(volume, predictor, store, settings=settings, contrast=contrast).run()
    assert (done.encoded, calls.planes) == (expected, expected)
    assert damaged_entries(store) == {}


def test_each_plane_is_read_once(
    volume: np.ndarray, predictor: Predictor, store: ZarrStore
) -> None:
    class Lazy:
        shape, ndim, dtype = volume.shape, volume.ndim, volume.dtype

        def __init__(self) -> None:
            self.read: list[object] = []

        def __getitem__(self, index: Any) -> np.ndarray:
            self.read.append(index)
            return np.asarray(volume[index])

    for _ in range(2):  # encoding, and finding everything
        lazy = Lazy()
        volume_job(lazy, predictor, store, contrast=Contrast("minmax")).run()
        assert sorted(index[0] for index in lazy.read) == list(range(SLICES))  # type: ignore[index]


def test_two_threads_do_not_read_at_once(
    volume: np.ndarray, predictor: Predictor, store: ZarrStore
) -> None:
    class OneReader:
        shape, ndim, dtype = volume.shape, volume.ndim, volume.dtype
        lock = threading.Lock()
        wrong = 0

        def __getitem__(self, index: Any) -> np.ndarray:
            if not self.lock.acquire(blocking=False):
                OneReader.wrong += 1
                raise OSError("read twice at once")
            threading.Event().wait(0.002)
            self.lock.release()
            return np.asarray(volume[index])

    embeddings = Embeddings(OneReader(), False, predictor, MemoryStore(), store)
    threads = [
        threading.Thread(target=embeddings.encoder_input, args=(plane, Contrast()))
        for plane in planes_of(volume.shape)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert OneReader.wrong == 0


def test_cancelled_keeps_slices_and_goes_on(
    volume: np.ndarray, predictor: Predictor, store: ZarrStore, calls: Counted
) -> None:
    told: list[VolumeProgress] = []
    with pytest.raises(CancelledError, match="cancelled after"):
        volume_job(volume, predictor, store).run(told.append, lambda: len(told) >= 3)
    kept = len(store.folders())
    assert 3 <= kept < SLICES
    assert calls.planes == kept
    done = volume_job(volume, predictor, store).run()
    assert (done.found, done.encoded) == (kept, SLICES - kept)
    assert calls.planes == SLICES - kept


def test_short_memory_ends_it_with_a_word(
    volume: np.ndarray, predictor: Predictor, store: ZarrStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode, count = predictor.model.encode, []

    def short(pixels: Any) -> Any:
        count.append(len(pixels))
        if len(count) > 4:
            raise MemoryError("out of memory")
        return encode(pixels)

    monkeypatch.setattr(predictor.model, "encode", short)
    with pytest.raises(OutOfMemoryError, match="smaller checkpoint"):
        volume_job(volume, predictor, store, settings=EmbedSettings(batch=1)).run()
    assert len(store.folders()) == 4


def test_a_slice_that_cannot_be_read_does_not_stop_the_others(
    volume: np.ndarray, predictor: Predictor, store: ZarrStore
) -> None:
    class Broken:
        shape, ndim, dtype = volume.shape, volume.ndim, volume.dtype

        def __getitem__(self, index: Any) -> np.ndarray:
            if index[0] == 6:
                raise OSError("chunk 6 is lost")
            return np.asarray(volume[index])

    job = volume_job(Broken(), predictor, store, contrast=Contrast("minmax"))
    with pytest.raises(ImageError, match=r"1 of 8 planes could not be read.*\{0: 6\}.*chunk 6"):
        job.run()
    assert len(store.folders()) == SLICES - 1
    assert [plane.index for plane, state in job.states.items() if state == "failed"] == [6]


def test_a_store_that_cannot_be_written_ends_it(
    volume: np.ndarray, predictor: Predictor, store: ZarrStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise StoreError("no space left on device")

    monkeypatch.setattr(store, "put", full)
    with pytest.raises(StoreError, match="no space left"):
        volume_job(volume, predictor, store).run()


def test_lazy_arrays_with_times_and_channels(
    predictor: Predictor, store: ZarrStore, tmp_path: Path, calls: Counted
) -> None:
    movie = zarr.create_array(str(tmp_path / "m.zarr"), shape=(2, 3, 40, 50, 3), dtype="uint8")
    movie[...] = np.random.default_rng(0).integers(0, 255, movie.shape)
    done = volume_job(movie, predictor, store, axes=(1, 3), fixed={0: 1}).run()
    assert (done.planes, done.encoded, done.contrast) == (53, 53, Contrast())
    calls.planes  # noqa: B018 - begins a new count
    session = Session(movie, predictor, rgb=True, store=store)
    session.plane = Plane.of(4, (1, 2), {0: 1, 3: 49})
    session.encode()
    assert calls.planes == 0
    session.plane = Plane.of(4, fixed={0: 0, 1: 0})  # the other time
    session.encode()
    assert calls.planes == 1
    session.close()


@pytest.mark.parametrize(
    ("shape", "axes", "planes"),
    [((1, 20, 30), (0,), 1), ((4, 1, 30), (0, 1, 2), 35), ((20, 30), (0,), 1)],
)
def test_thin_volumes(
    predictor: Predictor,
    store: ZarrStore,
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    planes: int,
) -> None:
    volume = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    volume[..., 3] = np.nan
    assert volume_job(volume, predictor, store, axes).run().encoded == planes


def test_states_of_slices(
    volume: np.ndarray, predictor: Predictor, store: ZarrStore, calls: Counted
) -> None:
    embeddings = Embeddings(volume, False, predictor, MemoryStore(), store)
    planes = planes_of(volume.shape)
    VolumeEmbedding(embeddings, planes[:3], Contrast()).run()
    job = VolumeEmbedding(embeddings, planes, Contrast("minmax"), batch=1)
    assert list(job.states.values()) == ["stale"] * 3 + ["queued"] * 5
    calls.gate.clear()
    job.focus(planes[4])
    thread = threading.Thread(target=job.run)
    calls.begun = threading.Semaphore(0)
    thread.start()
    assert calls.begun.acquire(timeout=30)
    assert job.states[planes[4]] == "encoding"
    calls.gate.set()
    thread.join(30)
    assert set(job.states.values()) == {"encoded"}


@pytest.mark.parametrize(
    ("precision", "bytes_each"), [("float16", 2), ("float32", 4)], ids=["half", "single"]
)
def test_estimate(
    volume: np.ndarray, predictor: Predictor, tmp_path: Path, precision: str, bytes_each: int
) -> None:
    settings = EmbedSettings(store_precision=precision)
    job = volume_job(volume, predictor, tmp_path / "new" / "v.zarr", settings=settings)
    found = job.estimate()
    assert found.planes == SLICES
    assert found.seconds is not None
    assert found.seconds > 0
    assert found.disk_free
    assert found.fits
    assert found.memory_bytes
    assert not (tmp_path / "new").exists()
    job.run()
    numbers = SLICES * 32 * 4 * 4 * bytes_each
    assert numbers < ZarrStore(tmp_path / "new" / "v.zarr").nbytes <= found.disk_bytes
    assert "8 planes, about" in str(found)


def test_estimate_of_the_shipped_model(store: ZarrStore) -> None:
    from napari_samara.api import load
    from napari_samara.session.embedding_estimate import embedding_numbers

    tiny = load("samara-tiny", device="cpu")
    embedding = tiny.embed(np.zeros((20, 30), np.uint8))
    numbers = sum(array.size for array in embedding.features.values())
    assert embedding_numbers(tiny.model.config) == numbers


def test_weights_without_a_digest_are_not_stored(
    volume: np.ndarray, predictor: Predictor, store: ZarrStore
) -> None:
    from napari_samara.engine.predictor import Predictor

    unnamed = Predictor(predictor.model, predictor.preprocess, None, predictor.device)
    with pytest.raises(StoreError, match="digest"):
        volume_job(volume, unnamed, store)


def test_an_empty_axis(predictor: Predictor, store: ZarrStore) -> None:
    with pytest.raises(ImageError):
        volume_job(np.zeros((0, 5, 6), np.uint8), predictor, store)


# A session beside the job


@pytest.fixture
def session(predictor: Predictor, store: ZarrStore) -> Iterator[Session]:
    """On a volume of 512 slices of 32 x 32; a thread of its own."""
    volume = np.random.default_rng(0).integers(0, 255, (512, 32, 32)).astype(np.uint8)
    made = Session(volume, predictor, store=store, runner=ThreadRunner())
    yield made
    made.close()


def test_the_first_click_waits_for_one_slice(
    session: Session, predictor: Predictor, calls: Counted
) -> None:
    job = session.slices_job()
    stop = threading.Event()
    calls.gate.clear()

    def run() -> None:
        with pytest.raises(CancelledError):
            job.run(cancelled=stop.is_set)

    thread = threading.Thread(target=run)
    thread.start()
    assert calls.begun.acquire(timeout=30)  # slice 0 is being encoded, others are read already
    session.plane = session.plane.at(300)
    session.add(point(300, 16, 16))
    calls.gate.set()
    assert session.wait(30)
    stop.set()
    thread.join(30)
    assert session.candidate is not None
    # Whoever came first, the click or the job that was told of the slice: it was encoded as soon
    # as slice 0 was, and once.
    rgb = np.repeat(session.image[300][..., None], 3, axis=2)
    wanted = prepare(predictor, rgb, predictor.key(rgb, Contrast())).pixels
    found = [np.array_equal(pixels, wanted) for pixels in calls.pixels]
    assert found[1]
    assert sum(found) == 1


def test_scrolling_tells_the_job(session: Session, calls: Counted) -> None:
    session.plane = session.plane.at(100)
    job = session.slices_job()
    told: list[int] = []
    stop = threading.Event()

    def progress(now: VolumeProgress) -> None:
        told.append(now.plane.index or 0)
        if len(told) == 2:
            session.plane = session.plane.at(400)  # in this thread: the job is in the same one
        if len(told) == 14:
            stop.set()

    with pytest.raises(CancelledError):
        job.run(progress, stop.is_set)
    assert told[0] == 100
    assert 400 in told[2:8]  # a few were encoded already, and waited to be written
    assert sum(index > 350 for index in told) >= 4


def test_what_the_job_encoded_is_not_read_again(session: Session, calls: Counted) -> None:
    job = session.slices_job([Plane.of(3, fixed={0: index}) for index in (5, 6)])
    job.run()
    assert calls.planes == 2
    session._decoder.embeddings._image = None  # reading it would raise
    session.plane = session.plane.at(6)
    session.encode()
    assert session.wait(30)
    assert session.status.state == "idle"
    assert calls.planes == 0


def test_what_the_session_encoded_is_not_encoded_by_the_job(
    session: Session, calls: Counted
) -> None:
    session.plane = session.plane.at(5)
    session.encode()
    assert session.wait(30)
    done = session.slices_job([session.plane, session.plane.at(6)]).run()
    assert (done.encoded, done.found) == (1, 1)
    assert calls.planes == 2


def test_a_job_of_a_session_on_one_plane(
    predictor: Predictor, store: ZarrStore, volume: np.ndarray
) -> None:
    session = Session(volume[0], predictor, store=store)
    assert session.slices_job().run().encoded == 1
    session.close()
