// Runs Python steps on MicroPython's WebAssembly build, one call from JavaScript for each: its collector works only
// between calls.
//
// node run.mjs JOBS.json, where JOBS is {runtime, pystack, jobs: [{name, trees: [[host folder, place]], path: [...], steps: [...]}]}.
// Each job gets a fresh interpreter. Prints one line of JSON per step: {job, step, ms, out, error}. Without `.frozen` on
// the path the interpreter has the modules of a board; `pystack` words limit the depth of calls.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const { runtime, pystack, jobs } = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const { loadMicroPython } = await import(pathToFileURL(path.join(runtime, "micropython.mjs")));

function copy(FS, from, to) {
    if (fs.statSync(from).isDirectory()) {
        try {
            FS.mkdir(to);
        } catch {
            // It is there already.
        }
        for (const name of fs.readdirSync(from)) {
            copy(FS, path.join(from, name), `${to}/${name}`);
        }
    } else {
        FS.writeFile(to, fs.readFileSync(from));
    }
}

for (const job of jobs) {
    let out = "";
    const mp = await loadMicroPython({
        heapsize: 4 * 1024 * 1024,
        pystack,
        linebuffer: true,
        stdout: (line) => { out += line + "\n"; },
    });
    for (const [from, to] of job.trees) {
        copy(mp.FS, from, to);
    }
    mp.runPython(`import sys\nsys.path[:] = ${JSON.stringify(job.path)}\ndel sys`);
    for (const [step, text] of job.steps.entries()) {
        out = "";
        let error = null;
        const start = performance.now();
        try {
            mp.runPython(text);
        } catch (raised) {
            error = String(raised.message ?? raised);
        }
        const ms = Math.round(10 * (performance.now() - start)) / 10;
        console.log(JSON.stringify({ job: job.name, step, ms, out, error }));
        if (error !== null && step === 0) {
            break;
        }
    }
}
