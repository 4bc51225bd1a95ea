/** A promise that others settle; the first to do so counts. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Whoever waits is told; nobody waiting is no error.
    this.promise.catch(() => {});
  }

  /** Waits for it to be settled, for so many milliseconds at most. */
  async within(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([this.promise, patience]).finally(() => clearTimeout(timer));
  }
}
