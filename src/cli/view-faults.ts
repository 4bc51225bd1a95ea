/**
 * A fault of the view that nobody caught must not end the run that is watched. What threw it is told
 * by its stack: the view's code, the library that lays it out, or the terminal's keys.
 */
import { fileURLToPath } from "node:url";

const views = new URL("../tui/", import.meta.url);
const traces = [
  views.href,
  fileURLToPath(views),
  // Keys reach nobody but the view.
  "TTY.onStreamRead",
];
const libraries = /[\\/]node_modules[\\/](?:ink|react|react-reconciler|scheduler|yoga-layout)[\\/]/;

export function isFaultOfView(error: unknown): boolean {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return traces.some((trace) => stack.includes(trace)) || libraries.test(stack);
}

/**
 * Passes on what is no fault of the view to those who listen for uncaught exceptions.
 *
 * @returns gives them all back to Node
 */
export function catchViewFaults(onFault: (error: unknown) => void): () => void {
  process.setUncaughtExceptionCaptureCallback((error) => {
    if (isFaultOfView(error)) {
      onFault(error);
    } else if (!process.emit("uncaughtException", error)) {
      throw error;
    }
  });
  return () => process.setUncaughtExceptionCaptureCallback(null);
}
