"""What is annotated, and how it is kept; no Qt."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_samara.session.journal import Journal
from napari_samara.session.opening import stored_labels

if TYPE_CHECKING:
    import os

    from napari_samara.session import SavedSession
    from napari_samara.session.restored import Restored
    from napari_samara.store import EmbeddingStore
    from napari_samara.ui.binding import ImageBinding

_NAME_LENGTH = 40


@dataclass(frozen=True, eq=False)
class Keeping:
    """How an annotation is kept.

    Attributes
    ----------
    journal : Journal or path-like, optional
        Folder in which every accepted object is made durable.
    saved : Restored or SavedSession, optional
        What to go on with.
    store : EmbeddingStore, optional
        Keeps embeddings beyond the annotation.
    """

    journal: Journal | str | os.PathLike[str] | None = None
    saved: Restored | SavedSession | None = None
    store: EmbeddingStore | None = None

    @property
    def folder(self) -> Path | None:
        """Folder of the journal; None where there is none."""
        if self.journal is None:
            return None
        return self.journal.folder if isinstance(self.journal, Journal) else Path(self.journal)

    def close(self) -> None:
        """Let go of a journal, and of labels on the disk, that no session took over."""
        if isinstance(self.journal, Journal):
            self.journal.close()
        stored = stored_labels(getattr(self.saved, "labels", None))
        if stored is not None:
            stored.release()


@dataclass(frozen=True, eq=False)
class Subject:
    """The image that is annotated, as far as saving is concerned.

    Attributes
    ----------
    name : str
        Of its layer.
    data : array
        Of one level, channels last if `rgb`.
    rgb : bool
        Whether the last axis holds channels.
    source : str or None
        File it was read from.
    """

    name: str
    data: Any
    rgb: bool = False
    source: str | None = None

    @classmethod
    def of(cls, binding: ImageBinding) -> Subject:
        """Return the subject of an image of a viewer."""
        return cls(binding.layer.name, binding.data, binding.rgb, binding.source)

    def home(self, root: Path) -> Path:
        """Folder of this image.

        Parameters
        ----------
        root : Path
            Below which it is.

        Returns
        -------
        Path
            It may not exist yet.
        """
        shape = tuple(int(size) for size in self.data.shape)
        identity = f"{self.source or self.name}\n{shape}\n{self.data.dtype}"
        digest = hashlib.sha256(identity.encode(errors="replace")).hexdigest()[:8]
        name = re.sub(r"[^\w.-]+", "-", self.name)[:_NAME_LENGTH].strip("-.") or "image"
        return root / f"{name}-{digest}"
