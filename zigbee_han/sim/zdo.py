"""The device object of one device: what it answers about itself, its endpoints, bindings, neighbours and routes.

A host behind the device may want to see what is answered here (SHOW_ANSWERED in flags), or to answer itself what is not
(HOST_ANSWERS_OTHERS), or what is about endpoints or bindings: what it answers itself gets no answer here.
"""

from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.frames import layout, mac, zdo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.zigbee_han.sim.nwk import Nwk

# Flags: the bits of EZSP's configuration 2A.
SHOW_ANSWERED = 0x01
HOST_ANSWERS_OTHERS = 0x02
HOST_ANSWERS_ENDPOINTS = 0x04
HOST_ANSWERS_BINDINGS = 0x08

# A page of the tables that fits one frame.
NEIGHBOURS_AT_ONCE = 3
ROUTES_AT_ONCE = 8
BAND_2400_MHZ = 0x40
LARGEST_BUFFER = 82
# Mains, always on, full (2.3.2.4).
POWER_MAINS = 0xC110
# Stack revision 22; a coordinator is trust centre and network manager.
SERVER = 22 << 9
COORDINATOR_SERVER = SERVER | 0x41
# A coordinator may be that of the PAN.
_ALTERNATE_COORDINATOR = 0x01
COORDINATOR_ON = 0x04

# Kinds of bindings (EZSP's numbers), and the octets of an EUI-64 that a group does not need.
TO_DEVICE = 1
TO_GROUP = 3
_NO_EUI = bytes(6)

_NO_ENTRY = 0x88
_TABLE_FULL = 0x8C
_ABOUT_ENDPOINTS = (zdo.SIMPLE_DESCRIPTOR, zdo.ACTIVE_ENDPOINTS, zdo.MATCH_DESCRIPTORS)
_ABOUT_BINDINGS = (zdo.BIND, zdo.UNBIND)
_DESCRIPTORS = (zdo.NODE_DESCRIPTOR, zdo.POWER_DESCRIPTOR, zdo.SIMPLE_DESCRIPTOR, zdo.ACTIVE_ENDPOINTS)
_ANSWERED = (
    (zdo.NETWORK_ADDRESS, zdo.IEEE_ADDRESS, zdo.MANAGEMENT_LQI, zdo.MANAGEMENT_ROUTING)
    + (zdo.MANAGEMENT_PERMIT, zdo.MANAGEMENT_LEAVE, zdo.MATCH_DESCRIPTORS)
    + _DESCRIPTORS
    + _ABOUT_BINDINGS
)


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
    """Answers requests about the device that `below` and `endpoints` are.

    bindings: at its number, of which there are binding_limit, {"type", "local", "cluster", "remote", "eui"}: TO_DEVICE
    or TO_GROUP (then the last two octets of eui are the group), endpoint here, cluster, endpoint there, EUI-64 there.
    may_bind: whether others may change them. The rest is what the descriptors say.
    """

    def __init__(self, below: "Nwk", manufacturer: int = 0, largest: int = 1505) -> None:
        self._nwk = below
        self.endpoints = []  # type: list[Endpoint]
        self.manufacturer = manufacturer
        self.largest_incoming = largest
        self.largest_outgoing = largest
        self.descriptors = 0
        self.power = POWER_MAINS
        self.flags = 0
        self.bindings = {}  # type: dict[int, dict[str, Any]]
        self.binding_limit = 16
        self.may_bind = True

    def answers(self, cluster: int) -> bool:
        """Whether requests of `cluster` are answered here and not by a host."""
        if cluster in _ABOUT_ENDPOINTS:
            return not self.flags & HOST_ANSWERS_ENDPOINTS
        if cluster in _ABOUT_BINDINGS:
            return not self.flags & HOST_ANSWERS_BINDINGS
        return cluster in _ANSWERED or not self.flags & HOST_ANSWERS_OTHERS

    def shows(self, cluster: int) -> bool:
        """Whether a host sees requests of `cluster`."""
        if cluster in _ANSWERED and self.answers(cluster):
            return bool(self.flags & SHOW_ANSWERED)
        return bool(self.flags & HOST_ANSWERS_OTHERS)

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
        if values is None or (to_all and values["status"] != zdo.SUCCESS):
            return None
        return zdo.build(cluster | zdo.RESPONSE, transaction, **values)

    def _values(self, cluster: int, request: "Any", to_all: bool) -> "dict[str, Any] | None":
        if cluster in (zdo.NETWORK_ADDRESS, zdo.IEEE_ADDRESS):
            return self._address(cluster, request)
        if cluster == zdo.MATCH_DESCRIPTORS:
            return self._match(request, to_all)
        if cluster in _DESCRIPTORS:
            return self._descriptor(cluster, request)
        if cluster in _ABOUT_BINDINGS:
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

    def _address(self, cluster: int, request: "Any") -> "dict[str, Any]":
        eui = self._nwk.eui
        short = self._nwk.mac.short
        if cluster == zdo.NETWORK_ADDRESS and request.eui != eui:
            return {"status": zdo.DEVICE_NOT_FOUND, "eui": request.eui, "short": 0xFFFF}
        if cluster == zdo.IEEE_ADDRESS and request.short != short:
            return {"status": zdo.DEVICE_NOT_FOUND, "eui": bytes(8), "short": request.short}
        if request.kind > 1:
            return {"status": zdo.INVALID_REQUEST, "eui": eui, "short": short}
        found = {"status": zdo.SUCCESS, "eui": eui, "short": short}  # type: dict[str, Any]
        if request.kind:
            # It has no children that sleep.
            found["count"] = 0
        return found

    def _descriptor(self, cluster: int, request: "Any") -> "dict[str, Any]":
        found = {"status": zdo.SUCCESS, "short": request.short}  # type: dict[str, Any]
        if request.short != self._nwk.mac.short:
            found["status"] = zdo.DEVICE_NOT_FOUND
            if cluster == zdo.ACTIVE_ENDPOINTS:
                found["endpoints"] = ()
            elif cluster == zdo.SIMPLE_DESCRIPTOR:
                found["length"] = 0
        elif cluster == zdo.NODE_DESCRIPTOR:
            first = self._nwk.mac.coordinator
            found["device"] = 0 if first else 1
            found["band"] = BAND_2400_MHZ
            found["capability"] = mac.ROUTER | (_ALTERNATE_COORDINATOR if first else 0)
            found["manufacturer"] = self.manufacturer
            found["largest_buffer"] = LARGEST_BUFFER
            found["largest_incoming"] = self.largest_incoming
            found["server"] = COORDINATOR_SERVER if first else SERVER
            found["largest_outgoing"] = self.largest_outgoing
            found["descriptors"] = self.descriptors
        elif cluster == zdo.POWER_DESCRIPTOR:
            found["power"] = self.power
        elif cluster == zdo.ACTIVE_ENDPOINTS:
            found["endpoints"] = tuple([one.number for one in self.endpoints])
        else:
            return self._simple(request.endpoint, found)
        return found

    def endpoint(self, number: int) -> "Endpoint | None":
        """What is at that number."""
        for one in self.endpoints:
            if one.number == number:
                return one
        return None

    def _simple(self, number: int, found: "dict[str, Any]") -> "dict[str, Any]":
        one = self.endpoint(number)
        if one is None:
            found["status"] = zdo.NOT_ACTIVE if 0 < number < 0xFF else zdo.INVALID_ENDPOINT
            found["length"] = 0
            return found
        found["length"] = zdo.simple_length(one.inputs, one.outputs)
        found["endpoint"] = number
        found["profile"] = one.profile
        found["device"] = one.device
        found["version"] = one.version
        found["inputs"] = one.inputs
        found["outputs"] = one.outputs
        return found

    def _match(self, request: "Any", to_all: bool) -> "dict[str, Any] | None":
        if request.short != self._nwk.mac.short and not to_all:
            return {"status": zdo.DEVICE_NOT_FOUND, "short": request.short, "endpoints": ()}
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
        if not self.may_bind:
            return zdo.NOT_AUTHORIZED
        if request.src != self._nwk.eui or request.mode not in (zdo.TO_GROUP, zdo.TO_ENDPOINT):
            return zdo.INVALID_REQUEST
        if self.endpoint(request.src_endpoint) is None:
            return zdo.INVALID_ENDPOINT
        wanted = {"type": TO_DEVICE, "local": request.src_endpoint, "cluster": request.cluster}  # type: dict[str, Any]
        wanted["remote"] = request.dst_endpoint or 0
        wanted["eui"] = request.dst
        if request.mode == zdo.TO_GROUP:
            wanted["type"] = TO_GROUP
            wanted["eui"] = _NO_EUI + request.group.to_bytes(2, "big")
        place = None
        for index in range(self.binding_limit):
            one = self.bindings.get(index)
            if one is None:
                if place is None:
                    place = index
            elif all([one.get(name) == wanted[name] for name in sorted(wanted)]):
                if cluster == zdo.UNBIND:
                    del self.bindings[index]
                return zdo.SUCCESS
        if cluster == zdo.UNBIND:
            return _NO_ENTRY
        if place is None:
            return _TABLE_FULL
        self.bindings[place] = wanted
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
