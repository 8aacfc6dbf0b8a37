"""Key derivation, MAC and encrypted attributes (GBCS section 4; NIST SP 800-56A concatenation KDF, one round).

    K         = first 16 octets of SHA-256(00000001 | Z | OtherInfo)
    OtherInfo = 60857406080300 | originator(8) | 09 flag counter(8) | recipient(8)

A key is used for one message: the counter is in it. That is why the fixed IVs below are safe, except that GBCS encrypts
several parts of one gas message under the same key and IV; a device that wants to interoperate does the same.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.crypto import Crypto

# Algorithm identifier aes128-gcm of the DLMS UA, 2.16.756.5.8.3.0.
_ALGORITHM = b"\x60\x85\x74\x06\x08\x03\x00"
_ROUND = b"\x00\x00\x00\x01"
_IV_TAIL = b"\x00\x00\x00\x00"
# Security header (control 11: authenticated, key set of the suite) and one octet 00, before what the MAC covers.
_MAC_AAD = b"\x11\x00\x00\x00\x00\x00"
_ENCRYPT_AAD = b"\x31"
_ENCRYPT_HEADER = b"\x31\x00\x00\x00\x00"
# Flags of the KDF: the CRA flag for a MAC, 4 for encryption; a UTRN uses 1 (GBCS 13.3).
ENCRYPTION = 4


def other_info(originator: bytes, flag: int, counter: bytes, recipient: bytes) -> bytes:
    """The 33 octets that bind a key to one message."""
    return b"".join((_ALGORITHM, originator, b"\x09", bytes((flag,)), counter, recipient))


def derive(crypto: "Crypto", z: bytes, info: bytes) -> bytes:
    """The 16-octet key for `info` from the 32-octet shared secret `z`."""
    return crypto.sha256(_ROUND + z + info)[:16]


def mac(crypto: "Crypto", z: bytes, body: bytes) -> bytes:
    """The 12-octet MAC over `body`, which runs from DF to the end of the signature part."""
    key = crypto.sha256(_ROUND + z + _ALGORITHM + body[12:20] + body[1:11] + body[21:29])[:16]
    return crypto.gmac(key, body[12:20] + _IV_TAIL, _MAC_AAD + body)[:12]


def seal(crypto: "Crypto", z: bytes, device: bytes, counter: bytes, recipient: bytes, plaintext: bytes) -> bytes:
    """An encrypted attribute as it is stored in a message: 31 00000000, ciphertext, 12 octets of tag.

    `counter` is the supplementary originator counter where there is one, else that of the header; `recipient` the
    supplementary remote party where there is one, else the business target.
    """
    key = derive(crypto, z, other_info(device, ENCRYPTION, counter, recipient))
    return _ENCRYPT_HEADER + crypto.gcm_seal(key, device + _IV_TAIL, _ENCRYPT_AAD, plaintext, 12)


def unseal(
    crypto: "Crypto", z: bytes, device: bytes, counter: bytes, recipient: bytes, sealed: bytes
) -> "bytes | None":
    """The plaintext of what `seal` made, or None when it is not authentic."""
    if sealed[:5] != _ENCRYPT_HEADER or len(sealed) < 17:
        return None
    key = derive(crypto, z, other_info(device, ENCRYPTION, counter, recipient))
    return crypto.gcm_open(key, device + _IV_TAIL, _ENCRYPT_AAD, sealed[5:], 12)


def utrn_mac(crypto: "Crypto", z: bytes, supplier: bytes, meter: bytes, counter: bytes, high: bytes) -> bytes:
    """The last 4 octets of the GMAC over a top-up token (GBCS 13.3; facts section 9).

    z: secret of the supplier's top-up key and the meter's; counter: all 8 octets; high: the upper 4 octets of the PTUT.
    """
    key = derive(crypto, z, other_info(supplier, 1, counter, meter))
    return crypto.gmac(key, supplier + _IV_TAIL, _MAC_AAD + supplier + meter + b"\x01" + counter + high)[12:]
