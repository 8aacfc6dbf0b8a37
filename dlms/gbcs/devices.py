"""The device log of a meter, and CS03A1 and CS04AC that fill and empty it (GBCS 13.7).

The log says with which devices of the HAN the meter may agree keys. Agreeing them is the radio's business: here a join
is the permission to, and an unjoin its end.
"""

from slotmeter.dlms.gbcs import asn1
from slotmeter.dlms.gbcs.asn1_request import (
    DEVICE_JOINING_FAILED,
    DEVICE_JOINING_SUCCEEDED,
    DEVICE_UNJOINING_FAILED,
    DEVICE_UNJOINING_SUCCEEDED,
    Outcome,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.gbcs.asn1_request import Request
    from slotmeter.hal.records import Records

# DeviceType of the ASN.1 module.
GSME = 0
ESME = 1
CHF = 2
GPF = 3
HCALCS = 4
PPMID = 5
TYPE_2 = 6
TYPE_NAMES = ("GSME", "ESME", "CHF", "GPF", "HCALCS", "PPMID", "Type 2")

# joinMethodAndRole. CS03A1 goes to the meter, which starts method A; the other device is told to respond by CS03A2.
METHOD_A_INITIATOR = 0
METHOD_A_RESPONDER = 1
METHOD_B = 2
METHOD_C = 3

# Who joins a meter by method A.
_JOINABLE = (HCALCS, PPMID)
# Room of an ESME for type 1 devices, for load control switches among them, and for type 2 devices (AS302P product
# documentation).
CAPACITY = 7
HCALCS_LIMIT = 5
TYPE_2_LIMIT = 4

# Response codes of CS03A1.
JOINED = 0
INVALID_JOIN_METHOD_AND_ROLE = 2
INCOMPATIBLE_WITH_EXISTING_ENTRY = 3
DEVICE_LOG_FULL = 4
DEVICE_LOG_WRITE_FAILURE = 5
# Response codes of CS04AC.
UNJOINED = 0
NOT_IN_DEVICE_LOG = 1
OTHER_FAILURE = 2


class DeviceLog:
    """The devices that the meter may agree keys with: records "d.<EUI-64>" of one octet, the device type."""

    def __init__(self, records: "Records") -> None:
        self._records = records

    def device_type(self, entity_id: bytes) -> "int | None":
        """The type of a device in the log, None when it is not there."""
        octets = self._records.get("d." + entity_id.hex())
        return None if octets is None else octets[0]

    def devices(self) -> "list[tuple[bytes, int]]":
        """(EUI-64, type) of each device, in the order of the identifiers."""
        found = []
        for name in self._records.names("d."):
            octets = self._records.get(name) or b""
            found.append((bytes.fromhex(name[2:]), octets[0]))
        return found

    def has_room_for(self, device_type: int) -> bool:
        """Whether one more device of the type fits."""
        types = [device[1] for device in self.devices()]
        if device_type == TYPE_2:
            return types.count(TYPE_2) < TYPE_2_LIMIT
        room = len(types) - types.count(TYPE_2) < CAPACITY
        return room and (device_type != HCALCS or types.count(HCALCS) < HCALCS_LIMIT)

    def add(self, entity_id: bytes, device_type: int) -> None:
        """Puts a device into the log, whether or not it was there."""
        self._records.put("d." + entity_id.hex(), bytes((device_type,)))

    def remove(self, entity_id: bytes) -> None:
        """Takes a device out of the log; one that is not there is no error."""
        self._records.drop("d." + entity_id.hex())

    # ---- use cases

    def join(self, request: "Request") -> Outcome:
        """CS03A1: SEQUENCE { joinMethodAndRole, otherDeviceId, otherDeviceType, certificate OPTIONAL }."""
        payload = request.payload
        end = len(payload)
        start, stop = asn1.enter(payload, 0, end, asn1.SEQUENCE)
        asn1.at_end(stop, end)
        method, pos = asn1.integer(payload, start, stop, METHOD_C)
        entity_id, pos = asn1.octets(payload, pos, stop, 8)
        device_type, pos = asn1.integer(payload, pos, stop, TYPE_2)
        certified = pos != stop
        if certified:
            pos = asn1.enter(payload, pos, stop, asn1.SEQUENCE)[1]
            asn1.at_end(pos, stop)
        existing = self.device_type(entity_id)
        code = request.failure(DEVICE_LOG_WRITE_FAILURE)
        if not code:
            # Only method C brings a certificate, and it is not for CS03A1.
            if method != METHOD_A_INITIATOR or certified or device_type not in _JOINABLE:
                code = INVALID_JOIN_METHOD_AND_ROLE
            elif existing is not None and existing != device_type:
                code = INCOMPATIBLE_WITH_EXISTING_ENTRY
            elif existing is None and not self.has_room_for(device_type):
                code = DEVICE_LOG_FULL
        if code:
            return Outcome(asn1.put_integer(code), None, (DEVICE_JOINING_FAILED,), True)
        self.add(entity_id, device_type)
        return Outcome(asn1.put_integer(JOINED), None, (DEVICE_JOINING_SUCCEEDED,))

    def unjoin(self, request: "Request") -> Outcome:
        """CS04AC: OCTET STRING, the EUI-64 of the device that leaves."""
        payload = request.payload
        entity_id, pos = asn1.octets(payload, 0, len(payload), 8)
        asn1.at_end(pos, len(payload))
        code = request.failure(OTHER_FAILURE)
        if not code and self.device_type(entity_id) is None:
            code = NOT_IN_DEVICE_LOG
        if code:
            return Outcome(asn1.put_integer(code), None, (DEVICE_UNJOINING_FAILED,), True)
        self.remove(entity_id)
        return Outcome(asn1.put_integer(UNJOINED), None, (DEVICE_UNJOINING_SUCCEEDED,))
