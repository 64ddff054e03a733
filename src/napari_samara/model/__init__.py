"""Segment Anything in PyTorch, with the class names and conventions of Hugging Face transformers."""
