/** Bytes of a socket as lines of text, with a bound on what a line may hold in memory. */
import type { Socket } from "node:net";

/**
 * Calls `take` for every line. A line of more than `longest` characters ends the connection: nothing
 * that the protocol says is that long.
 */
export function readLines(socket: Socket, longest: number, take: (line: string) => void): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (socket.destroyed) {
        return;
      }
      if (line.length > longest) {
        socket.destroy();
        return;
      }
      take(line);
    }
    if (rest.length > longest) {
      socket.destroy();
    }
  });
}

export function writeLine(socket: Socket, message: object): void {
  if (socket.writable) {
    socket.write(`${JSON.stringify(message)}\n`);
  }
}
