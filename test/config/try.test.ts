import { loadExperiment } from "/work/main/src/config/load.js";
import { test } from "vitest";
test("x", () => { for (const set of [[], ["risk.alhpa=2", "foo", "arms.x.risk.alpha=2", "training.iterations=10", "seeds=a"]]) try { console.log(JSON.stringify(loadExperiment(process.env.F!, set as string[]), null, 1)); } catch (e) { console.log((e as Error).message); } });
