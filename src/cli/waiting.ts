/** Waits so many seconds, or until nobody waits any more; never rejects. */
export function waiting(seconds: number, abandoned: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (abandoned.aborted) {
      resolve();
      return;
    }
    const end = () => {
      clearTimeout(timer);
      abandoned.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, seconds * 1000);
    abandoned.addEventListener("abort", end, { once: true });
  });
}
