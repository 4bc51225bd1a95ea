import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds `src/`, wherever a script is called from. */
export const checkoutRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
