"""Fuzzes the tunnel: its server and its client get frames that others made, and time passes; and the sleepy queue.

An input is: who sends (1: the hub, a stranger), to whom (1: 0 the server, 1 the client), seconds that pass (2), and a
frame.
"""

import mutate

from slotmeter.zigbee_han import commands, server, tunnel, tunnel_queue, zcl
from slotmeter.zigbee_han.errors import DecodeError

HUB = bytes.fromhex("90b3d51f30010000")
METER = bytes.fromhex("00db1234567890a0")
STRANGER = bytes.fromhex("00db1234567890a1")
REQUEST = {"protocol_id": 6, "manufacturer_code": 0xFFFF, "flow_control": False, "maximum_incoming_transfer_size": 1500}


def seeds():
    found = []
    for to_client, which, values in (
        (False, 0, REQUEST),
        (False, 1, {"tunnel_id": 0}),
        (False, 1, {"tunnel_id": 1}),
        (False, 2, {"tunnel_id": 0, "data": b"\xdf" * 40}),
        (False, 2, {"tunnel_id": 1, "data": b"\xdf" * 1500}),
        (False, 2, {"tunnel_id": 0, "data": tunnel_queue.get()}),
        (False, 3, {"tunnel_id": 0, "status": 0}),
        (False, 6, {"protocol_offset": 0}),
        (True, 0, {"tunnel_id": 0, "status": 0, "maximum_incoming_transfer_size": 1500}),
        (True, 0, {"tunnel_id": 0xFFFF, "status": 1}),
        (True, 0, {"tunnel_id": 0xFFFF, "status": 2}),
        (True, 1, {"tunnel_id": 0, "data": tunnel_queue.get_response(2, b"\xdd" * 30)}),
        (True, 1, {"tunnel_id": 1, "data": tunnel_queue.put(b"\xdd" * 30)}),
        (True, 2, {"tunnel_id": 0, "status": 0}),
        (True, 2, {"tunnel_id": 0, "status": 2}),
        (True, 6, {"tunnel_id": 0}),
    ):
        frame = zcl.Frame(zcl.CLUSTER, which, commands.build(tunnel.TUNNELING, to_client, which, values), 1, to_client)
        for who in (0, 0, 1):
            found.append(bytes((who, to_client, 0, 1)) + zcl.build_frame(frame))
    for to_client in (0, 1):
        for payload in (b"\x00\x00", b"\x02\x00", b"\x01\x89", b"\x00\x01"):
            frame = zcl.Frame(zcl.GENERAL, zcl.DEFAULT_RESPONSE, payload, 1, bool(to_client))
            found.append(bytes((0, to_client, 0xFF, 0xFF)) + zcl.build_frame(frame))
    return found


SERVED = tunnel.Tunnel()
CLIENT = tunnel.TunnelClient(METER)
ENDS = (server.Endpoint([SERVED]), server.Endpoint([CLIENT]))
TIMES = [0]


def parse(data):
    who, to_client = (data[0] & 1, data[1] & 1) if len(data) > 1 else (0, 0)
    peer = STRANGER if who else METER if to_client else HUB
    TIMES[0] += 1000 * int.from_bytes(data[2:4], "big")
    end = ENDS[to_client]
    end.receive(server.Message(peer, 1, tunnel.TUNNELING, data[4:]), TIMES[0])
    SERVED.send(HUB, b"\xdd" * (len(data) % 100))
    if len(CLIENT._waiting) < 4:
        CLIENT.send(b"\xdf" * 9, TIMES[0])
    for one in ENDS:
        one.tick(TIMES[0])
        for _ in range(200):
            if one.to_send() is None:
                break
        else:
            raise AssertionError("it sends without end")
        deadline = one.deadline_ms()
        assert deadline is None or deadline >= TIMES[0], "a deadline that has passed"
    arrived = []
    for one in ENDS:
        event = one.next_event()
        while event is not None:
            if isinstance(event, tunnel.Arrived):
                assert event.peer != STRANGER or STRANGER in SERVED.peers()
                arrived.append(event.data)
            event = one.next_event()
    assert len(SERVED.peers()) <= tunnel.TUNNELS
    frame = zcl.parse_frame(data[4:])
    if frame.kind == zcl.CLUSTER:
        commands.parse(tunnel.TUNNELING, frame.to_client, frame.command, frame.payload)
    kind, waiting, message = tunnel_queue.parse(arrived[0] if arrived else data[4:])
    build = {
        tunnel_queue.GET: tunnel_queue.get,
        tunnel_queue.GET_RESPONSE: lambda: tunnel_queue.get_response(waiting, message),
        tunnel_queue.PUT: lambda: tunnel_queue.put(message),
    }
    assert build[kind]() == (arrived[0] if arrived else data[4:]), "the queue builds differently"


TARGET = mutate.Target("zigbee_han/tunnel.py", seeds(), parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
