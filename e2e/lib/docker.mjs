import { connect } from "node:net";

const SOCKET = "/var/run/docker.sock";

/** Why the server cannot use Docker here; nothing where it can. */
export function withoutDocker() {
  return new Promise((resolve) => {
    const socket = connect(SOCKET);
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", ({ code }) => resolve(`Docker does not answer at ${SOCKET} (${code})`));
  });
}
