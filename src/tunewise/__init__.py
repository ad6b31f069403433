"""Tunewise."""
