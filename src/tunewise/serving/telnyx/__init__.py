"""Telnyx's shape: the calls that their clients make under /v2, with their fields and errors."""
