import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { builtinLoad } from "../../../src/worker/conformance/payloads.js";
import { WorkerLost } from "../../../src/worker/contract.js";
import type { LaunchPlace } from "../../../src/worker/launchers/launch-plan.js";
import { type SshSettings, sshPlan, sshSchema } from "../../../src/worker/launchers/ssh.js";
import { pythonPath } from "../../../src/worker/python-path.js";
import { openSession } from "../../../src/worker/session.js";
import { readWorkerSpec, type WorkerSpec } from "../../../src/worker/spec.js";
import { eventually } from "../../eventually.js";
import { workerContract } from "../contract.js";
import { processesWith } from "../processes.js";
import { type LoopbackSshd, noSshd, startSshd } from "./loopback-sshd.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

const place: LaunchPlace = {
  root: "/here",
  endpoint: "ipc:///tmp/own/worker.sock",
  session: "1234",
  keys: null,
  temporary: "/tmp/own/tmp",
  shared: [],
};

function planOf(settings: Partial<SshSettings>, argv: readonly string[] = ["worker"]) {
  const whole = sshSchema.parse({ host: "box", folder: "averse", ...settings });
  return sshPlan(whole, place, () => ({ argv, environment: {} }));
}

describe("the argument list of ssh", () => {
  test("has the tunnel, and names user, port and key where the file does", () => {
    const { argv } = planOf({ user: "me", port: 2222, identity: "~/key", options: ["-J", "gate"] });
    const text = argv.join(" ");
    expect(argv[0]).toBe("ssh");
    expect(text).toContain(" -R /tmp/averse-1234.sock:/tmp/own/worker.sock ");
    expect(text).toContain(" -p 2222 -l me -i ~/key -o IdentitiesOnly=yes -J gate ");
    expect(argv.slice(-3, -1)).toEqual(["--", "box"]);
    expect(planOf({}).argv.join(" ")).not.toMatch(/ -(?:p|l|i) /);
  });

  test("ends in a command line that hands every argument on as it is", () => {
    const word = fc.string({ unit: "grapheme", minLength: 1 }).filter((one) => !one.includes("\0"));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
        const { argv } = planOf({ folder: "/" }, ["printf", "%s\\0", ...words]);
        const { stdout } = spawnSync("sh", ["-c", argv.at(-1)!], { encoding: "utf8" });
        expect(stdout.split("\0")).toEqual([...words, ""]);
      }),
    );
  });

  test("takes the socket away there, also where the worker does not start", () => {
    const session = randomUUID();
    const socket = `/tmp/averse-${session}.sock`;
    const shared = join(tmpdir(), session);
    for (const [folder, folders, status] of [
      ["/", [], 7],
      ["/no/where", [], 96],
      ["/", [shared], 96],
    ] as const) {
      writeFileSync(socket, "");
      const settings = sshSchema.parse({ host: "box", folder, files: "shared" });
      const { argv } = sshPlan(settings, { ...place, session, shared: folders }, () => ({
        argv: ["sh", "-c", "exit 7"],
        environment: {},
      }));
      const outcome = spawnSync("sh", ["-c", argv.at(-1)!], { encoding: "utf8" });
      expect([outcome.status, existsSync(socket)]).toEqual([status, false]);
    }
  });

  test.each([
    [{ host: "-oProxyCommand=x" }, "host"],
    [{ host: "me@box" }, "host"],
    [{ host: "box", user: "-x" }, "user"],
    [{ host: "box", identity: "key" }, "identity"],
    [{ host: "box", port: 0 }, "port"],
    [{ host: "box", folder: "-x" }, "folder"],
  ])("%j is refused", (settings, key) => {
    const outcome = sshSchema.safeParse({ folder: "averse", ...settings });
    expect(outcome.error!.issues[0]!.path).toEqual([key]);
  });
});

describe.skipIf(noSshd !== null)(`ssh to a real sshd ${noSshd ?? ""}`, { timeout: 60_000 }, () => {
  let sshd: LoopbackSshd;
  let spec: WorkerSpec;
  let folder: string;

  beforeAll(async () => {
    sshd = await startSshd();
    folder = mkdtempSync(join(tmpdir(), "averse remote's-"));
    symlinkSync(join(root, "python"), join(folder, "python"));
    const shipped = readWorkerSpec("remote", root);
    spec = {
      ...shipped,
      argv: shipped.argv.map((part) => (part === "torch" ? "fake" : part)) as WorkerSpec["argv"],
      ssh: {
        ...sshSchema.parse({ ...sshd.settings, folder }),
        python: pythonPath(root),
        cache: join(folder, "cache"),
      },
    };
  });
  afterAll(() => {
    sshd.stop();
    rmSync(folder, { recursive: true });
  });

  workerContract(() => openSession(spec, { root }));

  test("a worker whose tunnel is cut is lost in ssh's words, and leaves nothing behind", async () => {
    const worker = await openSession(spec, { root });
    onTestFinished(() => worker.close());
    const { pid, session } = worker.hello;
    await worker.call("load", builtinLoad);
    sshd.cut();
    const error = await lossOf(async () => {
      for (;;) await worker.call("ping", {});
    });
    expect(error.reason).toBe("exited");
    expect(error.message).toMatch(
      /^the worker "remote" on \S+@127\.0\.0\.1 was lost .*: .*(?:closed by remote host|reset by peer|Broken pipe)/,
    );
    await eventually(() => {
      expect(processesWith(session).map((one) => one.pid)).not.toContain(pid);
      expect(existsSync(`/tmp/averse-${session}.sock`)).toBe(false);
    });
  });

  test("models go there once, and what a worker writes comes back", async () => {
    const own = mkdtempSync(join(tmpdir(), "averse-own-"));
    onTestFinished(() => rmSync(own, { recursive: true }));
    const folders = ["save", "export"].map((name) => join(own, name));
    for (const path of folders) mkdirSync(path);
    const [saved, model] = folders as [string, string];
    const phases: string[] = [];
    const note = ({ phase }: { phase: string }) => void phases.push(phase);
    const first = await openSession(spec, { root });
    onTestFinished(() => first.close());
    await first.call("load", builtinLoad);
    const { files } = await first.call("save", { path: saved }, note);
    expect(readdirSync(saved).sort()).toEqual(Object.keys(files).sort());
    await first.call("export", { path: model, weights: "current" });
    expect(phases).toContain("download");
    const cached = join(folder, "cache", "folders");
    const there = existsSync(cached) ? readdirSync(cached).length : 0;
    const policy = { ...builtinLoad.policy, model };
    await first.call("load", { ...builtinLoad, policy }, note);
    await first.call("restore", { path: saved }, note);
    expect(readdirSync(cached)).toHaveLength(there + 2);
    // What it wrote itself is there already.
    expect(phases.filter((phase) => phase === "upload")).toEqual(["upload", "upload"]);
    await first.close();
    expect(readdirSync(join(folder, "cache", "sessions"))).toEqual([]);
    const second = await openSession(spec, { root });
    onTestFinished(() => second.close());
    phases.length = 0;
    await second.call("load", { ...builtinLoad, policy }, note);
    expect(phases).not.toContain("upload");
    const none = join(own, "save", "none");
    const gone = { ...builtinLoad, policy: { ...policy, model: none } };
    await expect(second.call("load", gone)).rejects.toThrow(none);
  });

  test("folders that both have are tried, and the probe is gone", async () => {
    const shared = mkdtempSync(join(tmpdir(), "averse-shared-"));
    onTestFinished(() => rmSync(shared, { recursive: true }));
    const ssh: SshSettings = { ...spec.ssh!, files: "shared" };
    const folders = [shared, join(shared, "made")];
    const worker = await openSession({ ...spec, ssh }, { root, shared: folders });
    await worker.close();
    expect(readdirSync(shared)).toEqual(["made"]);
    expect(readdirSync(join(shared, "made"))).toEqual([]);
  });

  test("a folder that is not there under the same path is refused in one sentence", async () => {
    const shared = mkdtempSync(join(tmpdir(), "averse-unshared-"));
    onTestFinished(() => rmSync(shared, { recursive: true }));
    // A user there who sees another disk under this path stands for another machine.
    const options = [...sshd.settings.options, "-o", "PermitLocalCommand=yes"];
    const away = ["-o", `LocalCommand=rm ${shared}/.averse-probe-*`];
    const ssh: SshSettings = {
      ...spec.ssh!,
      files: "shared",
      options: [...options, ...away],
    };
    const error = await lossOf(() => openSession({ ...spec, ssh }, { root, shared: [shared] }));
    expect(error.message).toBe(
      `the worker "remote" cannot be started on ${target()}: averse: ${shared} is not shared with ` +
        `${target()}; choose a folder that both machines have under the same path, with the right to ` +
        "write there (--runs, --artifacts), or set ssh.files: copied",
    );
    expect(readdirSync(shared)).toEqual([]);
  });

  test.each<[string, (own: SshSettings) => Partial<SshSettings>, RegExp]>([
    [
      "refused",
      () => ({ port: 1 }),
      /: ssh: connect to host 127\.0\.0\.1 port 1: Connection refused$/,
    ],
    [
      "not found",
      () => ({ host: "no-such-host.invalid" }),
      /: ssh: Could not resolve hostname no-such-host\.invalid: /,
    ],
    ["a stranger", (own) => ({ identity: join(own.folder, "none") }), /: .*Permission denied/],
    [
      "an unknown host",
      () => ({ options: ["-o", "UserKnownHostsFile=/dev/null"] }),
      /Host key veri/,
    ],
    [
      "no folder",
      () => ({ folder: "/no/where" }),
      /has no folder \/no\/where; correct ssh\.folder/,
    ],
  ])("%s: told in one sentence with ssh's own words", async (_, change, words) => {
    const ssh = { ...spec.ssh!, ...change(spec.ssh!) };
    const error = await lossOf(() => openSession({ ...spec, ssh }, { root }));
    expect(error.message).toMatch(/^the worker "remote" cannot be started on /);
    expect(error.message).toMatch(words);
    expect(error.message).not.toContain("\n");
    expect(error.passing).toBe(false);
  });

  test("a connection that is cut while the worker starts may hold the next time", async () => {
    const started = join(folder, "started");
    const pid = () => Number(readFileSync(started, "utf8"));
    const argv: WorkerSpec["argv"] = ["sh", "-c", 'echo $$ >"$0"; exec sleep 600', started];
    const opening = lossOf(() => openSession({ ...spec, argv }, { root }));
    await eventually(() => expect(pid()).toBeGreaterThan(0));
    // What runs behind a connection that is cut is told of it by its socket, and this has none.
    onTestFinished(() => void process.kill(pid()));
    sshd.cut();
    expect(await opening).toMatchObject({
      passing: true,
      message: expect.stringMatching(
        /^the worker "remote" on \S+ was lost while it was starting: Connection to 127\.0\.0\.1 closed/,
      ),
    });
  });

  test("a Python that is not there is the shell's to tell", async () => {
    const ssh = { ...spec.ssh!, python: "/no/python" };
    const error = await lossOf(() => openSession({ ...spec, ssh }, { root }));
    expect(error.message).toMatch(/exited with code 127 before its hello.*\/no\/python: not found/);
  });

  function target(): string {
    return `${sshd.settings.user}@127.0.0.1`;
  }
});

async function lossOf(action: () => Promise<unknown>): Promise<WorkerLost> {
  const error = await action().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(WorkerLost);
  return error as WorkerLost;
}
