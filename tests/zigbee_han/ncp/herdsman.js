// What the programs that run zigbee-herdsman, unmodified, have in common. node_modules is found through NODE_PATH.
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const {Controller, setLogger} = require("zigbee-herdsman");

// All that it does would fill a pipe that nobody reads meanwhile, and what is in the queue at the end is lost. What it
// warns of goes to the standard error.
setLogger({debug: () => {}, info: () => {}, warning: console.error, error: console.error});

// A controller for the stick at that place, with a network of its own on channel 20.
exports.PAN = 0x1a62;
exports.controller = (port) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "herdsman-"));
    process.on("exit", () => fs.rmSync(folder, {recursive: true, force: true}));
    return new Controller({
        network: {panID: exports.PAN, extendedPanID: [0xdd, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd],
            networkKey: Array.from({length: 16}, (_, i) => i + 1), channelList: [20]},
        serialPort: {path: port, adapter: "ember", baudRate: 115200, rtscts: false},
        databasePath: path.join(folder, "database.db"),
        databaseBackupPath: path.join(folder, "database.backup"),
        backupPath: path.join(folder, "backup.json"),
        adapter: {},
        acceptJoiningDeviceHandler: async () => true,
    });
};

// Runs a program to its end: prints the object that it found, or what went wrong.
exports.run = (program) => {
    program.then(
        (told) => process.stdout.write(JSON.stringify(told) + "\n", () => process.exit(0)),
        (error) => {
            console.error(error);
            process.exit(1);
        },
    );
};
