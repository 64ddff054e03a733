"""Segment Anything annotation for napari, with or without a viewer."""
