"""Helpers under the names that keras-vis gave them."""
