"""Engines: the libraries that compute vectors, and which of them is quickest here."""
