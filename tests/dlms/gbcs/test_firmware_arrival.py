"""Firmware images that arrive: what is held, and what is not. Layout of the file: facts 11."""

import hashlib
import struct

import builder as b
from hypothesis import given
from hypothesis import strategies as st

from slotmeter.boards.pc import firmware_file
from slotmeter.dlms.gbcs.firmware_images import FirmwareImages
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

KEY = b.private_key("authority of firmware")
SIGNER = b.public_key(KEY)
CRYPTO = HostCrypto()
VERSION = 0x0A0B0C0D
HELD = bytes.fromhex("0A0B0C0D")


def signed(image, signer=KEY):
    return b.sign(signer, image)


def file_of(image=b"a program", version=VERSION, signature=None, **changes):
    """A file as the over-the-air cluster has it, fields little-endian, with some of them changed."""
    fields = {
        "magic": 0x0BEEF11E,
        "header_version": 0x0100,
        "header_length": 60,
        "control": 0x0004,
        "tag": b"\x00\x40",
        "size": 60 + len(image) + 66,
    }
    fields.update(changes)
    header = struct.pack(
        "<IHHHHHIH32sIHH",
        fields["magic"],
        fields["header_version"],
        fields["header_length"],
        fields["control"],
        0xFFFF,
        0,
        version,
        2,
        b"name",
        fields["size"],
        0,
        0xFFFF,
    )
    return header + image + fields["tag"] + (signed(image) if signature is None else signature)


def receive(file, signer=SIGNER):
    images = FirmwareImages(Records(VirtualStore()))
    return images, images.receive(file, CRYPTO, signer)


def test_a_signed_image_is_held_with_its_hash_and_version():
    images, answer = receive(file_of())
    digest = hashlib.sha256(b"a program").digest()
    assert answer == (digest, True)
    assert images.held() == (digest, HELD)


def test_another_signature_leaves_what_was_held():
    for signature in (signed(b"a program", b.private_key("another")), signed(b"another program"), bytes(64)):
        images, _ = receive(file_of(b"the first"))
        held = images.held()
        digest = hashlib.sha256(b"a program").digest()
        assert images.receive(file_of(signature=signature), CRYPTO, SIGNER) == (digest, False)
        assert images.held() == held


def test_without_a_signer_nothing_is_held():
    assert receive(file_of(), b"")[1] == (hashlib.sha256(b"a program").digest(), False)


def test_a_file_of_another_form_is_no_image():
    for file in (
        b"",
        file_of()[:-1],
        file_of() + b"\x00",
        file_of(b""),
        file_of(magic=0x0BEEF11F),
        file_of(header_length=56),
        file_of(control=0),
        file_of(size=5),
        file_of(tag=b"\x00\x41"),
    ):
        images, answer = receive(file)
        assert answer == (hashlib.sha256(file).digest(), False)
        assert images.held() is None


@given(place=st.integers(0), bit=st.integers(0, 7))
def test_no_changed_octet_of_image_or_signature_is_held(place, bit):
    file = bytearray(file_of())
    place = 60 + place % (len(file) - 60)
    file[place] ^= 1 << bit
    images, answer = receive(bytes(file))
    assert not answer[1] and images.held() is None


@given(st.binary(max_size=300))
def test_octets_from_anywhere_are_refused(data):
    images, answer = receive(data)
    assert answer == (hashlib.sha256(data).digest(), False)
    images, answer = receive(file_of()[:60] + data)
    assert not answer[1]


def test_the_bench_makes_such_files():
    file, digest = firmware_file.make(CRYPTO, HELD, KEY.to_bytes(32, "big"))
    images, answer = receive(file)
    assert answer == (digest, True) and images.held() == (digest, HELD)
