"""Readers of other frameworks' files: each turns a trained model into a graph description and weights."""
