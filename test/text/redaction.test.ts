import { describe, expect, test } from "vitest";
import { isSecretName, redaction } from "../../src/text/redaction.js";

const environment = {
  HF_TOKEN: "planted-hub-token",
  OPENAI_API_KEY: "planted/key+1",
  MY_PASSWORD: "hunter2",
  SIGNING_KEY: "-----BEGIN KEY-----\nbGluZSBvbmU\nbGluZSB0d28\n-----END KEY-----\n",
  DATABASE_URL: "postgres://me:planted-pass@db/runs",
  SOME_TOKEN: "1",
  TOKEN_COUNT: "100000",
  TOKENIZERS_PARALLELISM: "falsely-set",
  GOOGLE_CREDENTIALS_FILE: "/home/me/google.json",
  GOOGLE_APPLICATION_CREDENTIALS: "/home/me/google.json",
  CREDENTIALS_DIRECTORY: "/run/credentials",
  PWD: "/home/me/work",
  HOME: "/home/me",
};
const { whole, cut } = redaction(environment);

describe("a text without its secrets", () => {
  test.each([
    ["401 for planted-hub-token, again planted-hub-token", 2, "[redacted: HF_TOKEN]"],
    ["key=planted/key+1;", 1, "[redacted: OPENAI_API_KEY]"],
    ["?k=planted%2Fkey%2B1", 1, "[redacted: OPENAI_API_KEY]"],
    ["said hunter2.", 1, "[redacted: MY_PASSWORD]"],
    ["one line: bGluZSB0d28", 1, "[redacted: SIGNING_KEY]"],
    ["login failed with planted-pass", 1, "[redacted: DATABASE_URL]"],
    ["https://me:secret-1@hub/x", 1, "https://[redacted]@hub/x"],
    ["https://secret-token@hub/x", 1, "https://[redacted]@hub/x"],
    ["Authorization: Bearer abc.def-123", 1, "[redacted]"],
    ["{'authorization': 'Basic bWU6cGFzcw=='}", 1, "[redacted]"],
    ["api_key=abcdef123, max_tokens=4096", 1, "api_key=[redacted], max_tokens=4096"],
    ['{"password": "correct-horse"}', 1, '{"password": "[redacted]"}'],
    ["used hf_AbCdEfGhIjKlMnOpQrSt for it", 1, "used [redacted] for it"],
    ["sk-proj-abcdefghijklmnop", 1, "[redacted]"],
  ])("%s", (text, times, told) => {
    expect(whole(text)).toContain(told);
    expect(whole(text).split("[redacted")).toHaveLength(times + 1);
    // What is told already stays as it is.
    expect(whole(whole(text))).toBe(whole(text));
  });

  test.each([
    "File '/x/huggingface_hub/file_download.py', line 1, in hf_hub_download",
    "pad_token=<|endoftext|>, eos_token: </s>, tokens=100000, falsely-set, /home/me/google.json",
    "epoch 1: loss 1.234, see https://huggingface.co/docs@main and me@example.org",
    "in /home/me/work, with /run/credentials",
    "digest 0123456789abcdef0123456789abcdef01234567",
    "KeyError: 'key'; the token is missing",
    "runs/sk-learn-baseline-experiments-17, disk-usage-of-the-whole-folder",
  ])("leaves alone: %s", (text) => {
    expect(whole(text)).toBe(text);
  });

  test("both values of a variable that one environment sets anew", () => {
    const both = redaction({ HF_TOKEN: "planted-one" }, { HF_TOKEN: "planted-two" });
    expect(both.whole("planted-one planted-two")).toBe("[redacted: HF_TOKEN] [redacted: HF_TOKEN]");
  });

  test("the beginning of a secret at a cut", () => {
    expect(cut("so it is planted-hub-to")).toBe("so it is ");
    expect(cut("so it is planted-hub-token")).toBe("so it is [redacted: HF_TOKEN]");
    expect(cut("nothing of the kind")).toBe("nothing of the kind");
  });
});

test.each([
  "HF_TOKEN",
  "WANDB_API_KEY",
  "hub.token",
  "--password",
  "AWS_SECRET_ACCESS_KEY",
  "my_key",
])("%s names a secret", (name) => expect(isSecretName(name)).toBe(true));

test.each(["TOKENIZERS_PARALLELISM", "rollout.new_tokens", "SSH_KEY_PATH", "PATH", "KEYBOARD"])(
  "%s does not",
  (name) => expect(isSecretName(name)).toBe(false),
);
