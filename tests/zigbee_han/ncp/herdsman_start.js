// zigbee-herdsman, unmodified, starts, forms and permits on the stick at argv[2]. Prints one JSON object.
const herdsman = require("./herdsman.js");

async function main(port) {
    const begun = process.hrtime.bigint();
    const controller = herdsman.controller(port);
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
    return told;
}

herdsman.run(main(process.argv[2]));
