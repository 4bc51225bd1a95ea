import { vi } from "vitest";

/**
 * Waits until it no longer throws; only a fault, or a machine that is very busy, takes long.
 *
 * @throws what it threw last
 */
export function eventually<Result>(look: () => Result | Promise<Result>): Promise<Result> {
  return vi.waitFor(look, { timeout: 60_000, interval: 5 });
}
