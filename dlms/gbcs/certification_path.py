"""Whether a certificate leads to a root that the device trusts (GBCS 12.3 and 13.3.5; RFC 5280 section 6, cut to size).

A certificate names its issuer by authority key identifier. The issuer is a root cell, or one of the path certificates
that came with the command; issuers without their own way to a root count for nothing.

    signed by a root or by an issuer that leads to one   SUCCESS
    its issuer is not among them                         NO_TRUST_ANCHOR
    its issuer is, but the signature is not the issuer's BAD_CERTIFICATE

A root cell that holds a key identifier and no public key (test data sets publish no root certificate) anchors whatever
names that identifier as its authority: there is nothing to check a signature with. A root with a public key never does.

Validity times are looked at only when asked: the published reference commands are answered with success outside them.
"""

from slotmeter.dlms.gbcs.roles import KEY_CERT_SIGN
from slotmeter.hal.errors import HalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.gbcs.anchors import Cell
    from slotmeter.hal.certificates import Certificate, Certificates
    from slotmeter.hal.crypto import Crypto

# StatusCode of the ASN.1 module.
SUCCESS = 0
BAD_CERTIFICATE = 5
NO_TRUST_ANCHOR = 10


class CertificationPath:
    """The issuers that came with one command, each verified at most once."""

    def __init__(
        self,
        crypto: "Crypto",
        certificates: "Certificates",
        path: "list[bytes]",
        roots: "list[Cell]",
        now_s: "int | None",
    ) -> None:
        """`path`: DER certificates; `roots`: root cells; `now_s`: the time to be valid at, None for any."""
        self._crypto = crypto
        self._now_s = now_s
        self._roots = roots
        self._issuers: list[Certificate] = []
        for der in path:
            # An unreadable issuer, or one that may not sign certificates, is no issuer.
            try:
                issuer = certificates.read(der)
            except HalError:
                continue
            if issuer.key_usage & KEY_CERT_SIGN and issuer.key_id:
                self._issuers.append(issuer)
        self._anchor()

    def add_root(self, root: "Cell") -> None:
        """Trusts one more root: the one that the command itself installs."""
        self._roots.append(root)
        self._anchor()

    def _anchor(self) -> None:
        """Works out which issuers lead to a root: breadth first, so each is verified once per set of roots."""
        waiting = self._issuers
        self._anchored: list[Certificate] = []
        found = True
        while waiting and found:
            found = False
            rest = []
            for issuer in waiting:
                status = self.check(issuer)
                if status == NO_TRUST_ANCHOR:
                    rest.append(issuer)
                else:
                    found = True
                    if status == SUCCESS:
                        self._anchored.append(issuer)
            waiting = rest

    def check(self, certificate: "Certificate") -> int:
        """SUCCESS, BAD_CERTIFICATE or NO_TRUST_ANCHOR for a certificate of any kind."""
        if self._now_s is not None and not certificate.not_before <= self._now_s <= certificate.not_after:
            return BAD_CERTIFICATE
        authority = certificate.authority_id
        status = NO_TRUST_ANCHOR
        if not authority:
            return status
        for root in self._roots:
            if root.key_id == authority:
                if not root.public_key or self._crypto.verify(
                    root.public_key, certificate.signature, certificate.tbs
                ):
                    return SUCCESS
                status = BAD_CERTIFICATE
        for issuer in self._anchored:
            if issuer.key_id == authority and issuer.subject == certificate.issuer:
                if self._crypto.verify(issuer.public_key, certificate.signature, certificate.tbs):
                    return SUCCESS
                status = BAD_CERTIFICATE
        return status

    def check_root(self, certificate: "Certificate", abnormal: bool) -> int:
        """Whether `certificate` may become the root.

        Normally the root in place vouches for the new key: it signed this certificate, or a path certificate for the
        same key. An abnormal change (mode anyByContingency) needs only the new root's own signature.
        """
        if abnormal:
            own = self._crypto.verify(certificate.public_key, certificate.signature, certificate.tbs)
            return SUCCESS if own else BAD_CERTIFICATE
        for issuer in self._anchored:
            if issuer.key_id == certificate.key_id and issuer.public_key == certificate.public_key:
                return SUCCESS
        return self.check(certificate)
