/** A failed set-up: one sentence with its remedy, no stack trace. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {readonly string[]} [details] last lines of the command that failed
   */
  constructor(message, details = []) {
    super(message);
    this.name = "SetupError";
    this.details = details;
  }
}

/** Exit code of the contract for a missing or broken environment. */
export const environmentExit = 3;

/** Exit code after Ctrl-C. */
export const interruptedExit = 130;
