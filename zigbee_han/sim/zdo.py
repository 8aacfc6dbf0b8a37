"""The device object of one device: what it answers about itself, its endpoints, neighbours and routes."""

from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.frames import layout, mac, zdo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.zigbee_han.sim.nwk import Nwk

# A page of the tables that fits one frame.
NEIGHBOURS_AT_ONCE = 3
ROUTES_AT_ONCE = 8
BAND_2400_MHZ = 0x40
# Mains, always on, full (2.3.2.4).
POWER_MAINS = 0xC110
# What a relation is called in a neighbour descriptor, by PARENT, CHILD, SIBLING.
_ROUTER_ON = 0x05
COORDINATOR_ON = 0x04


class Endpoint:
    """What a simple descriptor says: number 1 to 254, profile, device, version, clusters in and out."""

    def __init__(
        self,
        number: int,
        profile: int,
        device: int,
        inputs: "tuple[int, ...]" = (),
        outputs: "tuple[int, ...]" = (),
        version: int = 0,
    ) -> None:
        self.number = number
        self.profile = profile
        self.device = device
        self.version = version
        self.inputs = inputs
        self.outputs = outputs


class Zdo:
    """Answers requests about the device that `below` and `endpoints` are. Bindings: (endpoint, cluster, target...)."""

    def __init__(self, below: "Nwk", manufacturer: int = 0, largest: int = 1505) -> None:
        self._nwk = below
        self.endpoints = []  # type: list[Endpoint]
        self.manufacturer = manufacturer
        self.largest = largest
        self.bindings = []  # type: list[bytes]
        self.binding_limit = 16

    def answer(self, cluster: int, payload: bytes, to_all: bool) -> "bytes | None":
        """The payload of the response (its cluster is the request's with 0x8000), or None where none is due.

        DecodeError when the request is none. What was broadcast and does not concern this device gets no answer.
        """
        if not payload:
            raise DecodeError("no transaction number", 0)
        transaction = payload[0]
        try:
            request = zdo.parse(cluster, payload)
        except DecodeError as error:
            if error.reason == "unknown ZDO cluster" and not to_all:
                return bytes((transaction, zdo.NOT_SUPPORTED))
            raise
        values = self._values(cluster, request, to_all)
        if values is None:
            return None
        return zdo.build(cluster | zdo.RESPONSE, transaction, **values)

    def _values(self, cluster: int, request: "Any", to_all: bool) -> "dict[str, Any] | None":
        if cluster in (zdo.NETWORK_ADDRESS, zdo.IEEE_ADDRESS):
            return self._address(cluster, request, to_all)
        if cluster == zdo.MATCH_DESCRIPTORS:
            return self._match(request, to_all)
        if cluster in (zdo.NODE_DESCRIPTOR, zdo.POWER_DESCRIPTOR, zdo.SIMPLE_DESCRIPTOR, zdo.ACTIVE_ENDPOINTS):
            if request.short != self._nwk.mac.short:
                return {"status": zdo.DEVICE_NOT_FOUND, "short": request.short, "endpoints": ()} if (
                    cluster == zdo.ACTIVE_ENDPOINTS
                ) else {"status": zdo.DEVICE_NOT_FOUND, "short": request.short}
            return self._descriptor(cluster, request)
        if cluster in (zdo.BIND, zdo.UNBIND):
            return {"status": self._bind(cluster, request)}
        if cluster == zdo.MANAGEMENT_LQI:
            return self._lqi(request.start)
        if cluster == zdo.MANAGEMENT_ROUTING:
            return self._routing(request.start)
        if to_all or cluster & zdo.RESPONSE or cluster in (zdo.DEVICE_ANNOUNCE, zdo.PARENT_ANNOUNCE):
            return None
        if cluster == zdo.MANAGEMENT_UPDATE:
            # Its answer has more than a status; scans for others are not made here.
            return {"status": zdo.NOT_SUPPORTED, "channels": 0, "transmitted": 0, "failures": 0, "energy": ()}
        return {"status": zdo.NOT_SUPPORTED}

    def _address(self, cluster: int, request: "Any", to_all: bool) -> "dict[str, Any] | None":
        eui = self._nwk.eui
        short = self._nwk.mac.short
        if cluster == zdo.NETWORK_ADDRESS and request.eui != eui:
            if to_all:
                return None
            return {"status": zdo.DEVICE_NOT_FOUND, "eui": request.eui, "short": 0xFFFF}
        if cluster == zdo.IEEE_ADDRESS and request.short != short:
            if to_all:
                return None
            return {"status": zdo.DEVICE_NOT_FOUND, "eui": bytes(8), "short": request.short}
        if request.kind > 1:
            return {"status": zdo.INVALID_REQUEST, "eui": eui, "short": short}
        return {"status": zdo.SUCCESS, "eui": eui, "short": short}

    def _descriptor(self, cluster: int, request: "Any") -> "dict[str, Any]":
        found = {"status": zdo.SUCCESS, "short": request.short}  # type: dict[str, Any]
        if cluster == zdo.NODE_DESCRIPTOR:
            found["device"] = 0 if self._nwk.mac.coordinator else 1
            found["band"] = BAND_2400_MHZ
            found["capability"] = mac.ROUTER
            found["manufacturer"] = self.manufacturer
            found["largest_buffer"] = 82
            found["largest_incoming"] = self.largest
            found["server"] = 0x0041 if self._nwk.mac.coordinator else 0x0040
            found["largest_outgoing"] = self.largest
            found["descriptors"] = 0
        elif cluster == zdo.POWER_DESCRIPTOR:
            found["power"] = POWER_MAINS
        elif cluster == zdo.ACTIVE_ENDPOINTS:
            found["endpoints"] = tuple([one.number for one in self.endpoints])
        else:
            return self._simple(request.endpoint, found)
        return found

    def _simple(self, number: int, found: "dict[str, Any]") -> "dict[str, Any]":
        for one in self.endpoints:
            if one.number == number:
                found["length"] = zdo.simple_length(one.inputs, one.outputs)
                found["endpoint"] = number
                found["profile"] = one.profile
                found["device"] = one.device
                found["version"] = one.version
                found["inputs"] = one.inputs
                found["outputs"] = one.outputs
                return found
        found["status"] = zdo.NOT_ACTIVE if 0 < number < 0xFF else zdo.INVALID_ENDPOINT
        found["length"] = 0
        return found

    def _match(self, request: "Any", to_all: bool) -> "dict[str, Any] | None":
        matching = []
        for one in self.endpoints:
            if request.profile not in (one.profile, 0xFFFF):
                continue
            ins = [cluster for cluster in request.inputs if cluster in one.inputs]
            outs = [cluster for cluster in request.outputs if cluster in one.outputs]
            if ins or outs:
                matching.append(one.number)
        if to_all and not matching:
            return None
        return {"status": zdo.SUCCESS, "short": self._nwk.mac.short, "endpoints": tuple(matching)}

    def _bind(self, cluster: int, request: "Any") -> int:
        if request.src != self._nwk.eui or request.mode not in (zdo.TO_GROUP, zdo.TO_ENDPOINT):
            return zdo.INVALID_REQUEST
        if request.src_endpoint not in [one.number for one in self.endpoints]:
            return zdo.INVALID_ENDPOINT
        # All but the transaction number is what a binding is.
        entry = layout.build(request)[1:]
        if cluster == zdo.UNBIND:
            if entry not in self.bindings:
                return 0x88
            self.bindings.remove(entry)
            return zdo.SUCCESS
        if entry not in self.bindings:
            if len(self.bindings) >= self.binding_limit:
                return 0x8C
            self.bindings.append(entry)
        return zdo.SUCCESS

    def _lqi(self, start: int) -> "dict[str, Any]":
        found = []
        known = [one for one in self._nwk.neighbours if one.eui is not None and one.authenticated]
        for one in known[start : start + NEIGHBOURS_AT_ONCE]:
            kind = 0 if one.short == 0 else 1
            found.append(
                layout.make(
                    zdo.NEIGHBOUR,
                    extended_pan=self._nwk.extended_pan,
                    eui=one.eui,
                    short=one.short,
                    flags=kind | COORDINATOR_ON | one.relationship << 4,
                    permit=2,
                    depth=0 if kind == 0 else 1,
                    lqi=one.lqi,
                )
            )
        return {"status": zdo.SUCCESS, "total": len(known), "start": start, "neighbours": tuple(found)}

    def _routing(self, start: int) -> "dict[str, Any]":
        found = []
        for one in self._nwk.routes[start : start + ROUTES_AT_ONCE]:
            found.append(layout.make(zdo.ROUTE, dst=one.dst, flags=0, next_hop=one.next_hop))
        return {"status": zdo.SUCCESS, "total": len(self._nwk.routes), "start": start, "routes": tuple(found)}
