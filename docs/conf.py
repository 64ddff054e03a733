"""Sphinx settings: Markdown pages, the Python API from docstrings, warnings as errors."""

from __future__ import annotations

import napari_samara

project = "napari-samara"
author = "napari-samara contributors"
project_copyright = author
version = release = napari_samara.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings name types with shape and frame
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = f"napari-samara {release}"
html_copy_source = False
