/**
 * Ink and React, loaded when the first screen needs them: a command without one does not wait for
 * them. React's development build keeps a record of every render, by which a day-long view grows.
 */
export async function loadInk(): Promise<typeof import("./ink-screen.js")> {
  process.env.NODE_ENV ??= "production";
  return await import("./ink-screen.js");
}
