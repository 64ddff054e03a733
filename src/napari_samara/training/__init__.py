"""Training of samara-tiny and, with the same loop, of a user's own checkpoints."""
