"""A program of its own: bellows' EZSP class, unmodified, joins a network as a router and reads and answers there.

    python bellows_router.py PATH KEY PROFILE SECONDS

KEY is hexadecimal. Prints a JSON line with the stack status that came of joining; then, when it is in the network, one
for each message that it got, until SECONDS are over or the network is gone. Requests to read attributes are answered
with the security that they had: attribute 0 is the number 8; 4 and 5, maker and model, are "router".
"""

import asyncio
import json
import sys

import bellows.ezsp
import bellows.types as t

ATTRIBUTES = {0: b"\x00\x20\x08", 4: b"\x00\x42\x06router", 5: b"\x00\x42\x06router"}
DEVICE = {"path": "", "baudrate": 115200, "flow_control": None}


class Router:
    def __init__(self, profile):
        self.profile = profile
        self.status = asyncio.Queue()
        self.messages = asyncio.Queue()
        self.found = []

    def callback(self, name, args):
        if name == "stackStatusHandler":
            self.status.put_nowait(int(args[0]))
        elif name == "networkFoundHandler":
            self.found.append(args[0])
        elif name == "incomingMessageHandler":
            if self.line.ezsp_version >= 14:
                _, frame, sender, *_, octets = args
            else:
                _, frame, _, _, sender, _, _, octets = args
            self.messages.put_nowait((frame, sender, bytes(octets)))

    async def setup(self, path):
        self.line = bellows.ezsp.EZSP({**DEVICE, "path": path})
        await self.line.connect()
        await self.line.write_config({})
        self.line.add_callback(self.callback)
        inputs, outputs = [0x0000, 0x0702], [0x000A]
        await self.line.addEndpoint(1, self.profile, 0x0501, 0, len(inputs), len(outputs), inputs, outputs)

    async def join(self, key):
        state = t.EmberInitialSecurityState(
            bitmask=t.EmberInitialSecurityBitmask(0x0900),
            preconfiguredKey=t.KeyData(key),
            networkKey=t.KeyData(bytes(16)),
            networkKeySequenceNumber=0,
            preconfiguredTrustCenterEui64=t.EUI64(bytes(8)),
        )
        (status,) = await self.line.setInitialSecurityState(state)
        assert int(status) == 0, status
        await self.line.startScan(t.EzspNetworkScanType.ACTIVE_SCAN, t.Channels.from_channel_list([20]), 3)
        await asyncio.sleep(0.25)
        if not self.found:
            return None
        network = self.found[0]
        parameters = t.EmberNetworkParameters(
            extendedPanId=network.extendedPanId,
            panId=network.panId,
            radioTxPower=8,
            radioChannel=network.channel,
            joinMethod=t.EmberJoinMethod.USE_MAC_ASSOCIATION,
            nwkManagerId=0,
            nwkUpdateId=0,
            channels=t.Channels.ALL_CHANNELS,
        )
        (status,) = await self.line.joinNetwork(t.EmberNodeType.ROUTER, parameters)
        assert int(status) == 0, status
        return await asyncio.wait_for(self.status.get(), 15)

    async def answer(self, frame, sender, octets):
        frame.destinationEndpoint, frame.sourceEndpoint = frame.sourceEndpoint, frame.destinationEndpoint
        frame.options = t.EmberApsOption(0x0140 | int(frame.options) & 0x0020)
        reply = bytes((0x18, octets[1], 0x01))
        for place in range(3, len(octets) - 1, 2):
            number = octets[place : place + 2]
            reply += number + ATTRIBUTES.get(int.from_bytes(number, "little"), b"\x86")
        await self.line.send_unicast(nwk=sender, aps_frame=frame, message_tag=1, data=reply)


async def main(path, key, profile, seconds):
    router = Router(profile)
    await router.setup(path)
    status = await router.join(key)
    told = {"status": status, "permit": [bool(one.allowingJoin) for one in router.found]}
    if status in (0x90, 0x15):
        (node,) = await router.line.getNodeId()
        told["node"] = int(node)
        _, node_type, parameters = await router.line.getNetworkParameters()
        told["type"], told["pan"] = int(node_type), int(parameters.panId)
    print(json.dumps(told), flush=True)
    until = asyncio.get_running_loop().time() + seconds
    while "node" in told and asyncio.get_running_loop().time() < until and router.status.empty():
        try:
            frame, sender, octets = await asyncio.wait_for(router.messages.get(), 0.2)
        except TimeoutError:
            continue
        told_of = {"cluster": int(frame.clusterId), "options": int(frame.options), "data": octets.hex()}
        print(json.dumps(told_of), flush=True)
        if int(frame.profileId) == profile and len(octets) >= 5 and octets[2] == 0:
            await router.answer(frame, sender, octets)
    await router.line.disconnect()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3], 16), float(sys.argv[4])))
