"""Dock widgets and the parts they are made of."""
