/** Models on the Hugging Face hub, looked up by the worker's Python: it has the hub's client and login. */
import type { HubModel, HubQuery } from "../../preflight/preflight.js";
import { pythonAnswer } from "./python-answer.js";

/** Of all look-ups together; each request has a limit of its own in the script. */
const timeoutMs = 45_000;

/**
 * @param environment that the worker's spec adds to this process's
 * @returns one answer per query; where nobody could be asked, why
 */
export async function lookUpModels(
  queries: readonly HubQuery[],
  environment: Readonly<Record<string, string>>,
): Promise<readonly HubModel[]> {
  const asked = JSON.stringify(queries.map(({ model, revision }) => ({ model, revision })));
  const module = "averse_worker.models.hub_lookup";
  const answer = await pythonAnswer(module, [], asked, environment, timeoutMs);
  if (typeof answer !== "string") return answer.json as readonly HubModel[];
  return queries.map(() => ({ state: "unknown", why: answer }));
}
