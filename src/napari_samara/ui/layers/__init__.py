"""Layers of the viewer as sources of prompts and as places for masks."""
