"""A program of its own: zigpy over bellows, unmodified, forms a network and has one device join it by its link key.

    python zigpy_hub.py PLACE EUI64 KEY CHANNEL

Prints a JSON object for each thing that happens: {"ready": channel}, {"joined": EUI64}, {"heard": octets}. What it
hears on cluster FC00 it sends back, and says {"delivered": true} or why not. It ends when its standard input does.
"""

import asyncio
import json
import sys


class Listener:
    """What zigpy tells."""

    def __init__(self, application):
        self.application = application
        self.tasks = []

    def device_joined(self, device):
        say(joined=str(device.ieee))

    def handle_message(self, device, profile, cluster, source, target, message):
        if cluster == 0xFC00:
            say(heard=bytes(message).hex())
            self.tasks.append(asyncio.ensure_future(self.echo(device, bytes(message))))

    async def echo(self, device, octets):
        try:
            await self.application.request(device, 0x0104, 0xFC00, 1, 1, 1, octets[::-1])
            say(delivered=True)
        except Exception as error:  # noqa: BLE001 - what zigpy says is what is asked
            say(delivered="%s: %s" % (type(error).__name__, error))


def say(**what):
    print(json.dumps(what), flush=True)


async def main(place, eui64, key, channel):
    import bellows.zigbee.application
    import zigpy.config
    import zigpy.types

    config = {
        zigpy.config.CONF_DATABASE: None,
        zigpy.config.CONF_DEVICE: {zigpy.config.CONF_DEVICE_PATH: place},
        zigpy.config.CONF_NWK_BACKUP_ENABLED: False,
        zigpy.config.CONF_NWK: {zigpy.config.CONF_NWK_CHANNEL: channel},
        zigpy.config.CONF_TOPO_SCAN_ENABLED: False,
        zigpy.config.CONF_OTA: {zigpy.config.CONF_OTA_ENABLED: False},
    }
    # bellows resets the stick after it has formed, and registers its endpoints only when it connects: so once more.
    application = bellows.zigbee.application.ControllerApplication(config)
    await application.startup(auto_form=True)
    await application.shutdown()
    application = bellows.zigbee.application.ControllerApplication(config)
    await application.startup()
    application.add_listener(Listener(application))
    node = zigpy.types.EUI64.convert(":".join(eui64[place : place + 2] for place in range(0, 16, 2)))
    await application.permit_with_link_key(node, zigpy.types.KeyData(bytes.fromhex(key)), 120)
    say(ready=int(application.state.network_info.channel))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await application.shutdown()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
