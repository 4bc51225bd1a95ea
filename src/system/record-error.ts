/** The run's record cannot be made, written or read; says where, and what to do. */
export class RecordError extends Error {
  override readonly name = "RecordError";
  constructor(
    /**
     * `exists`: the run folder is there already · `name`: cannot be a folder's name ·
     * `permission`, `space`: the file system refuses · `damaged`: what is there is not a record ·
     * `version`: it is one as it was written, by another version of the program ·
     * `locked`: another controller has it, or may have it.
     */
    readonly reason:
      | "exists"
      | "name"
      | "permission"
      | "space"
      | "damaged"
      | "version"
      | "missing"
      | "locked"
      | "io",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const reasons: Readonly<Record<string, readonly [RecordError["reason"], string]>> = {
  EACCES: ["permission", "no permission"],
  EPERM: ["permission", "no permission"],
  EROFS: ["permission", "the file system is read-only"],
  ENOSPC: ["space", "the disk is full"],
  EDQUOT: ["space", "the disk quota is used up"],
  ENOENT: ["missing", "no such file or folder"],
  ENOTDIR: ["missing", "a part of the path is no folder"],
  EEXIST: ["exists", "something is in its place"],
  ENAMETOOLONG: ["name", "the name is too long"],
};

/** A file system error in plain words. @param what "cannot make the run folder /runs/x", say */
export function recordError(what: string, cause: unknown): RecordError {
  if (cause instanceof RecordError) {
    return cause;
  }
  const { code = "", message } = cause as NodeJS.ErrnoException;
  const [reason, why] = reasons[code] ?? ["io", message];
  return new RecordError(reason, `${what}: ${why}`, { cause });
}
