/**
 * Who may read the pages: whoever has the link. Other programs of this machine reach the port as
 * well, and so does any web page that a browser here has open: neither knows the token, and a page
 * that rebinds its own host name to this machine gives itself away by the Host header.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";

/** Only names that no DNS server can point elsewhere; any port, for an SSH tunnel has its own. */
const localHost = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::(\d{1,5}))?$/;

const parameter = "token";

/** @param token what the link has; compared in constant time */
export function requireToken(token: string): MiddlewareHandler {
  return async (context, next) => {
    const host = localHost.exec(context.req.header("host") ?? "");
    if (host === null) {
      return context.text("This server answers to 127.0.0.1 and localhost alone.\n", 403);
    }
    // Cookies know no ports, and two servers may run here.
    const cookieName = `averse-${host[1] ?? "80"}`;
    const given = context.req.query(parameter);
    if (given !== undefined && isSame(given, token)) {
      return withCookie(context, cookieName, token);
    }
    if (!isSame(getCookie(context, cookieName) ?? "", token)) {
      return context.text("Open the link that `averse serve` printed: it has the token.\n", 401);
    }
    return next();
  };
}

/** From here on the browser's history and address bar have no token. */
function withCookie(context: Context, name: string, token: string): Response {
  setCookie(context, name, token, { httpOnly: true, sameSite: "Lax", path: "/" });
  const { pathname, searchParams } = new URL(context.req.url);
  searchParams.delete(parameter);
  const rest = searchParams.size === 0 ? "" : `?${searchParams}`;
  return context.redirect(`${pathname.replace(/^\/+/, "/")}${rest}`, 303);
}

/** Digests are of one length, as the comparison needs. */
function isSame(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
