/**
 * Loaded into the program before itself (`node --import`): wherever it makes a folder for a socket,
 * something has the socket's name already. libzmq takes a stale socket file away before it binds,
 * so the name is that of a folder with something in it: the system's own EADDRINUSE.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

const make = fs.mkdtempSync;
fs.mkdtempSync = (prefix, options) => {
  const folder = make(prefix, options);
  fs.mkdirSync(join(folder, "worker.sock", "taken"), { recursive: true });
  return folder;
};
syncBuiltinESMExports();
