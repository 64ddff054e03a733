"""What a session looks like at a moment: what a step is saved with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.session.label_runs import blocks_of, encode_blocks, without_edits
from napari_samara.session.record import SavedSession

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_samara.session.edits import LabelEdit


@dataclass(frozen=True, eq=False)
class Scene:
    """What a step is saved with.

    Attributes
    ----------
    about : dict
        Entries of the session file that no label depends on.
    image, labels : array
        Read when the first step is saved.
    """

    about: Mapping[str, Any]
    image: Any
    labels: Any

    def described(self, digest: str | None) -> dict[str, Any]:
        """Return `about` with the digest of the image."""
        about = dict(self.about)
        about["image"] = {**about["image"], "sha256": digest}
        return about

    def news(self, about: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `about` has otherwise, under that name; nothing where there is nothing."""
        changed = {
            name: value
            for name, value in self.about.items()
            if name != "image" and about.get(name) != value
        }
        return {"about": changed} if changed else {}

    def start(self, digest: str | None, made: Sequence[LabelEdit] = ()) -> SavedSession:
        """Session before its first step.

        Parameters
        ----------
        digest : str or None
            Of the image.
        made : sequence of LabelEdit
            Edits of the first step that the labels have already.

        Returns
        -------
        SavedSession
            Without a step.
        """
        labels = self.labels
        shape = tuple(int(size) for size in labels.shape)
        kind = np.dtype(labels.dtype).str
        begun = None
        if made or not getattr(labels, "blank", False):
            begun = encode_blocks(without_edits(blocks_of(labels), made))
        return SavedSession(self.described(digest), shape, kind, begun)
