"""A program of its own: zigpy moves a network from the stick at argv[1] to that at argv[2], address and all.

Prints one JSON object. zigpy and bellows are GPL-3.0: they are run, in this process, and nothing of ours imports them.
"""

import asyncio
import json
import sys

DEVICE = "00:11:22:33:44:55:66:77"


def application_on(path):
    import bellows.zigbee.application
    import zigpy.config

    return bellows.zigbee.application.ControllerApplication(
        {
            zigpy.config.CONF_DATABASE: None,
            zigpy.config.CONF_DEVICE: {zigpy.config.CONF_DEVICE_PATH: path},
            zigpy.config.CONF_NWK_BACKUP_ENABLED: False,
            zigpy.config.CONF_TOPO_SCAN_ENABLED: False,
            zigpy.config.CONF_OTA: {zigpy.config.CONF_OTA_ENABLED: False},
            zigpy.config.CONF_NWK: {zigpy.config.CONF_NWK_CHANNEL: 20},
        }
    )


def seen(info, node):
    return {
        "eui64": str(node.ieee),
        "pan": int(info.pan_id),
        "extended_pan": str(info.extended_pan_id),
        "channel": int(info.channel),
        "key": bytes(info.network_key.key).hex(),
        "sequence": int(info.network_key.seq),
        "counter": int(info.network_key.tx_counter),
        "link_keys": {str(one.partner_ieee): bytes(one.key).hex() for one in info.key_table},
    }


async def main(source, target):
    import zigpy.state
    import zigpy.types

    application = application_on(source)
    await application.startup(auto_form=True)
    partner = zigpy.types.EUI64.convert(DEVICE)
    status, *_ = await application._ezsp.importLinkKey(0, partner, zigpy.types.KeyData(bytes(range(16))))
    await application.load_network_info(load_devices=True)
    backup = await application.backups.create_backup(load_devices=True)
    told = {"import": int(status), "first": seen(backup.network_info, backup.node_info)}
    await application.shutdown()
    application = application_on(target)
    await application.connect()
    await application.backups.restore_backup(backup, counter_increment=5000, allow_incomplete=True)
    await application.load_network_info(load_devices=True)
    told["second"] = seen(application.state.network_info, application.state.node_info)
    await application.shutdown()
    application = application_on(target)
    await application.startup()
    told["after"] = seen(application.state.network_info, application.state.node_info)
    await application._ezsp.leaveNetwork()
    await asyncio.sleep(0.1)
    (state,) = await application._ezsp.networkState()
    told["left"] = int(state)
    await application.disconnect()
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
