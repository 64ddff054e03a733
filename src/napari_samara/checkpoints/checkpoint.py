"""What is known of weights once they are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Checkpoint:
    """Identity of the weights of a model; kept in saved records and embedding keys.

    Attributes
    ----------
    name : str
        Catalog name, hub id, or the file or folder name.
    path : Path
        Where the weights were read from.
    family : str
        ``vit_b``, ``vit_l``, ``vit_h``, ``vit`` (any other size), ``tiny_vit`` or ``samara``.
    sha256 : str
        Digest of the file, or of the files of a folder (see `digest.folder_digest`).
    licence : str or None
        As stated by the catalog or by the model card beside the weights.
    revision : str or None
        Commit, for weights from the Hugging Face hub.
    """

    name: str
    path: Path
    family: str
    sha256: str
    licence: str | None = None
    revision: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a json record.

        Returns
        -------
        dict
            Without the path, which means nothing on another machine.
        """
        return {
            "name": self.name,
            "family": self.family,
            "sha256": self.sha256,
            "licence": self.licence,
            "revision": self.revision,
        }
