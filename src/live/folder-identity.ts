import { statSync } from "node:fs";

/**
 * Tells a folder from its copies, by whatever path it is reached.
 *
 * @throws {Error} of the file system
 */
export function folderIdentity(folder: string): string {
  const { dev, ino } = statSync(folder, { bigint: true });
  return `${dev}:${ino}`;
}
