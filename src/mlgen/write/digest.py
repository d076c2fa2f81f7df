"""Digests of files. Imports nothing heavy: the no-change `check` runs through here."""

try:  # a fraction of the time that hashlib takes to import
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b


def digest(data: bytes, size: int = 16) -> str:
    """A digest of the bytes, `size` bytes in hexadecimal, the same everywhere."""
    return blake2b(data, digest_size=size).hexdigest()
