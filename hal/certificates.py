"""The certificate port: reads just what GBCS needs of an X.509 certificate and writes certification requests.

A host reads with `cryptography`; a board has a small reader of its own. Both give the same facts and refuse the same
octets. What they read is the common part of the certificate profiles of smart metering (RFC 5280, RFC 4108):

    size           at most 4096 octets of DER, nothing before or after, nothing non-canonical inside (but the two
                   numbers of a signature may be padded: RTDS has such certificates)
    version        3; serial number positive, at most 20 octets; no unique identifiers
    algorithm      ecdsa-with-SHA256, in both places; r and s in 1..n-1
    names          attributes in UTF8String, PrintableString and their like; x500UniqueIdentifier a BIT STRING of
                   64 bits; this one and organizationalUnitName at most once in a name
    validity       UTCTime up to 2049, GeneralizedTime from 2050 on, to the second and in UTC
    public key     an uncompressed point of P-256, on the curve
    extensions     each at most once, and only these: keyUsage, subjectKeyIdentifier, authorityKeyIdentifier (key
                   identifier only), subjectAltName (one hardwareModuleName with a serial number of 8 octets),
                   basicConstraints, certificatePolicies (without qualifiers)

Validity in time, the signature and the issuer are the caller's business.
"""

TYPE_CHECKING = False

# Key usages as GBCS writes them: the first octet of the X.509 KeyUsage bit string (RFC 5280, 4.2.1.3).
DIGITAL_SIGNATURE = 0x80
KEY_AGREEMENT = 0x08
KEY_CERT_SIGN = 0x04

# The hardware type of the devices in RTDS, 1.2.826.0.1.8641679.1.2.2.1 in DER without tag and length.
HARDWARE_TYPE = b"\x2a\x86\x3a\x00\x01\x84\x8f\xb9\x0f\x01\x02\x02\x01"

# A certificate of RTDS has some 400 octets.
SIZE_LIMIT = 4096


class Certificate:
    """The facts of one certificate.

    der: the octets read; tbs: the part that is signed; signature: 64 octets r then s, made with SHA-256;
    public_key: 64 octets; key_usage: an OR of the usages above (0 when the certificate states none);
    key_id, authority_id: subject and authority key identifiers (b"" when absent);
    entity_id: EUI-64 from subject x500UniqueIdentifier (organisations) or the hardwareModuleName of the
    subject alternative name (devices), b"" when there is neither (certification authorities);
    role: the remote party role in the subject's organisational unit (two hex digits), or None;
    issuer, subject: DER of the two names; not_before, not_after: seconds since 2000-01-01Z (not_before may be
    negative).
    """

    def __init__(
        self,
        der: bytes,
        tbs: bytes,
        signature: bytes,
        public_key: bytes,
        key_usage: int,
        key_id: bytes,
        authority_id: bytes,
        entity_id: bytes,
        role: "int | None",
        issuer: bytes,
        subject: bytes,
        not_before: int,
        not_after: int,
    ) -> None:
        self.der = der
        self.tbs = tbs
        self.signature = signature
        self.public_key = public_key
        self.key_usage = key_usage
        self.key_id = key_id
        self.authority_id = authority_id
        self.entity_id = entity_id
        self.role = role
        self.issuer = issuer
        self.subject = subject
        self.not_before = not_before
        self.not_after = not_after

    def __repr__(self) -> str:
        return "Certificate(entity=%s, key_id=%s, usage=%02x)" % (
            self.entity_id.hex(),
            self.key_id.hex(),
            self.key_usage,
        )


class Certificates:
    """Reads certificates and writes PKCS#10 requests."""

    def read(self, der: bytes) -> Certificate:
        """The facts of `der`, which is one whole certificate with nothing after it; else HalError(BAD_CERTIFICATE)."""
        raise NotImplementedError

    def request(self, private: bytes, entity_id: bytes, key_usage: int = DIGITAL_SIGNATURE) -> bytes:
        """A self-signed PKCS#10 CertificationRequest (RFC 2986) for the key pair of `private`.

        The shape of RTDS 6.17_CS02c: version 0, empty subject, one extensionRequest attribute with a critical
        keyUsage of the single `key_usage` and a critical subjectAltName with the hardwareModuleName (RFC 4108)
        of HARDWARE_TYPE and the 8 octets `entity_id`; DER with minimal lengths. HalError(BAD_KEY) when `private`
        is no private key, ValueError for another usage or length of identifier.
        """
        raise NotImplementedError
