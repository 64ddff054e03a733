"""The rows of the catalog. Facts only; see `catalog` for what is done with them."""

from __future__ import annotations

from dataclasses import dataclass

from napari_samara.checkpoints.transfer import Source

_META = "https://dl.fbaipublicfiles.com/segment_anything"
_HUB = "https://huggingface.co"
_ZOO = "https://uk1s3.embassy.ebi.ac.uk/public-datasets/bioimage.io"
_MOBILE = "https://raw.githubusercontent.com/ChaoningZhang/MobileSAM"


@dataclass(frozen=True)
class Entry:
    """What is published about one checkpoint.

    Attributes
    ----------
    name, family, size_mb, licence, description, sources, unscaled
        As in `catalog.CheckpointInfo`.
    """

    name: str
    family: str
    size_mb: float
    licence: str
    description: str
    sources: tuple[Source, ...] = ()
    unscaled: bool = False


def _sam(size: str, filename: str, nbytes: int, sha256: str, hub: tuple[str, str]) -> Entry:
    """SAM as Meta published it, and the same weights as transformers keeps them."""
    words = {"b": "base, the quickest", "l": "large", "h": "huge, the most accurate"}
    return Entry(
        f"sam-vit-{size}",
        f"vit_{size}",
        round(nbytes / 1e6, 1),
        "Apache-2.0",
        f"Segment Anything, ViT {words[size]} of the three; photographs",
        (
            Source(f"{_META}/{filename}", filename, nbytes, sha256),
            Source(
                f"{_HUB}/{hub[0]}/resolve/main/model.safetensors",
                "model.safetensors",
                sha256=hub[1],
            ),
        ),
    )


def _slim(percent: int, size_mb: float, sha256: str) -> Entry:
    repository = f"nielsr/slimsam-{percent}-uniform"
    return Entry(
        f"slimsam-{percent}",
        "vit",
        size_mb,
        "Apache-2.0",
        f"SlimSAM: SAM ViT-B with {percent} % of the encoder's width pruned away; photographs",
        (
            Source(
                f"{_HUB}/{repository}/resolve/main/model.safetensors",
                "model.safetensors",
                sha256=sha256,
            ),
        ),
    )


def _micro(size: str, domain: str, model: str) -> Entry:
    """Describe a generalist of micro-sam, from the BioImage model zoo."""
    suffix, words = {
        "lm": ("lm", "cells and nuclei in light microscopy"),
        "em": ("em-organelles", "mitochondria and nuclei in electron microscopy"),
    }[domain]
    family, size_mb = {"t": ("tiny_vit", 41), "b": ("vit_b", 375), "l": ("vit_l", 1250)}[size]
    return Entry(
        f"micro-sam-vit-{size}-{suffix}",
        family,
        size_mb,
        "CC-BY-4.0",
        f"micro-sam generalist, ViT-{size.upper()}: {words}",
        (Source(f"{_ZOO}/{model}/files/vit_{size}.pt", f"vit_{size}.pt"),),
    )


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "samara-tiny",
        "samara",
        6.0,
        "BSD-3-Clause",
        "small model shipped with napari-samara: cells and nuclei, quick on a laptop",
    ),
    _sam(
        "b",
        "sam_vit_b_01ec64.pth",
        375_042_383,
        "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        (
            "facebook/sam-vit-base",
            "892c410e496344e527255ccdcb2cb7244a609acb5389c7c4fdba1288f861c579",
        ),
    ),
    _sam(
        "l",
        "sam_vit_l_0b3195.pth",
        1_249_524_607,
        "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        (
            "facebook/sam-vit-large",
            "a57e1b13cd1545938dfcbc9fb26df7f60de6650237a9383382a874a623564b81",
        ),
    ),
    _sam(
        "h",
        "sam_vit_h_4b8939.pth",
        2_564_550_879,
        "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        (
            "facebook/sam-vit-huge",
            "edfb0462392541fca9af44ff039bfb32dbd0c939997f3abb77a26e23af7afd7c",
        ),
    ),
    Entry(
        "mobile-sam",
        "tiny_vit",
        40.7,
        "Apache-2.0",
        "MobileSAM: SAM with a TinyViT encoder distilled from ViT-H; photographs",
        (
            Source(
                f"{_MOBILE}/f706ad9c4eb7f219c00d9050e46328518ffb65d2/weights/mobile_sam.pt",
                "mobile_sam.pt",
                40_728_226,
                "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
            ),
        ),
    ),
    _slim(50, 112, "c6146291d993f315ae1951e1209555d6c9dea1404546dc54edbc3f15fb1d8e69"),
    _slim(77, 38.9, "b0ee221e3d33935807a820c157fec81a537b3b9979edc88b148a8dae8bbdd5d2"),
    Entry(
        "medsam",
        "vit_b",
        375,
        "CC-BY-4.0",
        "MedSAM: ViT-B trained with boxes on 1.5 million medical masks (CT, MRI, ultrasound, ...)",
        (
            Source(
                "https://zenodo.org/records/10689643/files/medsam_vit_b.pth",
                "medsam_vit_b.pth",
                md5="3bb6db55bd0c9ca30b61248bca72f8d6",
            ),
        ),
        unscaled=True,
    ),
    Entry(
        "lite-medsam",
        "tiny_vit",
        39,
        "Apache-2.0",
        "LiteMedSAM: TinyViT at 256 pixels, distilled from MedSAM; boxes only",
        (
            Source(
                "https://drive.usercontent.google.com/download"
                "?id=18Zed-TUTsmr2zc5CHUWd5Tu13nb6vq6z&export=download&confirm=t",
                "lite_medsam.pth",
                sha256="79d8c9dca6db4d69d3f905579e5250af05e859fff9c1f543e89a513c3028ce76",
            ),
        ),
        unscaled=True,
    ),
    _micro("t", "lm", "faithful-chicken/1.1"),
    _micro("b", "lm", "diplomatic-bug/1.2"),
    _micro("l", "lm", "idealistic-rat/1.2"),
    _micro("t", "em", "greedy-whale/1"),
    _micro("b", "em", "noisy-ox/1.2"),
    _micro("l", "em", "humorous-crab/1.2"),
)
