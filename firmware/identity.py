"""Who a device is when it leaves the factory: its keys, its certificates and whom it trusts."""

from slotmeter.dlms.gbcs.anchors import Anchors, DeviceKeys, Secrets
from slotmeter.dlms.gbcs.roles import DIGITAL_SIGNATURE, KEY_AGREEMENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.gbcs.anchors import Cell
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.records import Records


class Identity:
    """What provisioning writes.

    eui64: 8 octets; ds_private, ka_private: 32 octets, ka_private b"" when `secrets` are given instead; the two
    certificates: DER or b""; cells: the filled trust anchor cells; secrets: public key (64) to shared secret (32).
    """

    def __init__(
        self,
        eui64: bytes,
        ds_private: bytes,
        ka_private: bytes,
        ds_certificate: bytes,
        ka_certificate: bytes,
        cells: "list[Cell]",
        secrets: "dict[bytes, bytes] | None" = None,
    ) -> None:
        self.eui64 = eui64
        self.ds_private = ds_private
        self.ka_private = ka_private
        self.ds_certificate = ds_certificate
        self.ka_certificate = ka_certificate
        self.cells = cells
        self.secrets = secrets or {}

    def __repr__(self) -> str:
        return "Identity(%s, %d cells)" % (self.eui64.hex(), len(self.cells))


def is_provisioned(records: "Records") -> bool:
    """Whether the records hold an identity."""
    return records.get("id") is not None


def provision(records: "Records", crypto: "Crypto", identity: Identity) -> None:
    """Writes `identity` into empty records and commits."""
    records.put("id", identity.eui64)
    keys = DeviceKeys(records)
    keys.put(DIGITAL_SIGNATURE, identity.ds_private, identity.ds_certificate)
    keys.put(KEY_AGREEMENT, identity.ka_private, identity.ka_certificate)
    anchors = Anchors(records)
    for cell in identity.cells:
        anchors.put_cell(cell)
    if identity.secrets:
        Secrets(records, crypto, keys).give(identity.secrets)
    records.commit()
