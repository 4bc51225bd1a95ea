/** Loaded before the program: asks it to end at the very moment that it first listens for that. */
process.on("newListener", function ask(event) {
  if (event === process.env.SIGNAL_AT_ONCE) {
    process.off("newListener", ask);
    process.kill(process.pid, event);
  }
});
