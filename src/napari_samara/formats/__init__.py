"""Kinds of files, each read and written by its own library."""
