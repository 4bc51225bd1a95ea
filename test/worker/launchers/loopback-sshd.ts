/** A real sshd on 127.0.0.1, with keys of its own, for as long as a test takes. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { SshSettings } from "../../../src/worker/launchers/ssh.js";

const program = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].find(existsSync);
const hasClient = spawnSync("ssh", ["-V"]).status === 0;

/** Why there is none; null: it can be started. */
export const noSshd =
  program === undefined || !hasClient ? "no sshd and ssh (apt-get install openssh-server)" : null;

export interface LoopbackSshd {
  /** For a worker's file: how to come in. */
  readonly settings: Pick<SshSettings, "host" | "user" | "port" | "identity" | "options">;
  /** Ends every connection at once, as a cut cable does for good; new ones are still welcome. */
  cut(): void;
  stop(): void;
}

export async function startSshd(): Promise<LoopbackSshd> {
  const folder = mkdtempSync(join(tmpdir(), "averse-sshd-"));
  const file = (name: string) => join(folder, name);
  for (const key of ["host", "user"]) {
    spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file(key)]);
  }
  copyFileSync(file("user.pub"), file("authorized_keys"));
  // Where sshd of another user's keeps its children apart, which it insists on as root.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  const port = await freePort();
  const configuration = {
    ListenAddress: "127.0.0.1",
    Port: String(port),
    HostKey: file("host"),
    AuthorizedKeysFile: file("authorized_keys"),
    PidFile: "none",
    StrictModes: "no",
    UsePAM: "no",
    PasswordAuthentication: "no",
    PermitRootLogin: "yes",
  };
  const lines = Object.entries(configuration).map(([key, value]) => `${key} ${value}\n`);
  writeFileSync(file("sshd_config"), lines.join(""));
  const known = spawnSync("cut", ["-d", " ", "-f", "1,2", file("host.pub")], { encoding: "utf8" });
  writeFileSync(file("known_hosts"), `[127.0.0.1]:${port} ${known.stdout}`);
  const child = spawn(program!, ["-D", "-e", "-f", file("sshd_config")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  await listening(child);
  return {
    settings: {
      host: "127.0.0.1",
      user: userInfo().username,
      port,
      identity: file("user"),
      options: ["-o", `UserKnownHostsFile=${file("known_hosts")}`],
    },
    cut: () => {
      for (const pid of sessionsOf(child.pid!)) process.kill(pid, "SIGKILL");
    },
    stop: () => {
      child.kill();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Processes of sshd that serve a connection each; what runs in them is left alone. */
function sessionsOf(parent: number): number[] {
  const { stdout } = spawnSync("ps", ["-eo", "pid=,ppid=,comm="], { encoding: "utf8" });
  const rows = stdout.split("\n").map((line) => line.trim().split(/\s+/));
  const below = (pid: number): number[] =>
    rows.flatMap(([own, above, name]) =>
      Number(above) === pid && name!.startsWith("sshd") ? [Number(own), ...below(Number(own))] : [],
    );
  return below(parent);
}

function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stderr!.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
      if (text.includes("Server listening")) resolve();
    });
    child.once("exit", (code) => reject(new Error(`sshd ended with ${code}: ${text}`)));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
