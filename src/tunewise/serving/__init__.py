"""Serving: what won, over HTTP, for clients that people already have."""
