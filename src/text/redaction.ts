/**
 * What is a secret, and how it is redacted: one rule for the recorded command line, for
 * configuration, and for everything that a worker says. A secret belongs in the environment, and
 * nothing that is kept of a run may hold one.
 */

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Redaction {
  /** The text with every secret replaced by `[redacted: NAME]`, or `[redacted]` without a name. */
  whole(text: string): string;
  /** As `whole`, of a text that may end amidst a secret: such a beginning of one is left out. */
  cut(text: string): string;
}

/** Stands for a secret that no variable of the environment holds. */
export const redacted = "[redacted]";

/** Names that tell of a secret: `HF_TOKEN`, `OPENAI_API_KEY`, `--set x.password=…`. */
const secretName =
  /token(?!s|izer)|secret|passw|passphrase|credential|apikey|(?:api|access|private)[_-]key|(?:^|[_.-])(?:key|pat|auth)$|[_.-]pwd$/i;

/** Where a secret lies, or how many there are, is none. */
const harmlessName =
  /_(?:path|file|dir|directory|home|url|endpoint|count|limit)$|^google_application_credentials$/i;

/** Shorter values of secret variables, "1" say, would be found everywhere. */
const shortest = 6;

/** Likewise, of one line among several: of a key in PEM format, say. */
const shortestLine = 8;

/** A beginning of a secret that is worth leaving out, in UTF-16 code units. */
const shortestBeginning = 4;

/** Secrets by their form; what is replaced is the group `secret`. */
const patterns: readonly RegExp[] = [
  // https://user:password@host, https://token@host
  /:\/\/(?<secret>[^\s/?#"'<>]+)(?=@)/g,
  /\/\/(?<secret>[^\s/?#"'<>@:]*:[^\s/?#"'<>]+)(?=@)/g,
  // Authorization: Bearer …
  /\bbearer[ \t]+(?<secret>[\w.~+/=-]{8,})/gi,
  /\bauthorization["']?[ \t]*[:=][ \t]*["']?(?!bearer\b)(?:(?:basic|token)[ \t]+)?(?<secret>[^\s"'[\]]{6,})/gi,
  // api_key=…, "password": "…"
  /\b\w*(?:(?:api|access|private|secret)[_-]?key|secret|passw(?:or)?d|(?:access|auth|api|hf|refresh)[_-]?token)["']?[ \t]*[:=][ \t]*["']?(?<secret>[^\s"'&,;()[\]{}]{6,})/gi,
  // Of known services, and JSON web tokens.
  /\b(?<secret>hf_[A-Za-z0-9]{16,}|sk-(?:(?:proj|ant|svcacct|admin|or|lf)-[\w-]{12,}|[A-Za-z0-9]{16,}(?![\w-]))|[sp]k_(?:live|test)_\w{10,}|gh[opsur]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abp]-[\w-]{10,}|AKIA[0-9A-Z]{12,}|eyJ[\w-]{10,}\.[\w-]{10,}[\w.-]*)/g,
];

/** Whether what such a variable, option or key holds is a secret. */
export function isSecretName(name: string): boolean {
  return secretName.test(name) && !harmlessName.test(name);
}

/**
 * @param environments those that a worker, or this process, sees; of a name that several hold,
 *   every value counts
 */
export function redaction(...environments: readonly Environment[]): Redaction {
  const secrets = secretsOf(environments);
  const whole = (text: string): string => {
    let told = text;
    for (const { name, value } of secrets) {
      told = told.replaceAll(value, () => `[redacted: ${name}]`);
    }
    for (const pattern of patterns) {
      told = told.replace(pattern, (match: string, ...rest: unknown[]) => {
        const { secret } = rest.at(-1) as { secret: string };
        return isTold(secret) ? match : match.replace(secret, () => redacted);
      });
    }
    return told;
  };
  return { whole, cut: (text) => whole(withoutBeginning(text, secrets)) };
}

interface Secret {
  readonly name: string;
  readonly value: string;
}

/** The longest first: one may be a part of another. */
function secretsOf(environments: readonly Environment[]): readonly Secret[] {
  const found = new Map<string, string>();
  for (const [name, value] of environments.flatMap((one) => Object.entries(one))) {
    if (value === undefined) continue;
    for (const secret of isSecretName(name) ? [value, ...lines(value)] : [password(value)]) {
      const plain = secret.trim();
      if (plain.length < shortest || /^\d{1,7}$/.test(plain)) continue;
      for (const written of [
        plain,
        encodeURIComponent(plain),
        JSON.stringify(plain).slice(1, -1),
      ]) {
        found.set(written, name);
      }
    }
  }
  return [...found]
    .map(([value, name]) => ({ name, value }))
    .sort((a, b) => b.value.length - a.value.length);
}

/** Output arrives by line, so a value of several lines is matched line by line. */
function lines(value: string): string[] {
  return value.split(/\r?\n/).filter((line) => line.trim().length >= shortestLine);
}

/** Of a URL such as DATABASE_URL; empty: there is none. */
function password(value: string): string {
  return /:\/\/[^\s/?#@:]*:([^\s/?#]+)@/.exec(value)?.[1] ?? "";
}

/** Already replaced, by its name. */
function isTold(secret: string): boolean {
  return /^\[redacted\b|redacted\]?$/.test(secret);
}

function withoutBeginning(text: string, secrets: readonly Secret[]): string {
  let end = text.length;
  for (const { value } of secrets) {
    for (let length = Math.min(value.length - 1, text.length); length >= shortestBeginning; ) {
      if (text.endsWith(value.slice(0, length))) {
        end = Math.min(end, text.length - length);
        break;
      }
      length -= 1;
    }
  }
  return text.slice(0, end);
}
