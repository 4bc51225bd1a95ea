/** The pages' server, on this machine's loopback address alone. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";

export interface WebServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * @param port 0: any that is free
 * @throws {Error} of the system: the port is taken, say
 */
export function startServer(app: Hono, port: number): Promise<WebServer> {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            // Browsers keep connections open.
            server.closeAllConnections();
          }),
      });
    });
  });
}
