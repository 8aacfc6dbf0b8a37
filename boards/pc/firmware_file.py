"""Firmware images as files of the over-the-air cluster, signed by who authorises them (facts 11)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slotmeter.hal.crypto import Crypto

# What stands for a manufacturer's program: an emulated meter runs none of it.
_OCTETS = 1024


def make(crypto: "Crypto", version: bytes, private: bytes) -> "tuple[bytes, bytes]":
    """(the file, SHA-256 of the image in it) of an image of this version (4 octets), signed with a private key."""
    image = b"slotmeter " + version * ((_OCTETS - 10) // 4)
    size = 60 + len(image) + 66
    header = b"".join(
        (
            # Identifier, version and length of the header, and that hardware versions are in it.
            bytes.fromhex("1EF1EE0B 0001 3C00 0400"),
            # Manufacturer, image type, file version, stack version, each with its lowest octet first.
            bytes.fromhex("FFFF 0000"),
            version[::-1],
            b"\x02\x00",
            b"slotmeter".ljust(32, b"\x00"),
            size.to_bytes(4, "little"),
            bytes.fromhex("0000 FFFF"),
        )
    )
    return header + image + b"\x00\x40" + crypto.sign(private, image), crypto.sha256(image)
