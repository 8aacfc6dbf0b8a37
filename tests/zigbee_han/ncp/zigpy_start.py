"""A program of its own: zigpy over bellows, unmodified, starts, forms and permits on the stick at argv[1].

Prints one JSON object. zigpy and bellows are GPL-3.0: they are run, in this process, and nothing of ours imports them.
"""

import asyncio
import json
import sys
import time


async def main(path, wanted):
    import bellows.zigbee.application
    import zigpy.config
    import zigpy.types

    config = {
        zigpy.config.CONF_DATABASE: None,
        zigpy.config.CONF_DEVICE: {
            zigpy.config.CONF_DEVICE_PATH: path,
            zigpy.config.CONF_DEVICE_BAUDRATE: 115200,
        },
        zigpy.config.CONF_NWK_BACKUP_ENABLED: False,
        # With a channel there is no scan for the quietest one, which takes four seconds of air.
        zigpy.config.CONF_NWK: {} if "choose" in wanted else {zigpy.config.CONF_NWK_CHANNEL: 20},
        zigpy.config.CONF_TOPO_SCAN_ENABLED: False,
        zigpy.config.CONF_OTA: {zigpy.config.CONF_OTA_ENABLED: False},
    }
    application = bellows.zigbee.application.ControllerApplication(config)
    begun = time.monotonic()
    await application.startup(auto_form=True)
    told = {"start_s": round(time.monotonic() - begun, 3)}
    await application.permit(60)
    node = b"\x00\x11\x22\x33\x44\x55\x66\x77"
    await application.permit_with_link_key(zigpy.types.EUI64(node), zigpy.types.KeyData(bytes(range(16))), 60)
    info = application.state.network_info
    told["all_s"] = round(time.monotonic() - begun, 3)
    told["version"] = application._ezsp.ezsp_version
    told["pan"] = int(info.pan_id)
    told["extended_pan"] = str(info.extended_pan_id)
    told["channel"] = int(info.channel)
    told["key"] = bytes(info.network_key.key).hex()
    told["eui64"] = str(application.state.node_info.ieee)
    told["type"] = application.state.node_info.logical_type.name
    told["model"] = str(application.state.node_info.model)
    told["endpoints"] = sorted(number for number in application.get_device(nwk=0).endpoints if number)
    told["descriptor"] = application.get_device(nwk=0).node_desc is not None
    if "scan" in wanted:
        energies = await application.energy_scan(zigpy.types.Channels.from_channel_list([11, 15, 25]), 0, 1)
        told["energies"] = sorted(int(channel) for channel in energies)
    if "nobody" in wanted:
        device = application.add_device(zigpy.types.EUI64(node), 0x1234)
        try:
            await application.request(device, 0x0104, 6, 1, 1, 1, b"\x00\x01\x00")
            told["nobody"] = "delivered"
        except Exception as error:  # noqa: BLE001 - what zigpy says is what is asked
            told["nobody"] = "%s: %s" % (type(error).__name__, error)
    await application.shutdown()
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
