"""A program of its own: zigpy over bellows, unmodified, forms a network that a router joins, and talks to the router.

    python zigpy_network.py PATH EUI64 KEY permit|closed SECONDS

EUI64 and KEY of the router, hexadecimal. Prints a JSON line when the network is as it shall be, and one at the end,
when the router has joined and answered or SECONDS are over. zigpy and bellows are GPL-3.0: they are run, in this
process, and nothing of ours imports them.
"""

import asyncio
import json
import sys

# A request to read attribute 0 of the cluster.
READ = "00%02x000000"
PROFILE = 0x0104


class Listener:
    """What zigpy tells of the router."""

    def __init__(self, router):
        self.router = router
        self.joined = asyncio.Event()
        self.initialized = asyncio.Event()
        self.left = asyncio.Event()
        self.answers = asyncio.Queue()

    def device_joined(self, device):
        if device.ieee == self.router:
            self.joined.set()

    def device_initialized(self, device):
        if device.ieee == self.router:
            self.initialized.set()

    def device_left(self, device):
        if device.ieee == self.router:
            self.left.set()

    def handle_message(self, device, profile, cluster, source, target, octets):
        if cluster == 0x0702:
            self.answers.put_nowait(octets.hex())


async def talk(application, listener, router, told):
    """Reads the router's attribute, with and without the link key."""
    import zigpy.types as t

    for number, sealed in enumerate((False, True), 1):
        options = t.TransmitOptions.ACK
        if sealed:
            options |= t.TransmitOptions.APS_Encryption
        await application.send_packet(
            t.ZigbeePacket(
                src=t.AddrModeAddress(t.AddrMode.NWK, 0),
                src_ep=1,
                dst=t.AddrModeAddress(t.AddrMode.NWK, router.nwk),
                dst_ep=1,
                tsn=number,
                profile_id=PROFILE,
                cluster_id=0x0702,
                data=t.SerializableBytes(bytes.fromhex(READ % number)),
                tx_options=options,
            )
        )
        told["answers"].append(await asyncio.wait_for(listener.answers.get(), 10))


async def main(path, eui, key, permit, seconds):
    import bellows.zigbee.application
    import zigpy.config
    import zigpy.types as t

    application = bellows.zigbee.application.ControllerApplication(
        {
            zigpy.config.CONF_DATABASE: None,
            zigpy.config.CONF_DEVICE: {zigpy.config.CONF_DEVICE_PATH: path},
            zigpy.config.CONF_NWK_BACKUP_ENABLED: False,
            zigpy.config.CONF_NWK: {zigpy.config.CONF_NWK_CHANNEL: 20},
            zigpy.config.CONF_TOPO_SCAN_ENABLED: False,
            zigpy.config.CONF_OTA: {zigpy.config.CONF_OTA_ENABLED: False},
        }
    )
    node = t.EUI64(bytes.fromhex(eui)[::-1])
    listener = Listener(node)
    application.add_listener(listener)
    await application.startup(auto_form=True)
    # What starting puts back two seconds later would undo the permission (zigpy 2.4).
    await asyncio.sleep(2.2)
    if permit == "permit":
        await application.permit_with_link_key(node, t.KeyData(bytes.fromhex(key)), 60)
    info = application.state.network_info
    print(json.dumps({"pan": int(info.pan_id), "key": bytes(info.network_key.key).hex()}), flush=True)
    told = {"joined": False, "answers": []}
    try:
        await asyncio.wait_for(listener.initialized.wait(), seconds)
        router = application.get_device(ieee=node)
        told["node"] = int(router.nwk)
        told["endpoints"] = sorted(number for number in router.endpoints if number)
        told["type"] = router.node_desc.logical_type.name
        told["device"] = int(router.endpoints[1].device_type)
        await talk(application, listener, router, told)
        await application.remove(node)
        await asyncio.sleep(1)
        told["left"] = listener.left.is_set()
    except TimeoutError:
        pass
    told["joined"] = listener.joined.is_set()
    await application.shutdown()
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5], float(sys.argv[5])))
