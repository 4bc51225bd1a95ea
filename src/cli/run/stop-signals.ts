/**
 * Ctrl-C once: finish the steps in hand, checkpoint, leave. Twice: abort at once. SIGTERM
 * counts as once, and so does SIGHUP, the end of the terminal, to a run that has one.
 */

/**
 * `npm start` passes on the Ctrl-C that the terminal has sent here already, and a reader's finger
 * does not come down twice so fast.
 */
const sameSignalMs = 250;

/** What is requested, in the journal's words. */
export type StopRequest = "after-step" | "now";

export interface StopSignals {
  readonly stop: AbortSignal;
  readonly abort: AbortSignal;
  /** Requests a stop as a signal would. */
  request(): void;
  /** Gives the signals back to Node. */
  dispose(): void;
}

/**
 * @param onRequest called on the first request and on the second
 * @param source where signals come from
 * @param terminal false: the run has none, so that the end of one is no request
 */
export function stopSignals(
  onRequest: (how: StopRequest) => void,
  source: NodeJS.EventEmitter = process,
  now: () => number = () => performance.now(),
  terminal = true,
): StopSignals {
  const stop = new AbortController();
  const abort = new AbortController();
  let last = Number.NEGATIVE_INFINITY;
  const request = () => {
    if (stop.signal.aborted) return;
    onRequest("after-step");
    stop.abort();
  };
  const onInterrupt = () => {
    const again = now() - last > sameSignalMs;
    last = now();
    if (!stop.signal.aborted) request();
    else if (again && !abort.signal.aborted) {
      onRequest("now");
      abort.abort();
    }
  };
  source.on("SIGINT", onInterrupt);
  source.on("SIGTERM", request);
  const onHangup = terminal ? request : () => {};
  source.on("SIGHUP", onHangup);
  return {
    stop: stop.signal,
    abort: abort.signal,
    request,
    dispose: () => {
      source.off("SIGINT", onInterrupt);
      source.off("SIGTERM", request);
      source.off("SIGHUP", onHangup);
    },
  };
}
