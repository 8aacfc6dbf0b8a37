// zigbee-herdsman, unmodified, starts, forms and permits on the stick at argv[2]. Prints one JSON object.
// Its folder node_modules is found through NODE_PATH.
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const {Controller} = require("zigbee-herdsman");

async function main(port) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "herdsman-"));
    const begun = process.hrtime.bigint();
    const controller = new Controller({
        network: {panID: 0x1a62, extendedPanID: [0xdd, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd],
            networkKey: Array.from({length: 16}, (_, i) => i + 1), channelList: [20]},
        serialPort: {path: port, adapter: "ember", baudRate: 115200, rtscts: false},
        databasePath: path.join(folder, "database.db"),
        databaseBackupPath: path.join(folder, "database.backup"),
        backupPath: path.join(folder, "backup.json"),
        adapter: {},
        acceptJoiningDeviceHandler: async () => true,
    });
    const result = await controller.start();
    await controller.permitJoin(60);
    const parameters = await controller.getNetworkParameters();
    const version = await controller.getCoordinatorVersion();
    const coordinator = controller.getDevicesByType("Coordinator")[0];
    const told = {
        result, version: version.meta.ezsp, pan: parameters.panID, channel: parameters.channel,
        eui64: coordinator.ieeeAddr, endpoints: coordinator.endpoints.map((one) => one.ID).sort((a, b) => a - b),
    };
    await controller.stop();
    told.all_s = Number(process.hrtime.bigint() - begun) / 1e9;
    fs.rmSync(folder, {recursive: true});
    console.log(JSON.stringify(told));
    process.exit(0);
}

main(process.argv[2]).catch((error) => {
    console.error(error);
    process.exit(1);
});
