"""Readers of other frameworks' files: each turns a trained model into a description (docs/model-format.md) and weights."""
