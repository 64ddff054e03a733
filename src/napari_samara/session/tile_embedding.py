"""The windows of one large plane encoded into a store, nearest to what is looked at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_samara.engine.tile_grid import TileGrid
from napari_samara.session.volume_embedding import VolumeEmbedding

if TYPE_CHECKING:
    from napari_samara.intensity import Contrast
    from napari_samara.masks import PixelBox
    from napari_samara.planes import Plane
    from napari_samara.session.embeddings import Embeddings


class TileEmbedding(VolumeEmbedding):
    """Encodes windows of a plane: those that prompts in a part of it are going to need.

    Made for one run, cancelled and gone on with like `VolumeEmbedding`; its planes are those of
    the grid, a stack of windows.

    Parameters
    ----------
    embeddings : Embeddings
        Image, model and store.
    plane : Plane
        As shown.
    side : int
        Of the windows.
    contrast : Contrast
        How values become 8-bit.
    within : tuple of int, optional
        Half-open part of the plane; all of it if left out.

    Raises
    ------
    StoreError
        As for `VolumeEmbedding`.
    ImageError
        If nothing of the plane lies in that part.
    """

    def __init__(
        self,
        embeddings: Embeddings,
        plane: Plane,
        side: int,
        contrast: Contrast,
        within: PixelBox | None = None,
    ) -> None:
        self.grid, self._shown = TileGrid(embeddings.size(plane), side), plane
        super().__init__(embeddings, self.grid.tiles(within), contrast)

    def place(self, plane: Plane) -> tuple[Plane, PixelBox | None]:
        """Return the plane of the image, and the window."""
        return self._shown, self.grid.box(plane)

    def look_at(self, row: float, col: float) -> None:
        """Encode the window around a point next, then those around it.

        Parameters
        ----------
        row, col : float
            In pixels of the plane, the middle of the view for instance.
        """
        self.focus(self.grid.tile_at(row, col))
