/** Every clause, in the order that they run in: those before the first load first, the end last. */
import type { Clause } from "../clause.js";
import { controlClauses } from "./control.js";
import { folderClauses } from "./folders.js";
import { greetingClauses } from "./greeting.js";
import { loadingClauses } from "./loading.js";
import { readingClauses } from "./readings.js";
import { rolloutClauses } from "./rollouts.js";
import { updateClauses } from "./updates.js";

export const conformanceClauses: readonly Clause[] = [
  ...greetingClauses,
  ...loadingClauses,
  ...rolloutClauses,
  ...updateClauses,
  ...readingClauses,
  ...folderClauses,
  ...controlClauses,
];
