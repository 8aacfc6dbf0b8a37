// zigbee-herdsman, unmodified, forms a network that a router joins by its install code, and talks to the router.
//     node herdsman_network.js PATH EUI64 CODE permit|closed SECONDS
// CODE is the install code with its CRC, hexadecimal. Prints a JSON line when the network is as it shall be, and one at
// the end, when the router has joined and answered or SECONDS are over. What the host warns of goes to the standard
// error. node_modules is found through NODE_PATH.
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const {Controller, setLogger} = require("zigbee-herdsman");

// All that it does would fill a pipe that is read only when the router has ended, and what is in the queue is lost.
setLogger({debug: () => {}, info: () => {}, warning: console.error, error: console.error});

async function main(port, eui64, code, permit, seconds) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "herdsman-"));
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
    const told = {joined: false};
    const interviewed = new Promise((resolve) => {
        controller.on("deviceJoined", (event) => { told.joined = event.device.ieeeAddr === `0x${eui64}`; });
        controller.on("deviceInterview", (event) => {
            if (event.status !== "started") {
                told.interview = event.status;
                resolve(event.device);
            }
        });
    });
    const left = new Promise((resolve) => controller.on("deviceLeave", (event) => resolve(event.ieeeAddr)));
    const late = new Promise((resolve) => setTimeout(() => resolve(null), 1000 * seconds));
    await controller.start();
    if (permit === "permit") {
        await controller.addInstallCode(`${eui64}|${code}`);
        await controller.permitJoin(60);
    }
    console.log(JSON.stringify({pan: 0x1a62}));
    const device = await Promise.race([interviewed, late]);
    if (device) {
        const endpoint = device.getEndpoint(1);
        told.type = device.type;
        told.node = device.networkAddress;
        told.endpoint = {profile: endpoint.profileID, device: endpoint.deviceID, inputs: endpoint.inputClusters};
        told.read = await endpoint.read("seMetering", [0]);
        told.lqi = (await device.lqi()).length;
        await device.removeFromNetwork();
        told.left = await Promise.race([left, late]);
    }
    await controller.stop();
    fs.rmSync(folder, {recursive: true});
    process.stdout.write(JSON.stringify(told) + "\n", () => process.exit(0));
}

const [port, eui64, code, permit, seconds] = process.argv.slice(2);
main(port, eui64, code, permit, Number(seconds)).catch((error) => {
    console.error(error);
    process.exit(1);
});
