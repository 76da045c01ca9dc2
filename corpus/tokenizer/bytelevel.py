"""GPT-2's way to write bytes as characters."""

from __future__ import annotations

NUM_BYTES = 256


def byte_characters() -> dict[int, str]:
    """GPT-2's printable character for each byte: itself where printable, else U+0100 and on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(NUM_BYTES) if byte not in printable]
    shown = {byte: chr(byte) for byte in printable}
    return shown | {byte: chr(NUM_BYTES + n) for n, byte in enumerate(others)}


# The bytes in the order of GPT-2's characters for them, which is that of their ids.
BYTES_BY_ID = bytes(byte for _, byte in sorted((c, b) for b, c in byte_characters().items()))
