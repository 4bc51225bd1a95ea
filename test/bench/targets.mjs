/** The figures to reach, where each is found in what a benchmark prints, and on which side of it. */

/**
 * @typedef {object} Target
 * @property {string} part benchmark that measures it
 * @property {string} path of the figure in that benchmark's JSON, dots between keys
 * @property {string} what in words
 * @property {"at most" | "at least"} side
 * @property {number} limit
 * @property {string} unit
 */

/** @type {readonly Target[]} */
export const targets = [
  {
    part: "update",
    path: "ratio.40%.cpu",
    what: "update phase at 40 % kept, of the full one",
    side: "at most",
    limit: 0.42,
    unit: "",
  },
  {
    part: "update",
    path: "ratio.20%.cpu",
    what: "update phase at 20 % kept, of the full one",
    side: "at most",
    limit: 0.25,
    unit: "",
  },
  {
    part: "step",
    path: "ratio.cpu",
    what: "step of RA-RLHF at α = 0.4, of RLHF's",
    side: "at most",
    limit: 0.65,
    unit: "",
  },
  {
    part: "sampling",
    path: "times_faster.cpu",
    what: "sampling at batch 128, against model.generate",
    side: "at least",
    limit: 2,
    unit: "×",
  },
  {
    part: "launches",
    path: "queued.of_forward",
    what: "operations per sampled token on a GPU, of the model's forward pass",
    side: "at most",
    limit: 1.1,
    unit: "",
  },
  {
    part: "launches",
    path: "queued.syncs_per_token",
    what: "host syncs per sampled token on a GPU",
    side: "at most",
    limit: 0.125,
    unit: "",
  },
  {
    part: "launches",
    path: "queued.syncs_per_gradient_step",
    what: "host syncs per gradient step on a GPU",
    side: "at most",
    limit: 1,
    unit: "",
  },
  {
    part: "trl",
    path: "rloo.times_faster.cpu.median",
    what: "episodes per second, against TRL's RLOOTrainer",
    side: "at least",
    limit: 2,
    unit: "×",
  },
  {
    part: "trl",
    path: "grpo.times_faster.cpu.median",
    what: "episodes per second, against TRL's GRPOTrainer",
    side: "at least",
    limit: 2,
    unit: "×",
  },
  {
    part: "trl_engine",
    path: "rloo.times_as_fast.cpu.median",
    what: "episodes per second of the trl engine, against TRL's RLOOTrainer alone",
    side: "at least",
    limit: 0.97,
    unit: "×",
  },
  {
    part: "trl_engine",
    path: "grpo.times_as_fast.cpu.median",
    what: "episodes per second of the trl engine, against TRL's GRPOTrainer alone",
    side: "at least",
    limit: 0.97,
    unit: "×",
  },
  {
    part: "quickstart",
    path: "controller_fraction",
    what: "controller's share of a quickstart step",
    side: "at most",
    limit: 0.01,
    unit: "",
  },
  {
    part: "quickstart",
    path: "worker_memory_mb",
    what: "worker memory in the quickstart",
    side: "at most",
    limit: 1500,
    unit: "MB",
  },
  {
    part: "reuse",
    path: "saved",
    what: "load time that a worker passed on saves, between a sweep's trials",
    side: "at least",
    limit: 0.8,
    unit: "",
  },
  {
    part: "controller",
    path: "overhead.median",
    what: "round trip of 1,024 episodes with selection",
    side: "at most",
    limit: 2,
    unit: "ms",
  },
  {
    part: "sampler",
    path: "draw.p95",
    what: "cross-entropy sampler's draw of 4,096 from a million prompts (CPU, 95 %)",
    side: "at most",
    limit: 20,
    unit: "ms",
  },
  {
    part: "selection",
    path: "slowest",
    what: "selection of 65,536 episodes by the slowest risk measure, CPU",
    side: "at most",
    limit: 10,
    unit: "ms",
  },
  {
    part: "memory",
    path: "rss_mb_end",
    what: "controller memory after 10,000 steps",
    side: "at most",
    limit: 150,
    unit: "MB",
  },
  {
    part: "start",
    path: "times_of_node.help",
    what: "start of averse --help, of Node's own",
    side: "at most",
    limit: 2,
    unit: "×",
  },
  {
    part: "start",
    path: "times_of_node.ls",
    what: "start of averse ls, of Node's own",
    side: "at most",
    limit: 2,
    unit: "×",
  },
  {
    part: "terminal",
    path: "dashboard.cpu_fraction",
    what: "dashboard at 50 events per second, of one core",
    side: "at most",
    limit: 0.15,
    unit: "",
  },
  {
    part: "terminal",
    path: "dashboard.rss_mb_most",
    what: "dashboard memory on 10,000 steps",
    side: "at most",
    limit: 200,
    unit: "MB",
  },
  {
    part: "terminal",
    path: "dashboard.key_ms.p95",
    what: "key press to changed screen (95 %)",
    side: "at most",
    limit: 100,
    unit: "ms",
  },
  {
    part: "terminal",
    path: "attach.after_node_ms",
    what: "attach to 10,000 steps, after Node's own start",
    side: "at most",
    limit: 1000,
    unit: "ms",
  },
  {
    part: "terminal",
    path: "start.ratio.cpu.help",
    what: "averse --help, of node -e 0",
    side: "at most",
    limit: 2,
    unit: "×",
  },
  {
    part: "terminal",
    path: "start.ratio.cpu.ls",
    what: "averse ls, of node -e 0",
    side: "at most",
    limit: 2,
    unit: "×",
  },
  {
    part: "audit",
    path: "worst.seconds",
    what: "audit of 1,000,000 rows",
    side: "at most",
    limit: 20,
    unit: "s",
  },
  {
    part: "audit",
    path: "worst.rss_mb",
    what: "memory of that audit",
    side: "at most",
    limit: 1000,
    unit: "MB",
  },
  {
    part: "web",
    path: "full.first.cpu_seconds",
    what: "averse serve over 500 runs, from its start to the first list (CPU)",
    side: "at most",
    limit: 2,
    unit: "s",
  },
  {
    part: "web",
    path: "full.later.cpu_seconds",
    what: "that list again (CPU)",
    side: "at most",
    limit: 0.05,
    unit: "s",
  },
  {
    part: "trackers",
    path: "slower",
    what: "an iteration beside three trackers, longer than without by",
    side: "at most",
    limit: 0.01,
    unit: "",
  },
];

/**
 * @typedef {object} Reading
 * @property {string} what
 * @property {number | null} figure null: not measured
 * @property {string} target
 * @property {boolean | null} reached
 * @property {string} unit
 */

/**
 * @param {Readonly<Record<string, unknown>>} results benchmark → what it printed
 * @returns {Reading[]} of the benchmarks that were run
 */
export function readings(results) {
  return targets
    .filter(({ part }) => part in results)
    .map(({ part, path, what, side, limit, unit }) => {
      const found = at(results[part], path);
      const figure = typeof found === "number" && Number.isFinite(found) ? found : null;
      const reached =
        figure === null ? null : side === "at most" ? figure <= limit : figure >= limit;
      return { what, figure, target: `${side} ${limit}${unit && ` ${unit}`}`, reached, unit };
    });
}

/**
 * Keys may have dots themselves: the longest that fits is taken.
 *
 * @param {unknown} value
 * @param {string} path
 * @returns {unknown}
 */
function at(value, path) {
  if (typeof value !== "object" || value === null) return undefined;
  const tree = /** @type {Record<string, unknown>} */ (value);
  if (path in tree) return tree[path];
  for (let end = path.lastIndexOf("."); end > 0; end = path.lastIndexOf(".", end - 1)) {
    const key = path.slice(0, end);
    if (key in tree) return at(tree[key], path.slice(end + 1));
  }
  return undefined;
}
