/**
 * Somebody whom permissions bind. Tests may run as the superuser, in a container for example, who
 * may read and write everything: then what needs a refusal is done as this user.
 */
import { chownSync } from "node:fs";

/** `nobody` of most systems; it needs no entry anywhere. */
const nobody = 65534;

const superuser = process.getuid?.() === 0;

/** For `spawn`: whom to be. */
export const unprivileged: { readonly uid?: number; readonly gid?: number } = superuser
  ? { uid: nobody, gid: nobody }
  : {};

/** Makes these theirs, so that nothing but the mode decides. */
export function giveAway(...paths: readonly string[]): void {
  if (!superuser) return;
  for (const path of paths) chownSync(path, nobody, nobody);
}

/** Calls as them, in this process. */
export function withoutPrivileges<T>(call: () => T): T {
  if (!superuser) return call();
  process.seteuid!(nobody);
  try {
    return call();
  } finally {
    process.seteuid!(0);
  }
}
