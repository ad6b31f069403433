"""Memory: how much of it this machine has."""

import os


def memory() -> int:
    """Bytes of this machine's memory; 8 GB where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8 * 2**30
