"""Frames of the air that tests and fuzzers begin with: each kind and each command once, built by the package."""

from slotmeter.zigbee_han.frames import aps, layout, mac, nwk, zdo

METER = bytes.fromhex("00db1234567890a0")
HUB = bytes.fromhex("00db1234567890b1")
EXTENDED_PAN = bytes.fromhex("a1b2c3d4e5f60718")
KEY = bytes(range(16))
PAN = 0x1A62

MAC_COMMANDS = [
    mac.build_command(mac.ASSOCIATION_REQUEST, capability=mac.ROUTER),
    mac.build_command(mac.ASSOCIATION_RESPONSE, short=0x4321, status=mac.ASSOCIATED),
    mac.build_command(mac.DISASSOCIATION, reason=1),
    mac.build_command(mac.DATA_REQUEST),
    mac.build_command(mac.PAN_CONFLICT),
    mac.build_command(mac.ORPHAN),
    mac.build_command(mac.BEACON_REQUEST),
    mac.build_command(mac.REALIGNMENT, pan=PAN, coordinator=0, channel=15, short=0xFFFF),
]

NWK_BEACON = nwk.build_beacon(EXTENDED_PAN, 3, 1, True, False)

MAC_FRAMES = [
    mac.Frame(mac.BEACON, 1, src_pan=PAN, src=0, payload=mac.build_beacon(True, True, NWK_BEACON)),
    mac.Frame(mac.DATA, 2, PAN, 0x4321, PAN, 0, b"payload", True, False, True),
    mac.Frame(mac.DATA, 3, PAN, METER, 0x1111, HUB, b"", True, True),
    mac.Frame(mac.DATA, 4, 0xFFFF, 0xFFFF, None, None, b"x", version=1),
    mac.Frame(mac.ACK, 200),
    mac.Frame(mac.COMMAND, 5, PAN, 0, 0xFFFF, METER, MAC_COMMANDS[0], True),
    mac.Frame(mac.COMMAND, 6, PAN, METER, PAN, HUB, MAC_COMMANDS[1], True, False, True),
    mac.Frame(mac.COMMAND, 7, PAN, 0, PAN, METER, MAC_COMMANDS[3], True, False, True),
    mac.Frame(mac.COMMAND, 8, 0xFFFF, 0xFFFF, payload=MAC_COMMANDS[6]),
]

NWK_COMMANDS = [
    nwk.build_command(nwk.ROUTE_REQUEST, options=0, number=9, dst=0x4321, cost=2),
    nwk.build_command(nwk.ROUTE_REQUEST, options=0x20, number=9, dst=0x4321, cost=2, dst_eui=METER),
    nwk.build_command(nwk.ROUTE_REQUEST, options=0x08, number=9, dst=0xFFFC, cost=0),
    nwk.build_command(nwk.ROUTE_REPLY, options=0, number=9, originator=0, responder=0x4321, cost=3),
    nwk.build_command(
        nwk.ROUTE_REPLY,
        options=0x30,
        number=9,
        originator=0,
        responder=0x4321,
        cost=3,
        originator_eui=HUB,
        responder_eui=METER,
    ),
    nwk.build_command(nwk.NETWORK_STATUS, status=nwk.LINK_FAILURE, dst=0x4321),
    nwk.build_command(nwk.LEAVE, options=nwk.LEAVE_REQUEST | nwk.LEAVE_REJOIN),
    nwk.build_command(nwk.ROUTE_RECORD, relays=(0x1111, 0x2222)),
    nwk.build_command(nwk.REJOIN_REQUEST, capability=mac.ROUTER),
    nwk.build_command(nwk.REJOIN_RESPONSE, short=0x4321, status=0),
    nwk.build_command(nwk.LINK_STATUS, options=0x62, links=(nwk.link(0, 1, 1), nwk.link(0x2222, 3, 0))),
    nwk.build_command(nwk.TIMEOUT_REQUEST, timeout=8, configuration=0),
    nwk.build_command(nwk.TIMEOUT_RESPONSE, status=0, information=1),
]

NWK_FRAMES = [
    nwk.Frame(nwk.DATA, 0x4321, 0, 30, 1, b"payload"),
    nwk.Frame(nwk.DATA, 0xFFFD, 0x4321, 30, 2, b"payload", None, METER, discover=True),
    nwk.Frame(nwk.COMMAND, 0, 0x4321, 1, 3, NWK_COMMANDS[0], HUB, METER, secured=True),
    nwk.Frame(nwk.DATA, 0x4321, 0, 29, 4, b"payload", relays=(0x1111, 0x2222), relay_index=1),
    nwk.Frame(nwk.DATA, 0x4321, 0, 29, 5, b"p", relays=(), multicast=0x49, by_end_device=True),
]

APS_COMMANDS = [
    aps.build_command(aps.TRANSPORT_KEY, key_type=1, key=KEY, sequence=0, dst=METER, src=HUB),
    aps.build_command(aps.TRANSPORT_KEY, key_type=3, key=KEY, partner=METER, initiator=1),
    aps.build_command(aps.TRANSPORT_KEY, key_type=4, key=KEY, joiner=METER, centre=HUB),
    aps.build_command(aps.UPDATE_DEVICE, device=METER, short=0x4321, status=aps.UNSECURED_JOIN),
    aps.build_command(aps.REMOVE_DEVICE, device=METER),
    aps.build_command(aps.REQUEST_KEY, key_type=4),
    aps.build_command(aps.REQUEST_KEY, key_type=2, partner=METER),
    aps.build_command(aps.SWITCH_KEY, sequence=1),
    aps.build_command(aps.TUNNEL, dst=METER, frame=b"any frame"),
    aps.build_command(aps.VERIFY_KEY, key_type=4, src=METER, proof=KEY),
    aps.build_command(aps.CONFIRM_KEY, status=0, key_type=4, dst=METER),
]

APS_FRAMES = [
    aps.Frame(aps.DATA, 1, b"payload", 1, 0x0702, 0x0109, 1, ack_request=True),
    aps.Frame(aps.DATA, 2, b"payload", 0xFF, 0x0702, 0x0109, 1, delivery=aps.BROADCAST),
    aps.Frame(aps.DATA, 3, b"payload", None, 0x0702, 0x0109, 1, group=0x1234, delivery=aps.GROUP),
    aps.Frame(aps.DATA, 4, b"block", 1, 0x0704, 0x0109, 1, ack_request=True, fragment=aps.FIRST_BLOCK, block=3),
    aps.Frame(aps.DATA, 4, b"block", 1, 0x0704, 0x0109, 1, ack_request=True, fragment=aps.LATER_BLOCK, block=1),
    aps.Frame(aps.ACK, 1, b"", 1, 0x0702, 0x0109, 1),
    aps.Frame(aps.ACK, 4, b"", 1, 0x0704, 0x0109, 1, fragment=aps.LATER_BLOCK, block=1, received=0xFF),
    aps.Frame(aps.ACK, 5),
    aps.Frame(aps.COMMAND, 6, APS_COMMANDS[0], ack_request=True),
    aps.Frame(aps.COMMAND, 7, APS_COMMANDS[7], delivery=aps.BROADCAST),
]

_NODE = {
    "device": 1,
    "band": 0x40,
    "capability": 0x8E,
    "manufacturer": 0x1234,
    "largest_buffer": 82,
    "largest_incoming": 1505,
    "server": 0,
    "largest_outgoing": 1505,
    "descriptors": 0,
}
_NEIGHBOUR = layout.make(
    zdo.NEIGHBOUR, extended_pan=EXTENDED_PAN, eui=METER, short=0x4321, flags=0x25, permit=0, depth=1, lqi=200
)

# (cluster, octets)
ZDO = [
    (cluster, zdo.build(cluster, 7, **values))
    for cluster, values in (
        (0x0000, {"eui": METER, "kind": 0, "start": 0}),
        (0x8000, {"status": 0, "eui": METER, "short": 0x4321}),
        (0x8000, {"status": 0, "eui": METER, "short": 0x4321, "count": 2, "start": 0, "devices": (1, 2)}),
        (0x0001, {"short": 0x4321, "kind": 0, "start": 0}),
        (0x8001, {"status": 0x81, "eui": METER, "short": 0x4321}),
        (0x0002, {"short": 0x4321}),
        (0x8002, {"status": 0, "short": 0x4321, **_NODE}),
        (0x0003, {"short": 0x4321}),
        (0x8003, {"status": 0, "short": 0x4321, "power": 0xC110}),
        (0x0004, {"short": 0x4321, "endpoint": 1}),
        (
            0x8004,
            {
                "status": 0,
                "short": 0x4321,
                "length": 14,
                "endpoint": 1,
                "profile": 0x0109,
                "device": 0x0501,
                "version": 1,
                "inputs": (0x0702, 0x0704),
                "outputs": (0x000A,),
            },
        ),
        (0x0005, {"short": 0x4321}),
        (0x8005, {"status": 0, "short": 0x4321, "endpoints": (1, 2)}),
        (0x0006, {"short": 0xFFFD, "profile": 0x0109, "inputs": (0x0800,), "outputs": ()}),
        (0x8006, {"status": 0, "short": 0, "endpoints": (1,)}),
        (0x0013, {"short": 0x4321, "eui": METER, "capability": mac.ROUTER}),
        (0x0021, {"src": METER, "src_endpoint": 1, "cluster": 0x0702, "mode": 1, "group": 2}),
        (0x0021, {"src": METER, "src_endpoint": 1, "cluster": 0x0702, "mode": 3, "dst": HUB, "dst_endpoint": 1}),
        (0x8021, {"status": 0}),
        (0x0022, {"src": METER, "src_endpoint": 1, "cluster": 0x0702, "mode": 3, "dst": HUB, "dst_endpoint": 1}),
        (0x8022, {"status": 0x88}),
        (0x0031, {"start": 0}),
        (0x8031, {"status": 0, "total": 1, "start": 0, "neighbours": (_NEIGHBOUR,)}),
        (0x0032, {"start": 0}),
        (
            0x8032,
            {
                "status": 0,
                "total": 1,
                "start": 0,
                "routes": (layout.make(zdo.ROUTE, dst=0x4321, flags=0, next_hop=0x1111),),
            },
        ),
        (0x0034, {"eui": METER, "flags": 0x80}),
        (0x8034, {"status": 0}),
        (0x0036, {"seconds": 60, "significance": 1}),
        (0x8036, {"status": 0}),
    )
]
