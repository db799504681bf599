// Free ports, for programs that cannot pick one themselves.
//
// Prefer port 0 wherever the program tells which port it got: between picking and binding, another
// process may take a port that was free here.

import { createServer } from "node:net";

/** A port of the loopback address that nothing listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") {
          reject(new Error("the system gave no port"));
        } else {
          resolve(address.port);
        }
      });
    });
  });
}
