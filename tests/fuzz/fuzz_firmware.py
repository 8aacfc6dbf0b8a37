"""Fuzzes image files that arrive: nothing but the image that was signed, under its own hash, is ever held."""

import hashlib

import mutate

from slotmeter.boards.pc import firmware_file
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs.firmware_images import FirmwareImages
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

b = mutate.builder
KEY = b.private_key("authority of firmware")
SIGNER = b.public_key(KEY)
CRYPTO = HostCrypto()
SEEDS = [firmware_file.make(CRYPTO, bytes((0, 0, 0, number)), KEY.to_bytes(32, "big"))[0] for number in range(5)]
SIGNED = {hashlib.sha256(file[60:-66]).digest() for file in SEEDS}


def parse(data):
    images = FirmwareImages(Records(VirtualStore()))
    digest, held = images.receive(data, CRYPTO, SIGNER)
    assert len(digest) == 32
    assert (images.held() is not None) == held
    if not held:
        raise DecodeError("not held", 0)
    assert digest in SIGNED and images.held()[0] == digest, "an image that nobody signed"


TARGET = mutate.Target("dlms/gbcs/firmware_images.py", SEEDS, parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
