"""The reference test data set (RTDS), read for tests: messages, keys and shared secrets. Imports nothing of slotmeter.

It is not part of this repository. RTDS_DIR names the folder that holds RTDS-4.5.0/ and decoded/, VECTORS_DIR the one
with gbcs-crypto-vectors.json; without them ../shared/rtds and ../shared/vectors beside the repository are tried.
"""

import json
import os
from pathlib import Path

HOW_TO_GET_IT = "RTDS 4.5.0 is in the test folder of SmartDCCInnovation/gbcs-parser; set RTDS_DIR"

_BESIDE = Path(__file__).resolve().parents[3] / "shared"

# What the whole data set of 1275 files has (a part of it has less).
WHOLE = {"files": 1275, "macs": 811, "signatures": 472, "encrypted parts": 63, "messages with encrypted parts": 48}


class DataSet:
    """folder: where it is; files: [(name, octets)] sorted by name; keys: (entity, usage, cell usage) -> {"public",
    "private"}; secrets: (device, party, cell usage) -> Z; decoded: name -> what another decoder made of the file.
    """

    def __init__(self, folder, vectors):
        self.folder = folder
        self.files = []
        for path in sorted((folder / "RTDS-4.5.0").glob("*/*.HEX")):
            octets = bytes.fromhex(path.read_text(encoding="ascii").strip())
            self.files.append((path.parent.name + "/" + path.name, octets))
        self.keys = {}
        self.secrets = {}
        self.decoded = {}
        published = json.loads((vectors / "gbcs-crypto-vectors.json").read_text(encoding="utf-8"))
        for key in published["keys"]:
            place = (bytes.fromhex(key["entity_id"]), key["usage"], key["cell_usage"])
            private = key.get("private_scalar")
            self.keys[place] = {
                "public": bytes.fromhex(key["public_point"])[1:],
                "private": int(private, 16) if private else None,
            }
        for secret in published["static_shared_secrets"]:
            place = (bytes.fromhex(secret["device"]), bytes.fromhex(secret["party"]), secret["cell_usage"])
            self.secrets[place] = bytes.fromhex(secret["z"])
        messages = folder / "decoded" / "messages.jsonl"
        if messages.is_file():
            for line in messages.read_text(encoding="utf-8").splitlines():
                message = json.loads(line)
                self.decoded[message["dir"] + "/" + message["file"]] = message

    def secret(self, device, party):
        """Z of a device and a remote party for messages, or None when it cannot be known."""
        return self.secrets.get((device, party, "management"))

    def public(self, entity, usage):
        """The 64-octet public key of an entity: usage "digitalSignature" or "keyAgreement"."""
        return self.keys[(entity, usage, "management")]["public"]

    def is_whole(self):
        """Whether no file is missing."""
        return len(self.files) == WHOLE["files"]


def find():
    """The DataSet, or None when it is not there."""
    folder = Path(os.environ.get("RTDS_DIR", _BESIDE / "rtds"))
    vectors = Path(os.environ.get("VECTORS_DIR", _BESIDE / "vectors"))
    if not (folder / "RTDS-4.5.0").is_dir() or not (vectors / "gbcs-crypto-vectors.json").is_file():
        return None
    return DataSet(folder, vectors)
