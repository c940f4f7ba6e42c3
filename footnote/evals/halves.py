"""Every set is cut in two by its ids: what is fitted to one half is measured on the other."""

from hashlib import sha256


def is_held_back(identifier: str) -> bool:
    """True for the half that nothing was fitted to; the same for an id in every run."""
    return sha256(identifier.encode()).digest()[0] % 2 == 1
