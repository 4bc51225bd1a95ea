import { networkInterfaces } from "node:os";

/** This machine can be reached over IPv6 from itself. */
export const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === "::1");
