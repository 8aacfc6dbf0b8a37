"""What a co-processor answers by itself to requests for its device object, without asking the host.

Which requests those are, the host chooses with configuration 2A: bit 0 has it see what is answered here as well, bit 1
what is not, bits 2 and 3 leave requests about endpoints and bindings to it.
"""

from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.frames import layout, zdo
from slotmeter.zigbee_han.ncp.flash import COORDINATOR, NO_EUI
from slotmeter.zigbee_han.ncp.radio import Message
from slotmeter.zigbee_han.ncp.settings import BINDINGS, ZDO_FLAGS, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TELL_HOST = 0x01
TELL_HOST_UNSUPPORTED = 0x02
HOST_ANSWERS_ENDPOINTS = 0x04
HOST_ANSWERS_BINDINGS = 0x08

_ENDPOINT_REQUESTS = (zdo.SIMPLE_DESCRIPTOR, zdo.ACTIVE_ENDPOINTS, zdo.MATCH_DESCRIPTORS)
_BINDING_REQUESTS = (zdo.BIND, zdo.UNBIND)
# Full-function device, mains, receiver always on, gives out addresses; a coordinator may be the PAN's.
_ROUTER_CAPABILITY = 0x8E
_COORDINATOR_CAPABILITY = 0x8F
# Stack revision 22; a coordinator is trust centre and network manager.
_SERVER = 22 << 9
_COORDINATOR_SERVER = _SERVER | 0x41
_BAND_2400 = 0x40
_LARGEST_BUFFER = 82
# Mains, constant power, full.
_POWER = 0xC110


def answer(node: Settings, message: Message) -> "tuple[int, bytes] | None":
    """Cluster and payload of the answer to the request in `message`; None: not for us, broken, or not answered here."""
    cluster = message.cluster
    flags = node.size(ZDO_FLAGS)
    if cluster & zdo.RESPONSE or flags & HOST_ANSWERS_ENDPOINTS and cluster in _ENDPOINT_REQUESTS:
        return None
    if flags & HOST_ANSWERS_BINDINGS and cluster in _BINDING_REQUESTS:
        return None
    handler = _HANDLERS.get(cluster)
    if handler is None:
        return None
    try:
        request = zdo.parse(cluster, message.data)
    except DecodeError:
        return None
    values = handler(node, request)
    if values is None:
        return None
    if message.kind != 0 and values["status"] != zdo.SUCCESS:
        # A broadcast that does not concern us is not answered.
        return None
    return cluster | zdo.RESPONSE, zdo.build(cluster | zdo.RESPONSE, request.transaction, **values)


def _of_us(node: Settings, request: "Any") -> "dict[str, Any]":
    """The beginning of an answer about the node that was asked for; SUCCESS when it is this one."""
    if request.short == node.node_id():
        return {"status": zdo.SUCCESS, "short": request.short}
    for index in sorted(node.flash.children):
        if node.flash.children[index][1] == request.short:
            return {"status": zdo.NO_DESCRIPTOR, "short": request.short}
    return {"status": zdo.DEVICE_NOT_FOUND, "short": request.short}


def _addresses(node: Settings, eui: bytes, short: int, kind: int, start: int) -> "dict[str, Any]":
    values: dict[str, Any] = {"status": zdo.SUCCESS, "eui": eui, "short": short}
    if kind == 1:
        children = [node.flash.children[index][1] for index in sorted(node.flash.children)]
        values["count"] = len(children[start : start + 20])
        if values["count"]:
            values["start"] = start
            values["devices"] = tuple(children[start : start + 20])
    elif kind:
        values["status"] = zdo.INVALID_REQUEST
    return values


def _network_address(node: Settings, request: "Any") -> "dict[str, Any]":
    if request.eui == node.flash.eui():
        return _addresses(node, request.eui, node.node_id(), request.kind, request.start)
    short = node.node_of(request.eui)
    status = zdo.DEVICE_NOT_FOUND
    for index in sorted(node.flash.children):
        if node.flash.children[index][0] == request.eui:
            status = zdo.SUCCESS
    return {"status": status, "eui": request.eui, "short": short}


def _ieee_address(node: Settings, request: "Any") -> "dict[str, Any]":
    if request.short == node.node_id():
        return _addresses(node, node.flash.eui(), request.short, request.kind, request.start)
    for index in sorted(node.flash.children):
        if node.flash.children[index][1] == request.short:
            return {"status": zdo.SUCCESS, "eui": node.flash.children[index][0], "short": request.short}
    return {"status": zdo.DEVICE_NOT_FOUND, "eui": NO_EUI, "short": request.short}


def _node_descriptor(node: Settings, request: "Any") -> "dict[str, Any]":
    values = _of_us(node, request)
    network = node.flash.network
    if values["status"] == zdo.SUCCESS and network is not None:
        first = network.type == COORDINATOR
        values["device"] = 0 if first else 1
        values["band"] = _BAND_2400
        values["capability"] = _COORDINATOR_CAPABILITY if first else _ROUTER_CAPABILITY
        values["manufacturer"] = node.manufacturer_code
        values["largest_buffer"] = _LARGEST_BUFFER
        values["largest_incoming"] = int.from_bytes(node.values[0x05], "little")
        values["server"] = _COORDINATOR_SERVER if first else _SERVER
        values["largest_outgoing"] = int.from_bytes(node.values[0x06], "little")
        values["descriptors"] = node.values[0x0C][0]
    return values


def _power_descriptor(node: Settings, request: "Any") -> "dict[str, Any]":
    values = _of_us(node, request)
    if values["status"] == zdo.SUCCESS:
        values["power"] = _POWER
    return values


def _simple_descriptor(node: Settings, request: "Any") -> "dict[str, Any]":
    values = _of_us(node, request)
    if values["status"] != zdo.SUCCESS:
        values["length"] = 0
        return values
    one = node.endpoint(request.endpoint)
    if one is None:
        values["status"] = zdo.NOT_ACTIVE if 1 <= request.endpoint <= 254 else zdo.INVALID_ENDPOINT
        values["length"] = 0
        return values
    values["inputs"] = tuple(one.inputs)
    values["outputs"] = tuple(one.outputs)
    values["length"] = zdo.simple_length(values["inputs"], values["outputs"])
    values["endpoint"] = one.number
    values["profile"] = one.profile
    values["device"] = one.device
    values["version"] = one.version
    return values


def _active_endpoints(node: Settings, request: "Any") -> "dict[str, Any]":
    values = _of_us(node, request)
    ours = values["status"] == zdo.SUCCESS
    values["endpoints"] = tuple([one.number for one in node.endpoints]) if ours else ()
    return values


def _match_descriptors(node: Settings, request: "Any") -> "dict[str, Any]":
    found = []
    for one in node.endpoints:
        if request.profile != one.profile:
            continue
        if any([cluster in one.inputs for cluster in request.inputs]) or any(
            [cluster in one.outputs for cluster in request.outputs]
        ):
            found.append(one.number)
    # It is asked of all receivers as well; who has nothing answers only when asked alone.
    if request.short in (node.node_id(), 0xFFFD, 0xFFFF):
        if not found and request.short != node.node_id():
            return {"status": zdo.NO_MATCH, "short": node.node_id(), "endpoints": ()}
        return {"status": zdo.SUCCESS, "short": node.node_id(), "endpoints": tuple(found)}
    values = _of_us(node, request)
    values["endpoints"] = ()
    return values


def _bind(node: Settings, request: "Any") -> "dict[str, Any]":
    if request.src != node.flash.eui() or request.mode != zdo.TO_ENDPOINT:
        return {"status": zdo.NOT_SUPPORTED}
    if node.policies.get(1) != 0x11:
        return {"status": zdo.NOT_AUTHORIZED}
    for index in range(node.size(BINDINGS)):
        if index not in node.bindings:
            node.bindings[index] = _bound(request)
            return {"status": zdo.SUCCESS}
    # TABLE_FULL
    return {"status": 0x8C}


def _bound(request: "Any") -> "dict[str, Any]":
    return {
        "type": 1,
        "local": request.src_endpoint,
        "cluster": request.cluster,
        "remote": request.dst_endpoint,
        "eui": request.dst,
    }


def _unbind(node: Settings, request: "Any") -> "dict[str, Any]":
    if request.src != node.flash.eui() or request.mode != zdo.TO_ENDPOINT:
        return {"status": zdo.NOT_SUPPORTED}
    if node.policies.get(1) != 0x11:
        return {"status": zdo.NOT_AUTHORIZED}
    wanted = _bound(request)
    for index in sorted(node.bindings):
        if all([node.bindings[index].get(name) == wanted[name] for name in sorted(wanted)]):
            del node.bindings[index]
            return {"status": zdo.SUCCESS}
    # NO_ENTRY
    return {"status": 0x88}


def _management_lqi(node: Settings, request: "Any") -> "dict[str, Any]":
    network = node.flash.network
    found = []
    if network is not None:
        for index in sorted(node.flash.children):
            eui, short, _ = node.flash.children[index]
            # An end device that sleeps, our child, which permits nobody.
            found.append(
                layout.make(
                    zdo.NEIGHBOUR,
                    extended_pan=network.extended_pan,
                    eui=eui,
                    short=short,
                    flags=0x12,
                    permit=0,
                    depth=1,
                    lqi=255,
                )
            )
    some = tuple(found[request.start : request.start + 2])
    return {"status": zdo.SUCCESS, "total": len(found), "start": request.start, "neighbours": some}


def _management_routing(_node: Settings, request: "Any") -> "dict[str, Any]":
    # The radio routes; what it knows of routes is its own.
    return {"status": zdo.SUCCESS, "total": 0, "start": request.start, "routes": ()}


_HANDLERS = {
    zdo.NETWORK_ADDRESS: _network_address,
    zdo.IEEE_ADDRESS: _ieee_address,
    zdo.NODE_DESCRIPTOR: _node_descriptor,
    zdo.POWER_DESCRIPTOR: _power_descriptor,
    zdo.SIMPLE_DESCRIPTOR: _simple_descriptor,
    zdo.ACTIVE_ENDPOINTS: _active_endpoints,
    zdo.MATCH_DESCRIPTORS: _match_descriptors,
    zdo.BIND: _bind,
    zdo.UNBIND: _unbind,
    zdo.MANAGEMENT_LQI: _management_lqi,
    zdo.MANAGEMENT_ROUTING: _management_routing,
}
