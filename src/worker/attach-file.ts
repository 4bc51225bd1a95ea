/**
 * What a controller and workers that were started by hand know of each other: where the controller
 * listens, and the keys of both. One file of mode 0600, on both machines; made once, used by every run.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { EnvironmentError } from "./contract.js";
import { fromHome } from "./launchers/container.js";
import { makeKeys, type SessionKeys } from "./transport/authentication.js";

const key = z.string().length(40);

const fileSchema = z.strictObject({
  /** The controller listens there, and the workers connect to it. */
  host: z.string().min(1),
  /** Of the first worker; each further one has the next. */
  port: z.int().min(1).max(65_535),
  workers: z.int().min(1).max(64),
  session: z.string().min(1),
  server_public: key,
  server_secret: key,
  client_public: key,
  client_secret: key,
});

type AttachFile = z.infer<typeof fileSchema>;

export interface Attachment extends Pick<AttachFile, "host" | "session"> {
  /** One per worker. */
  readonly ports: readonly number[];
  readonly keys: SessionKeys;
}

/**
 * Writes a new file with new keys.
 *
 * @throws {EnvironmentError} it is there already, or cannot be written
 */
export function writeAttachFile(
  file: string,
  where: Pick<AttachFile, "host" | "port" | "workers">,
): void {
  const { server, client } = makeKeys();
  const content: AttachFile = {
    ...where,
    session: randomUUID(),
    server_public: server.publicKey,
    server_secret: server.secretKey,
    client_public: client.publicKey,
    client_secret: client.secretKey,
  };
  try {
    writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "EEXIST" ? `${file} is there already; remove it first` : message;
    throw new EnvironmentError(`no keys were written: ${why}`, { cause: error });
  }
}

/**
 * @param path may begin with `~/`
 * @throws {EnvironmentError} it cannot be read, others may read it, or it is no such file; never
 *   quotes its content
 */
export function readAttachFile(path: string): Attachment {
  const file = fromHome(path);
  let text: string;
  try {
    const mode = statSync(file).mode & 0o777;
    if ((mode & 0o077) !== 0) {
      throw new Error(
        `it has mode ${mode.toString(8)}, so others may have read its keys; make new ones`,
      );
    }
    text = readFileSync(file, "utf8");
  } catch (error) {
    const why = (error as Error).message;
    throw new EnvironmentError(
      `the file of an attached worker, ${file}, cannot be used: ${why}; \`averse backends keys FILE\` makes one`,
      { cause: error },
    );
  }
  const outcome = fileSchema.safeParse(parsed(text));
  if (!outcome.success) {
    const { path: at, message } = outcome.error.issues[0]!;
    const where = at.length === 0 ? "" : `${at.join(".")}: `;
    throw new EnvironmentError(
      `${file} is no file of \`averse backends keys\`: ${where}${message}`,
    );
  }
  const { host, port, workers, session, ...keys } = outcome.data;
  return {
    host,
    session,
    ports: Array.from({ length: workers }, (_, at) => port + at),
    keys: {
      server: { publicKey: keys.server_public, secretKey: keys.server_secret },
      client: { publicKey: keys.client_public, secretKey: keys.client_secret },
    },
  };
}

/** @returns undefined: it is no JSON, which the schema then says */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
