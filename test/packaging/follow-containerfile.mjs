/**
 * Follows packaging/Containerfile in an empty folder, where no image can be pulled or built:
 *
 *     node test/packaging/follow-containerfile.mjs FOLDER
 *
 * Absolute paths of its steps become paths in FOLDER; Debian's packages are those of this machine, and each
 * program that they bring is looked for. At the end ENTRYPOINT runs a smoke run as USER, from WORKDIR.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
} from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const [given] = process.argv.slice(2);
if (given === undefined || existsSync(given)) {
  process.stderr.write("usage: follow-containerfile.mjs FOLDER, which must not exist\n");
  process.exit(2);
}
const prefix = resolve(given);
const programs = {
  nodejs: "node",
  npm: "npm",
  python3: "python3",
  "python3-venv": "python3",
  "ca-certificates": null,
};

/** @param {string} text a step's paths, in the folder */
const inside = (text) => text.replaceAll(/(?<![\w./-])\/(opt|work|var)\b/g, `${prefix}/$1`);

/** @type {Record<string, string | undefined>} */
const environment = {
  ...process.env,
  HOME: join(prefix, "root"),
  npm_config_prefix: join(prefix, "usr", "local"),
  PATH: [join(prefix, "usr", "local", "bin"), process.env.PATH].join(delimiter),
};
let workdir = prefix;
/** @type {{ uid?: number, gid?: number }} */
let user = {};
/** @type {string[]} */
let entry = [];

/** @param {readonly string[]} argv */
function run(argv) {
  const [program = "", ...rest] = argv;
  const { status } = spawnSync(program, rest, {
    cwd: workdir,
    env: environment,
    stdio: "inherit",
    ...(process.getuid?.() === 0 ? user : {}),
  });
  if (status !== 0) throw new Error(`${argv.join(" ")} ended with ${status}`);
}

/** @param {string} packages of apt-get install */
function requirePrograms(packages) {
  for (const name of packages.split(/\s+/).filter((word) => word !== "" && !word.startsWith("-"))) {
    if (!(name in programs))
      throw new Error(`${name}: which program of this machine stands for it?`);
    const program = programs[/** @type {keyof typeof programs} */ (name)];
    if (program !== null) run([program, "--version"]);
  }
}

const steps = readFileSync(join(root, "packaging", "Containerfile"), "utf8")
  .replaceAll(/\\\n\s*/g, "")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"));
for (const folder of ["root", "opt", "usr/local"])
  mkdirSync(join(prefix, folder), { recursive: true });
for (const step of steps) {
  process.stdout.write(`── ${step}\n`);
  const [, word = "", rest = ""] = /^(\w+)\s+(.*)$/.exec(step) ?? [];
  if (word === "RUN" && rest.startsWith("apt-get")) {
    requirePrograms(/apt-get install (.*?)(?:&&|$)/.exec(rest)?.[1] ?? "");
  } else if (word === "RUN") {
    run(["sh", "-c", inside(rest)]);
  } else if (word === "COPY") {
    const [from = "", to = ""] = inside(rest).split(/\s+/);
    const pattern = new RegExp(`^${from.replaceAll(".", "\\.").replaceAll("*", ".*")}$`);
    const found = readdirSync(root).filter((name) => pattern.test(name));
    if (found.length !== 1) throw new Error(`${from}: ${found.length} files; run npm pack first`);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(join(root, /** @type {string} */ (found[0])), to);
  } else if (word === "ENV" || word === "ARG") {
    for (const [, name = "", value = ""] of inside(rest).matchAll(/(\w+)=("[^"]*"|\S*)/g)) {
      environment[name] ??= word === "ARG" ? value.replaceAll('"', "") : undefined;
      if (word === "ENV") environment[name] = value.replaceAll('"', "");
    }
  } else if (word === "WORKDIR") {
    workdir = inside(rest);
    mkdirSync(workdir, { recursive: true });
  } else if (word === "USER") {
    const [uid, gid] = rest.split(":").map(Number);
    user = { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
    if (process.getuid?.() === 0 && uid !== undefined && gid !== undefined)
      chownSync(workdir, uid, gid);
  } else if (word === "ENTRYPOINT") {
    entry = JSON.parse(rest);
  } else if (word !== "FROM" && word !== "CMD") {
    throw new Error(`no way to follow ${word}`);
  }
}
chmodSync(prefix, 0o755);
run([...entry, "doctor"]);
run([...entry, "run", "smoke", "--plain"]);
process.stdout.write("── followed to its end\n");
