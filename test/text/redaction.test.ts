import { describe, expect, test } from "vitest";
import { isSecretName, withholding } from "../../src/text/redaction.js";

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
const { whole, cut } = withholding(environment);

describe("a text without its secrets", () => {
  test.each([
    ["401 for planted-hub-token, again planted-hub-token", 2, "[withheld: HF_TOKEN]"],
    ["key=planted/key+1;", 1, "[withheld: OPENAI_API_KEY]"],
    ["?k=planted%2Fkey%2B1", 1, "[withheld: OPENAI_API_KEY]"],
    ["said hunter2.", 1, "[withheld: MY_PASSWORD]"],
    ["one line: bGluZSB0d28", 1, "[withheld: SIGNING_KEY]"],
    ["login failed with planted-pass", 1, "[withheld: DATABASE_URL]"],
    ["https://me:secret-1@hub/x", 1, "https://[withheld]@hub/x"],
    ["https://secret-token@hub/x", 1, "https://[withheld]@hub/x"],
    ["Authorization: Bearer abc.def-123", 1, "[withheld]"],
    ["{'authorization': 'Basic bWU6cGFzcw=='}", 1, "[withheld]"],
    ["api_key=abcdef123, max_tokens=4096", 1, "api_key=[withheld], max_tokens=4096"],
    ['{"password": "correct-horse"}', 1, '{"password": "[withheld]"}'],
    ["used hf_AbCdEfGhIjKlMnOpQrSt for it", 1, "used [withheld] for it"],
    ["sk-proj-abcdefghijklmnop", 1, "[withheld]"],
  ])("%s", (text, times, told) => {
    expect(whole(text)).toContain(told);
    expect(whole(text).split("[withheld")).toHaveLength(times + 1);
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
    const both = withholding({ HF_TOKEN: "planted-one" }, { HF_TOKEN: "planted-two" });
    expect(both.whole("planted-one planted-two")).toBe("[withheld: HF_TOKEN] [withheld: HF_TOKEN]");
  });

  test("the beginning of a secret at a cut", () => {
    expect(cut("so it is planted-hub-to")).toBe("so it is ");
    expect(cut("so it is planted-hub-token")).toBe("so it is [withheld: HF_TOKEN]");
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
