/** How much garbage a view lets lie. */
import { setFlagsFromString } from "node:v8";

/**
 * Per cent that the heap grows by before all of it is collected. V8's own figure is up to 300 for a
 * heap as small as a view's, of which most would be what is left of frames that Ink laid out.
 */
const growthPercent = 50;

/** For the rest of the process; V8 looks at it after each collection. */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
}
