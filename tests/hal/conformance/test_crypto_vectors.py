"""Every crypto backend against published vectors: Wycheproof, NIST CAVP, RFC 6979.

Wycheproof is read from VECTORS_DIR, or from ../shared/vectors beside the checkout; NIST's and RFC 6979's vectors come
with the package cryptography_vectors.
"""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.crypto import Crypto
from slotmeter.hal.errors import BAD_KEY, HalError
from slotmeter.hal.host.crypto import HostCrypto

WYCHEPROOF = (
    Path(os.environ.get("VECTORS_DIR") or Path(__file__).resolve().parents[4] / "shared" / "vectors") / "wycheproof"
)
# SubjectPublicKeyInfo of an uncompressed point of P-256.
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")

Record = dict[str, str]


def wycheproof(name: str) -> "list[dict[str, Any]]":
    """The groups of one file."""
    path = WYCHEPROOF / name
    if not path.exists():
        pytest.skip("Wycheproof is the folder testvectors_v1 of C2SP/wycheproof; set VECTORS_DIR to its parent")
    groups = json.loads(path.read_text(encoding="utf-8"))["testGroups"]
    assert isinstance(groups, list)
    return groups


def nist(name: str) -> "list[tuple[str, Record]]":
    """The records of a CAVP file, each with the headings that it stands under."""
    vectors = pytest.importorskip("cryptography_vectors", reason="pip install cryptography_vectors")
    headings: list[str] = []
    records: list[tuple[str, Record]] = []
    after_record = False
    with vectors.open_vector_file(name, "r") as lines:
        for line in lines:
            line = line.strip()
            if line.startswith("["):
                if after_record:
                    headings = []
                after_record = False
                headings.append(line)
            elif line.upper().startswith(("COUNT", "MSG =", "QX =")) and (
                not line.upper().startswith("QX =") or not records or "Qx" in records[-1][1]
            ):
                records.append((" ".join(headings), {}))
                after_record = True
            if records and after_record and ("=" in line or line == "FAIL"):
                field, _, value = line.partition("=")
                records[-1][1][field.strip()] = value.strip()
    return records


def scalar(text: str) -> bytes:
    """32 octets of a number that may be written longer or shorter."""
    return int(text, 16).to_bytes(32, "big")


def strict_signature(der: bytes) -> "bytes | None":
    """r then s of an ECDSA-Sig-Value in strict DER, each below 2^256; None for anything else."""
    if len(der) < 2 or der[0] != 0x30 or der[1] >= 128 or der[1] != len(der) - 2:
        return None
    raw, pos = b"", 2
    for _ in range(2):
        if pos + 2 > len(der) or der[pos] != 2 or der[pos + 1] >= 128:
            return None
        number = der[pos + 2 : pos + 2 + der[pos + 1]]
        pos += 2 + der[pos + 1]
        if pos > len(der) or not number or number[0] >= 128:
            return None
        if len(number) > 1 and number[0] == 0 and number[1] < 128:
            return None
        if int.from_bytes(number, "big") >> 256:
            return None
        raw += int.from_bytes(number, "big").to_bytes(32, "big")
    return raw if pos == len(der) else None


def nist_ccm(name: str) -> "list[Record]":
    """The records of a CAVP file of CCM: what stands in a heading, or once for many, is in each of them."""
    vectors = pytest.importorskip("cryptography_vectors", reason="pip install cryptography_vectors")
    common: Record = {}
    records: list[Record] = []
    within = False
    with vectors.open_vector_file("ciphers/AES/CCM/" + name, "r") as lines:
        for line in lines:
            fields = [part.partition("=") for part in line.strip().strip("[]").split(",") if "=" in part]
            heading = line.startswith("[")
            for field, _, value in fields:
                field, value = field.strip(), value.strip()
                if field == "Count":
                    within = True
                    records.append(dict(common))
                # A length, a key or a nonce for all that follow stands before their first "Count".
                elif heading or field in ("Key", "Alen", "Plen", "Nlen", "Tlen") or not within:
                    within = False
                    common[field] = value
                    continue
                records[-1][field] = value
    return records


class CryptoVectors:
    """A backend's subclass says how to make it."""

    def crypto(self) -> Crypto:
        raise NotImplementedError

    def check_ecdh(self, test: "dict[str, Any]", public: bytes) -> None:
        # "acceptable" may be refused; the one such key in the port's shape has a damaged coordinate and is no point.
        if test["result"] != "valid":
            with pytest.raises(HalError) as caught:
                self.crypto().ecdh(scalar(test["private"]), public)
            assert caught.value.kind == BAD_KEY
        else:
            assert self.crypto().ecdh(scalar(test["private"]), public).hex() == test["shared"], test["tcId"]

    def test_wycheproof_aes_gcm(self) -> None:
        crypto = self.crypto()
        used = 0
        for group in wycheproof("aes_gcm_test.json"):
            for test in group["tests"]:
                key, iv, aad, plain = (bytes.fromhex(test[field]) for field in ("key", "iv", "aad", "msg"))
                sealed = bytes.fromhex(test["ct"] + test["tag"])
                if (group["keySize"], group["ivSize"]) != (128, 96):
                    with pytest.raises(HalError):
                        crypto.gcm_open(key, iv, aad, sealed, 16)
                    continue
                used += 1
                if test["result"] == "valid":
                    assert crypto.gcm_seal(key, iv, aad, plain, 16) == sealed, test["tcId"]
                    assert crypto.gcm_open(key, iv, aad, sealed, 16) == plain, test["tcId"]
                else:
                    assert crypto.gcm_open(key, iv, aad, sealed, 16) is None, test["tcId"]
        assert used >= 67

    def test_wycheproof_gmac(self) -> None:
        crypto = self.crypto()
        used = 0
        for group in wycheproof("aes_gmac_test.json"):
            for test in group["tests"]:
                key, iv, message = (bytes.fromhex(test[field]) for field in ("key", "iv", "msg"))
                if (group["keySize"], group["ivSize"]) != (128, 96):
                    with pytest.raises(HalError):
                        crypto.gmac(key, iv, message)
                    continue
                used += 1
                same = crypto.equal(crypto.gmac(key, iv, message), bytes.fromhex(test["tag"]))
                assert same == (test["result"] == "valid"), test["tcId"]
        assert used >= 69

    def test_wycheproof_ecdh_with_points(self) -> None:
        used = 0
        for group in wycheproof("ecdh_secp256r1_ecpoint_test.json"):
            for test in group["tests"]:
                point = bytes.fromhex(test["public"])
                if point[:1] == b"\x04":
                    self.check_ecdh(test, point[1:])
                    used += 1
                else:
                    # Compressed points and other octets have not the shape of the port.
                    with pytest.raises(HalError):
                        self.crypto().ecdh(scalar(test["private"]), point)
        assert used >= 330

    def test_wycheproof_ecdh_with_encoded_keys(self) -> None:
        used = 0
        for group in wycheproof("ecdh_secp256r1_test.json"):
            for test in group["tests"]:
                key = bytes.fromhex(test["public"])
                if key[: len(SPKI)] == SPKI and len(key) == len(SPKI) + 64:
                    self.check_ecdh(test, key[len(SPKI) :])
                    used += 1
        assert used >= 330

    def test_wycheproof_ecdsa_with_raw_signatures(self) -> None:
        crypto = self.crypto()
        for group in wycheproof("ecdsa_secp256r1_sha256_p1363_test.json"):
            public = bytes.fromhex(group["publicKey"]["uncompressed"])[1:]
            for test in group["tests"]:
                good = crypto.verify(public, bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]))
                assert good == (test["result"] == "valid"), test["tcId"]

    def test_wycheproof_ecdsa_with_der_signatures(self) -> None:
        crypto = self.crypto()
        for group in wycheproof("ecdsa_secp256r1_sha256_test.json"):
            public = bytes.fromhex(group["publicKey"]["uncompressed"])[1:]
            for test in group["tests"]:
                raw = strict_signature(bytes.fromhex(test["sig"]))
                good = raw is not None and crypto.verify(public, raw, bytes.fromhex(test["msg"]))
                assert good == (test["result"] == "valid"), test["tcId"]

    def test_nist_gcm_encryption_with_96_bit_iv(self) -> None:
        crypto = self.crypto()
        used = 0
        for heading, record in nist("ciphers/AES/GCM/gcmEncryptExtIV128.rsp"):
            tag_length = len(record["Tag"]) // 2
            if (
                "[IVlen = 96]" not in heading
                or tag_length < 12
                or int(record["Count"]) > (14 if tag_length == 12 else 1)
            ):
                continue
            key, iv, aad, plain = (bytes.fromhex(record[field]) for field in ("Key", "IV", "AAD", "PT"))
            sealed = crypto.gcm_seal(key, iv, aad, plain, tag_length)
            assert sealed.hex() == record["CT"] + record["Tag"]
            used += tag_length == 12
        # The sets with a tag of 96 bits are used whole, of the longer tags two records each.
        assert used >= 75

    def test_nist_gcm_decryption_with_96_bit_iv(self) -> None:
        crypto = self.crypto()
        used = 0
        for heading, record in nist("ciphers/AES/GCM/gcmDecrypt128.rsp"):
            tag_length = len(record["Tag"]) // 2
            if (
                "[IVlen = 96]" not in heading
                or tag_length < 12
                or int(record["Count"]) > (14 if tag_length == 12 else 1)
            ):
                continue
            key, iv, aad = (bytes.fromhex(record[field]) for field in ("Key", "IV", "AAD"))
            plain = crypto.gcm_open(key, iv, aad, bytes.fromhex(record["CT"] + record["Tag"]), tag_length)
            assert plain == (None if "FAIL" in record else bytes.fromhex(record["PT"]))
            used += tag_length == 12
        assert used >= 75

    @pytest.mark.parametrize("name", ["VADT128", "VNT128", "VPT128", "VTT128"])
    def test_nist_ccm_encryption_with_nonces_of_13_octets(self, name: str) -> None:
        # NIST SP 800-38C, by CAVS 11: associated data, nonces, plaintexts and tags of all lengths.
        crypto = self.crypto()
        used = 0
        for record in nist_ccm(name + ".rsp"):
            nonce, tag_length = bytes.fromhex(record["Nonce"]), int(record["Tlen"])
            key = bytes.fromhex(record["Key"])
            aad = bytes.fromhex(record["Adata"])[: int(record["Alen"])]
            plain = bytes.fromhex(record["Payload"])[: int(record["Plen"])]
            if len(nonce) != 13 or tag_length not in (4, 8, 16):
                with pytest.raises(HalError):
                    crypto.ccm_seal(key, nonce, aad, plain, tag_length)
                continue
            assert crypto.ccm_seal(key, nonce, aad, plain, tag_length).hex() == record["CT"]
            used += 1
        assert used == {"VADT128": 330, "VNT128": 10, "VPT128": 250, "VTT128": 30}[name]

    def test_nist_ccm_decryption_with_nonces_of_13_octets(self) -> None:
        crypto = self.crypto()
        results = []
        for record in nist_ccm("DVPT128.rsp"):
            if record["Nlen"] != "13" or record["Tlen"] not in ("4", "8", "16"):
                continue
            key, nonce, sealed = (bytes.fromhex(record[field]) for field in ("Key", "Nonce", "CT"))
            aad = bytes.fromhex(record["Adata"])[: int(record["Alen"])]
            plain = crypto.ccm_open(key, nonce, aad, sealed, int(record["Tlen"]))
            results.append(record["Result"] == "Pass")
            assert plain == (
                bytes.fromhex(record["Payload"])[: int(record["Plen"])] if results[-1] else None
            )
        assert results.count(True) >= 20
        assert results.count(False) >= 20

    def test_nist_signatures(self) -> None:
        crypto = self.crypto()
        used = 0
        for name in ("SigVer", "SigGen"):
            for heading, record in nist("asymmetric/ECDSA/FIPS_186-3/%s.rsp" % name):
                if heading == "[P-256,SHA-256]":
                    public = scalar(record["Qx"]) + scalar(record["Qy"])
                    raw = scalar(record["R"]) + scalar(record["S"])
                    good = crypto.verify(public, raw, bytes.fromhex(record["Msg"]))
                    assert good == record.get("Result", "P").startswith("P")
                    used += 1
        assert used == 30

    def test_nist_public_keys(self) -> None:
        crypto = self.crypto()
        results = set()
        for heading, record in nist("asymmetric/ECDSA/FIPS_186-3/PKV.rsp"):
            if heading == "[P-256]":
                x, y = int(record["Qx"], 16), int(record["Qy"], 16)
                if x >> 256 or y >> 256:
                    continue
                valid = record["Result"].startswith("P")
                results.add(valid)
                if valid:
                    assert len(crypto.ecdh(scalar("2"), scalar(record["Qx"]) + scalar(record["Qy"]))) == 32
                else:
                    with pytest.raises(HalError):
                        crypto.ecdh(scalar("2"), scalar(record["Qx"]) + scalar(record["Qy"]))
        assert results == {False, True}

    def test_nist_key_agreement(self) -> None:
        crypto = self.crypto()
        results = set()
        for heading, record in nist("asymmetric/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_init.fax"):
            if "[EC - SHA256]" not in heading:
                continue
            valid = record["Result"].startswith("P")
            results.add(valid)
            try:
                secret = crypto.ecdh(scalar(record["dsIUT"]), scalar(record["QsCAVSx"]) + scalar(record["QsCAVSy"]))
            except HalError:
                assert not valid
                continue
            # A record may also be bad because the key pair of the tested side does not belong together.
            own = crypto.public_key(scalar(record["dsIUT"])) == scalar(record["QsIUTx"]) + scalar(record["QsIUTy"])
            agreed = secret == scalar(record["Z"])
            hashed = crypto.sha256(secret).hex() == record.get("CAVSHashZZ", crypto.sha256(secret).hex())
            assert (own and agreed and hashed) == valid
        assert results == {False, True}

    def test_deterministic_signatures_of_rfc_6979(self) -> None:
        vectors = pytest.importorskip("cryptography_vectors", reason="pip install cryptography_vectors")
        with vectors.open_vector_file("asymmetric/ECDSA/RFC6979/evppkey_ecdsa_rfc6979.txt", "r") as file:
            text = file.read()
        head, _, rest = text.partition("PrivateKey=P-256_PRIV\n-----BEGIN PRIVATE KEY-----\n")
        encoded = base64.b64decode(rest.partition("-----END")[0])
        private = encoded[encoded.index(b"\x02\x01\x01\x04\x20") + 5 :][:32]
        crypto = self.crypto()
        used = 0
        for block in text.split("\n\n"):
            fields = dict(line.split(" = ", 1) for line in block.splitlines() if " = " in line)
            if fields.get("DigestSign") == "SHA256" and fields["Key"] == "P-256_PRIV" and "Result" not in fields:
                if fields.get("NonceType") == "deterministic":
                    message = fields["Input"].strip('"').encode()
                    assert crypto.sign(private, message) == strict_signature(bytes.fromhex(fields["Output"]))
                    used += 1
        assert used >= 2


class TestHostCryptoVectors(CryptoVectors):
    def crypto(self) -> Crypto:
        return HostCrypto()


class TestBoardCryptoVectors(CryptoVectors):
    def crypto(self) -> Crypto:
        return BoardCrypto()


class TestBoardCryptoVectorsWithTables(CryptoVectors):
    """Every public key is met a second time before it is used, so that the answers come from its table."""

    def crypto(self) -> Crypto:
        return Eager(tables=2)


class Eager(BoardCrypto):
    def _table(self, public: bytes) -> bytes:
        super()._table(public)
        return super()._table(public)
