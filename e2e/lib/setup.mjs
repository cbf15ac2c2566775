import { mkdir, writeFile } from "node:fs/promises";

import { startServer } from "./server.mjs";

/**
 * Starts the server under test once for all specs; E2E_URL names one that runs already. Its sandboxes are local ones, also where
 * Docker answers: the journeys on Docker have a server of their own, so that both are shown.
 */
export default async function setup() {
  if (process.env.E2E_URL) return undefined;
  const server = await startServer({ MUSTER_SANDBOX__BACKEND: "local" });
  process.env.E2E_URL = server.url;
  return async () => {
    const code = await server.stop();
    await mkdir(new URL("../results/", import.meta.url), { recursive: true });
    await writeFile(new URL("../results/server.txt", import.meta.url), server.log());
    if (code !== 0) throw new Error(`The server did not stop cleanly on SIGTERM: ${code}. See results/server.txt.`);
  };
}
