"""Annotate coins from a script: prompt, look at the score, accept, read the labels.

Run it with ``python examples/annotate.py``; the window stays open for going on by hand.
"""

from __future__ import annotations

import napari
from skimage import data

import napari_samara as samara
from napari_samara.prompts import box, point


def annotate_coins(viewer: napari.Viewer) -> samara.ui.Annotator:
    """Annotate two coins and return the handle."""
    image = viewer.add_image(data.coins(), name="coins")
    handle = samara.ui.annotate(viewer, image, checkpoint="samara-tiny")
    session = handle.session

    # A prompt given to the session shows in the layers ...
    session.add(box(173, 80, 219, 126))
    session.wait()
    print(f"box: predicted IoU {session.candidate.score:.2f}")
    session.accept()

    # ... and one drawn in a layer reaches the session.
    handle.points.add([51, 155])
    session.wait()
    session.add(point(20, 155, positive=False))
    session.wait()
    session.accept()
    session.wait()

    for label, record in session.objects.items():
        print(f"object {label}: {record.area} pixels, score {record.score:.2f}")
    return handle


if __name__ == "__main__":
    annotate_coins(napari.Viewer())
    napari.run()
