/** Preloaded: SIGUSR2 makes the program fail where nobody catches it. */
process.on("SIGUSR2", () => {
  setImmediate(() => {
    throw new Error("thrown for a test");
  });
});
