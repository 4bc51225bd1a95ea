/**
 * Who may connect: the ZAP handler (ZeroMQ RFC 27), which libzmq asks about every client that has
 * shown a key. There is one address for it in a process, so all sessions share one handler; each
 * has a domain of its own, and in it the one key of its worker.
 */
import { Reply } from "zeromq";
import { z85 } from "./curve-keys.js";

const ADDRESS = "inproc://zeromq.zap.01";

/** Domain → public key of the one client that it admits. */
const admitted = new Map<string, string>();
let handler: Promise<Reply> | null = null;
/** Settles once the handler before has let go of the address. */
let vacated: Promise<void> = Promise.resolve();

/**
 * Admits one client to sockets of this ZAP domain.
 *
 * @returns Takes it back; safe to call twice.
 * @throws {Error} the handler's address is taken: other code in this process is a ZAP handler.
 */
export async function admit(domain: string, publicKey: string): Promise<() => void> {
  admitted.set(domain, publicKey);
  const withdraw = () => {
    if (admitted.delete(domain) && admitted.size === 0) {
      dismiss();
    }
  };
  try {
    handler ??= vacated.then(open);
    await handler;
  } catch (error) {
    withdraw();
    throw error;
  }
  return withdraw;
}

async function open(): Promise<Reply> {
  const reply = new Reply({ linger: 0 });
  await reply.bind(ADDRESS);
  void answer(reply);
  return reply;
}

function dismiss(): void {
  const leaving = handler;
  handler = null;
  vacated = Promise.resolve(leaving).then(
    async (reply) => {
      // `close` alone frees the address some time later, too late for a handler that follows.
      await reply?.unbind(ADDRESS);
      reply?.close();
    },
    () => {}, // it never opened, and `admit` has said so
  );
}

async function answer(reply: Reply): Promise<void> {
  for await (const [version, request, domain, , , mechanism, key] of reply) {
    const known = admitted.get(String(domain));
    const welcome =
      String(mechanism) === "CURVE" &&
      key !== undefined &&
      known !== undefined &&
      z85(key) === known;
    const verdict = welcome ? ["200", "OK"] : ["400", "unknown key"];
    // Version, request, status, text, user, metadata.
    await reply.send([version!, request!, ...verdict, "", ""]);
  }
}
