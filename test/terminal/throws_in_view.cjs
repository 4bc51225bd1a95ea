/**
 * Preloaded: Ctrl-] makes the handler of keys throw, SIGUSR2 makes whatever part of the view asks
 * next for the time of day throw.
 */
const { stdin } = process;
const on = stdin.on.bind(stdin);
stdin.on = (name, listener) =>
  on(
    name,
    name !== "data"
      ? listener
      : (chunk) => {
          if (chunk.includes("\u001d")) throw new Error("thrown for a test, among the keys");
          listener(chunk);
        },
  );

const dateNow = Date.now;
process.on("SIGUSR2", () => {
  Date.now = () => {
    if (/[\\/]dist[\\/]tui[\\/]/.test(new Error().stack)) {
      Date.now = dateNow;
      throw new Error("thrown for a test, in a frame");
    }
    return dateNow();
  };
});
