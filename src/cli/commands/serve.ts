/** `averse serve`: a web page over the runs of a folder, for this machine's browser alone. */
import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runFiles } from "../../store/paths.js";
import { RunList, runNames } from "../../store/run-list.js";
import { webApp } from "../../web/app.js";
import { startServer } from "../../web/server.js";
import { type ScriptName, scripts, type WebRuns } from "../../web/web-runs.js";
import { type ExitCode, exitCode } from "../failure-text.js";
import { checkRunsFolder } from "../lookup/runs.js";
import { readReport } from "../run/report-files.js";
import { AttachedRun } from "../run/run-source.js";
import type { Terminal } from "../terminal.js";

export interface ServeOptions {
  readonly runs: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly json: boolean;
  readonly showText: boolean;
}

/** Serves until the process is asked to end. */
export async function serve(options: ServeOptions, terminal: Terminal): Promise<ExitCode> {
  checkRunsFolder(options.runs);
  const token = randomBytes(24).toString("base64url");
  const end = new AbortController();
  const runs = webRuns(options.runs);
  const app = webApp(runs, {
    token,
    showText: options.showText,
    scripts: readScripts(),
    end: end.signal,
  });
  // Several hundred records take a second; the first page need not wait for it.
  runs.list();
  const asked = endAsked();
  const server = await startServer(app, options.port);
  const url = `http://127.0.0.1:${server.port}/?token=${token}`;
  if (options.json) {
    terminal.out(JSON.stringify({ url, port: server.port, runs: options.runs }));
  } else {
    terminal.out(url);
    terminal.err(
      `The runs in ${options.runs}, for whoever has this link, on this machine alone. Ctrl-C ends it.`,
    );
  }
  await asked;
  end.abort();
  await server.close();
  return exitCode.done;
}

function endAsked(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => resolve());
    }
  });
}

/** The runs of a folder, for pages. */
export function webRuns(folder: string): WebRuns {
  const list = new RunList(folder);
  return {
    list: () => list.read(),
    has: (id) => runNames(folder).includes(id),
    open: (id) => AttachedRun.open(join(folder, id)),
    report: (id) => readReport(join(folder, id)),
    stamp: (id) =>
      [runFiles.journal, runFiles.manifest]
        .map((name) => statSync(join(folder, id, name)))
        .map(({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`)
        .join(" "),
  };
}

/**
 * What browsers load: the charts' library, and modules of this program.
 *
 * @param program folder of the compiled modules
 */
export function readScripts(
  program = fileURLToPath(new URL("../..", import.meta.url)),
): Record<ScriptName, Uint8Array<ArrayBuffer>> {
  const library = join(
    createRequire(import.meta.url).resolve("echarts/package.json"),
    "../dist/echarts.common.min.js",
  );
  return Object.fromEntries(
    scripts.map((name) => [
      name,
      new Uint8Array(readFileSync(name === "echarts.js" ? library : join(program, name))),
    ]),
  ) as Record<ScriptName, Uint8Array<ArrayBuffer>>;
}
