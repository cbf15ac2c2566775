import { spawn } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

const READY_WITHIN_MS = 90_000;
const STOPPED_WITHIN_MS = 15_000;

/** The binary to test: MUSTER_BIN, or where cargo puts a release build. */
function binary() {
  const cache = process.env.MUSTER_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "muster");
  const target = process.env.CARGO_TARGET_DIR ?? join(cache, "target");
  return process.env.MUSTER_BIN ?? join(target, "release", "muster");
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Nothing of the caller's own set-up may reach the server under test: no database, no mail server, no settings. */
function environment(port, data) {
  const kept = ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG"].filter((name) => name in process.env);
  return {
    ...Object.fromEntries(kept.map((name) => [name, process.env[name]])),
    PORT: String(port),
    MUSTER_SERVER__DATA_DIR: data,
    // All tests come from one address.
    MUSTER_RATE_LIMITS__PER_MINUTE: "100000",
    MUSTER_TELEMETRY__FORMAT: "text",
  };
}

/**
 * Starts a server with an empty data folder. The answer holds its address, its folder and a way to stop it. `settings` are
 * added to its environment.
 */
export async function startServer(settings = {}) {
  const data = await mkdtemp(join(tmpdir(), "muster-e2e-"));
  // The embedded database runs as another user when this runs as root, and has to get through.
  await chmod(data, 0o755);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(binary(), ["serve"], { env: { ...environment(port, data), ...settings }, stdio: ["ignore", "pipe", "pipe"] });
  const log = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => log.push(chunk.toString()));
  const exited = new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal));
    child.once("error", (error) => {
      log.push(`${error.message}. Build it with: cargo build --release -p server\n`);
      resolve(error.code);
    });
  });
  const stop = async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOPPED_WITHIN_MS);
    const code = await exited;
    clearTimeout(timer);
    await rm(data, { recursive: true, force: true });
    return code;
  };
  try {
    await ready(url, exited);
  } catch (error) {
    await stop();
    throw new Error(`${error.message}\n${log.join("").split("\n").slice(-40).join("\n")}`);
  }
  return { url, data, stop, log: () => log.join("") };
}

async function ready(url, exited) {
  let gone;
  exited.then((code) => (gone = code));
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline) {
    if (gone !== undefined) throw new Error(`The server ended (${gone}) before it was ready. Its last lines:`);
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`The server was not ready after ${READY_WITHIN_MS / 1000} s. Its last lines:`);
}
