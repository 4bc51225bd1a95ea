/** The outside contract's exit codes; scripts rely on them. */
export const exitCode = {
  done: 0,
  /** Usage, configuration, or input data. */
  usage: 2,
  /** Environment or worker; a run can be taken up again. */
  environment: 3,
  /** `averse verify` found something, or `averse reproduce` something else. */
  verification: 4,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
