import { type ExitCode, exitCode } from "./exit-code.js";

/** Something that the user can put right: told in one paragraph, without a stack trace. */
export class UserError extends Error {
  override readonly name = "UserError";
  constructor(
    message: string,
    readonly exit: ExitCode = exitCode.usage,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
