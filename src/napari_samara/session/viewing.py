"""What a session looks at: plane, model, contrast, settings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_samara.engine.crops import CROPS, turned_box
from napari_samara.engine.plane_jobs import ENCODED, QUEUED
from napari_samara.errors import ImageError, SessionError
from napari_samara.session.base import SessionBase
from napari_samara.session.decoder import LIVE
from napari_samara.session.draft import MODES
from napari_samara.session.events import Status
from napari_samara.session.kept_slices import kept_states
from napari_samara.session.request import upright
from napari_samara.session.tile_embedding import TileEmbedding
from napari_samara.session.volume_embedding import STALE, VolumeEmbedding
from napari_samara.store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_samara.intensity import Contrast
    from napari_samara.masks import PixelBox
    from napari_samara.planes import Plane
    from napari_samara.session.embeddings import PredictorLike
    from napari_samara.settings import PredictSettings


class ViewingSession(SessionBase):
    """A session as far as it is told what to look at, and how; see `Session`."""

    _slices: VolumeEmbedding | None = None

    @property
    def plane(self) -> Plane:
        """The plane looked at, as it is shown; settable, see `set_plane`."""
        return self._plane

    @plane.setter
    def plane(self, plane: Plane) -> None:
        self.set_plane(plane)

    def set_plane(self, plane: Plane) -> None:
        """Look at another plane; nothing is encoded unless it has prompts.

        Parameters
        ----------
        plane : Plane
            Rows may run along the later axis: masks then come transposed as well.

        Raises
        ------
        ImageError
            If it does not lie in the image.
        """
        if plane.ndim != len(self._shape):
            raise ImageError(f"{plane} belongs to another image than one of shape {self._shape}")
        plane.size(self._shape)
        if plane != self._plane:
            self._plane = plane
            if self._slices is not None:
                self._slices.focus(plane)
            self._update()
            self._tell_candidates()
            self.events.stale.emit(self.stale)

    @property
    def predictor(self) -> PredictorLike:
        """The model; settable, then everything is encoded and decoded anew."""
        return self._predictor

    @predictor.setter
    def predictor(self, predictor: PredictorLike) -> None:
        if predictor.checkpoint is None or self._predictor.checkpoint is None:
            self._memory = MemoryStore()  # keys do not tell weights without a digest apart
        self._predictor = predictor
        self._decoder.embeddings = self._embeddings()
        self._decoder.encoded.clear()
        self._update()
        self.events.stale.emit(self.stale)

    @property
    def contrast(self) -> Contrast:
        """How intensities become what the model sees; settable.

        A plane that is encoded stays with its contrast, and `stale` says so, until `encode`.
        """
        return self._contrast

    @contrast.setter
    def contrast(self, contrast: Contrast) -> None:
        self._contrast = contrast
        self._update()
        self.events.stale.emit(self.stale)

    @property
    def settings(self) -> PredictSettings:
        """Threshold and clean-up of masks; settable, then prompts are decoded anew."""
        return self._settings

    @settings.setter
    def settings(self, settings: PredictSettings) -> None:
        self._settings = settings
        self._update()

    @property
    def crop(self) -> str:
        """What is encoded for a prompt, one of `crops.CROPS`; settable, then it is decoded anew.

        Objects that are accepted, and a reopened one whose prompts are the same, stay as they are.
        """
        return self._crop

    @crop.setter
    def crop(self, crop: str) -> None:
        if crop not in CROPS:
            raise SessionError(f"crop {crop!r} is none of {', '.join(CROPS)}")
        self._crop = crop
        self._update()

    @property
    def view(self) -> PixelBox | None:
        """Part of the current plane that is on the screen, half-open, as shown; settable.

        Setting it encodes nothing: the next prompt is decoded in it where `crop` is ``"view"``.
        None where it is not known.
        """
        here = self._view
        if here is None or here[0] != upright(self._plane):
            return None
        return turned_box(here[1]) if self._plane.transposed else here[1]

    @view.setter
    def view(self, box: PixelBox | None) -> None:
        shown = turned_box(box) if self._plane.transposed else box
        self._view = None if shown is None else (upright(self._plane), shown)

    @property
    def mode(self) -> str:
        """What accept may write over, settable.

        ``"keep"``: nothing.  ``"overwrite"``: any label.  ``"overwrite-unaccepted"``: labels that
        were there before and are not objects of this session.
        """
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        if mode not in MODES:
            raise SessionError(f"mode {mode!r} is none of {', '.join(MODES)}")
        self._mode = mode

    @property
    def stale(self) -> bool:
        """Whether the current plane was encoded with another contrast than `contrast`."""
        return self._decoder.encoded.get(self._plane, self._contrast) != self._contrast

    @property
    def status(self) -> Status:
        """What is going on."""
        return self._status

    @property
    def awaits_masks(self) -> bool:
        """Whether masks of the open object are asked for and have not come yet."""
        return self._decoder.asked is not None

    def encode(self) -> None:
        """Encode the current plane with the contrast that is set, and decode its prompts anew.

        Where the masks there are were found in a crop, that is encoded instead.

        Raises
        ------
        SamaraError
            What reading and encoding raise, with the inline runner; otherwise `status` tells.
        """
        plane, contrast, embeddings = self._plane, self._contrast, self._decoder.embeddings
        answer = self._decoder.answer(plane)
        crop = answer.crop if answer is not None else None

        def done(_: object) -> None:
            self._decoder.encoded[plane] = contrast
            self._on_status(Status())
            self._update()
            self.events.stale.emit(self.stale)

        self._decoder.cancel()
        self._decoder.submit(
            LIVE, lambda report: embeddings.get(plane, contrast, report, crop), done
        )

    def slices_job(self, planes: Sequence[Plane] | None = None) -> VolumeEmbedding:
        """Return a job that encodes slices into the store of this session, with its contrast.

        Nothing is begun: `VolumeEmbedding.run` is to be called in another thread, since this
        session goes on meanwhile.  The slice looked at comes first, and `set_plane` tells the job.

        Parameters
        ----------
        planes : sequence of Plane, optional
            Which; left out, all along the axis that the current plane is scrolled along, as shown.

        Returns
        -------
        VolumeEmbedding
            For one run.

        Raises
        ------
        StoreError
            If the session has no store, or the weights have no digest.
        ImageError
            If there is no plane.
        """
        here = self._plane
        if planes is None:
            along = range(self._shape[here.axis]) if here.axis is not None else ()
            planes = [here.at(index) for index in along] or [here]
        job = VolumeEmbedding(self._decoder.embeddings, planes, self._contrast)
        job.focus(here)
        self._slices = job
        return job

    def tiles_job(self, within: PixelBox | None = None) -> TileEmbedding:
        """Return a job that encodes windows of the current plane into the store of this session.

        They are those in which prompts with `crop` ``"object"`` are decoded: of objects of the
        usual size, or as large as the model input.  Nothing is begun, see `slices_job`; what is
        in the middle of `view` comes first.

        Parameters
        ----------
        within : tuple of int, optional
            Half-open part of the plane; `view` if left out, or all where that is not known.

        Returns
        -------
        TileEmbedding
            For one run.

        Raises
        ------
        StoreError
            If the session has no store, or the weights have no digest.
        SessionError
            If the plane is no larger than such a window: encode it whole.
        ImageError
            If nothing of the plane lies in that part.
        """
        looking, here = self._state().looking, self._plane
        side, size = looking.usual or looking.input_size, here.size(self._shape)
        if not 0 < side < max(size):
            raise SessionError(
                f"a plane of {size[0]} x {size[1]} pixels is looked at whole; tiles are for planes "
                f"larger than {side or 'the model input'}"
            )
        view = within or self.view
        job = TileEmbedding(self._decoder.embeddings, here, side, self._contrast, view)
        row0, col0, row1, col1 = self.view or view or (0, 0, *size)
        job.look_at((row0 + row1) / 2, (col0 + col1) / 2)
        return job

    def slice_states(self, planes: Sequence[Plane]) -> dict[Plane, str]:
        """Tell of planes whether they are encoded, as far as this session knows; reads nothing.

        Parameters
        ----------
        planes : sequence of Plane
            Of the image.

        Returns
        -------
        dict of Plane to str
            ``"encoded"``, ``"stale"`` (with another contrast than `contrast`) or ``"queued"``.
        """
        known = self._decoder.embeddings.contrasts
        return {plane: _known_state(known(plane), self._contrast) for plane in planes}

    def kept_reader(self, planes: Sequence[Plane]) -> Callable[[], dict[Plane, str]]:
        """Return what looks into the store for planes, as by `slice_states`; for any thread.

        The names of the planes are compared, not their pixels: a job that encodes them notices
        what has changed since.

        Parameters
        ----------
        planes : sequence of Plane
            Of the image.
        """
        embeddings, contrast = self._decoder.embeddings, self._contrast
        return partial(kept_states, embeddings, tuple(planes), contrast)

    def encoder_input(self) -> NDArray[np.uint8]:
        """Return the current plane as the model sees it, uint8 (rows, cols, 3)."""
        return self.encoder_reader()()

    def encoder_reader(self) -> Callable[[], NDArray[np.uint8]]:
        """Return what reads `encoder_input` as it is now; may be called in any thread."""
        encoded = self._decoder.encoded.get(self._plane, self._contrast)
        return partial(self._decoder.embeddings.encoder_input, self._plane, encoded)


def _known_state(known: Collection[Contrast], wanted: Contrast) -> str:
    """Return the state of a plane that is known to be encoded with some contrasts."""
    if wanted in known:
        return ENCODED
    return STALE if known else QUEUED
