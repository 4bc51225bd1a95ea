/** Hosts of TCP addresses: names, which stand for IPv4 addresses, and addresses of both kinds. */
import { isIPv6 } from "node:net";

/** Without the brackets that an IPv6 address may come in. */
export function bareHost(text: string): string {
  const inside = /^\[(.*)\]$/.exec(text)?.[1];
  return inside !== undefined && isIPv6(inside) ? inside : text;
}

/** Nothing that could be an argument or another address; no zone of an IPv6 address either. */
export function isHost(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text) || (isIPv6(text) && !text.includes("%"));
}

/** It means every address of this machine, and none that could be connected to. */
export function isEveryAddress(host: string): boolean {
  return /^[0:.]+$/.test(host);
}

/** As ZeroMQ writes it. @param host without brackets */
export function tcpAddress(host: string, port: number): string {
  return `tcp://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
