// zigbee-herdsman, unmodified, forms a network that a router joins by its install code, and talks to the router.
//     node herdsman_network.js PATH EUI64 CODE permit|closed SECONDS
// CODE is the install code with its CRC, hexadecimal. Prints a JSON line when the network is as it shall be, and one at
// the end, when the router has joined and answered or SECONDS are over.
const herdsman = require("./herdsman.js");

async function main(port, eui64, code, permit, seconds) {
    const controller = herdsman.controller(port);
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
    console.log(JSON.stringify({pan: herdsman.PAN}));
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
    return told;
}

const [port, eui64, code, permit, seconds] = process.argv.slice(2);
herdsman.run(main(port, eui64, code, permit, Number(seconds)));
