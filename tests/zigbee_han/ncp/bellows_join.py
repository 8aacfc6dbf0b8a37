"""A program of its own: bellows' EZSP class, unmodified, joins a network as a router with an install code's key.

    python bellows_join.py PLACE KEY TEXT            scans, joins, sends TEXT to the coordinator, waits for its answer
    python bellows_join.py PLACE KEY TEXT CHANNEL    the same on this channel, where it scans again if it hears nobody
    python bellows_join.py PLACE - TEXT              goes on in the network that the stick remembers, and does the same

Prints one JSON object: networks (channels where it heard one), joined, delivered, answer.
"""

import asyncio
import json
import sys

CLUSTER = 0xFC00
PROFILE = 0x0104
# Preconfigured key, and the network key must come encrypted.
SECURITY = 0x0900
CHANNELS = 0x07FFF800
SCANS = 5


class Callbacks:
    """What the stick tells by itself."""

    def __init__(self):
        self.came = []
        self.changed = asyncio.Event()

    def __call__(self, name, arguments):
        self.came.append((name, arguments))
        self.changed.set()

    async def wait(self, wanted, seconds=10):
        """The arguments of the next callback for which `wanted(name, arguments)` holds."""
        async with asyncio.timeout(seconds):
            while True:
                while self.came:
                    name, arguments = self.came.pop(0)
                    if wanted(name, arguments):
                        return arguments
                self.changed.clear()
                await self.changed.wait()


async def main(place, key, text, channel=None):
    import bellows.ezsp
    import bellows.types as t

    def status(value):
        return t.sl_Status.from_ember_status(value).name

    told = {"networks": [], "joined": False}
    ezsp = bellows.ezsp.EZSP({"path": place, "baudrate": 115200, "flow_control": None})
    callbacks = Callbacks()
    await ezsp.connect(use_thread=False)
    ezsp.add_callback(callbacks)
    await ezsp.write_config({})
    await ezsp.addEndpoint(1, PROFILE, 0x0501, 0, 1, 0, [CLUSTER], [])

    def up(name, arguments):
        if name == "stackStatusHandler":
            told["status"] = status(arguments[0])
        return name == "stackStatusHandler" and told["status"] in ("NETWORK_UP", "JOIN_FAILED", "NO_BEACONS")

    if key == "-":
        await ezsp.networkInit(t.EmberNetworkInitBitmask.NETWORK_INIT_NO_OPTIONS)
    else:
        zero = t.KeyData(bytes(16))
        state = t.EmberInitialSecurityState(
            bitmask=t.EmberInitialSecurityBitmask(SECURITY),
            preconfiguredKey=t.KeyData(bytes.fromhex(key)),
            networkKey=zero,
            networkKeySequenceNumber=0,
            preconfiguredTrustCenterEui64=t.EUI64(bytes(8)),
        )
        await ezsp.setInitialSecurityState(state)
        mask = CHANNELS if channel is None else 1 << int(channel)
        found = None
        for _ in range(1 if channel is None else SCANS):
            await ezsp.startScan(t.EzspNetworkScanType.ACTIVE_SCAN, t.Channels(mask), 3)
            while True:
                arguments = await callbacks.wait(lambda name, _: name in ("networkFoundHandler", "scanCompleteHandler"))
                if not hasattr(arguments[0], "channel"):
                    break
                told["networks"].append(int(arguments[0].channel))
                if arguments[0].allowingJoin:
                    found = arguments[0]
            if found is not None:
                break
        if found is None:
            print(json.dumps(told))
            await ezsp.disconnect()
            return
        parameters = t.EmberNetworkParameters(
            extendedPanId=found.extendedPanId,
            panId=found.panId,
            radioTxPower=8,
            radioChannel=found.channel,
            joinMethod=t.EmberJoinMethod.USE_MAC_ASSOCIATION,
            nwkManagerId=0,
            nwkUpdateId=0,
            channels=t.Channels(CHANNELS),
        )
        await ezsp.joinNetwork(t.EmberNodeType.ROUTER, parameters)
    await callbacks.wait(up)
    told["joined"] = told["status"] == "NETWORK_UP"
    if told["joined"]:
        aps = t.EmberApsFrame(
            profileId=PROFILE,
            clusterId=CLUSTER,
            sourceEndpoint=1,
            destinationEndpoint=1,
            options=t.EmberApsOption.APS_OPTION_RETRY | t.EmberApsOption.APS_OPTION_ENABLE_ROUTE_DISCOVERY,
            groupId=0,
            sequence=0,
        )
        await ezsp._protocol.send_unicast(t.NWK(0), aps, t.uint8_t(1), text.encode())
        # Where they are differs between the versions; there is one of each.
        sent = await callbacks.wait(lambda name, _: name == "messageSentHandler")
        told["delivered"] = status(sent[0] if ezsp.ezsp_version >= 14 else sent[4])

        def ours(name, arguments):
            return name == "incomingMessageHandler" and arguments[1].clusterId == CLUSTER

        told["answer"] = bytes((await callbacks.wait(ours))[-1]).decode()
    print(json.dumps(told))
    await ezsp.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
