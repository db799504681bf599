// Loaded before a peer that would listen on every address of the machine: it listens on the loopback address.

import { Server } from "node:net";

const listen = Server.prototype.listen;

Server.prototype.listen = function (port, ...rest) {
  const ready = rest.filter((argument) => typeof argument === "function");
  return listen.call(this, Number(port), "127.0.0.1", ...ready);
};
