"""Stateless inference: planes to embeddings, prompts to masks."""
