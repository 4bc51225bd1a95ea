/** The pages over the runs of one folder: nothing is changed through them, and nothing outside is asked. */
import { setTimeout as wait } from "node:timers/promises";
import { type Context, Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import { reportDocument } from "../report/render-report.js";
import type { RunSummary } from "../run-model/run-summary.js";
import { wordFilter } from "../text/word-filter.js";
import { requireToken } from "./access.js";
import { panelMessages, stateMessage, textsMessage } from "./live-messages.js";
import { type LiveRun, LiveRuns } from "./live-run.js";
import { faultPage, listPage, listPart, type Page, reportPage, runPage } from "./pages.js";
import { type ScriptName, scripts, type WebRuns } from "./web-runs.js";

export interface WebOptions {
  readonly token: string;
  /** Texts as they are, which may be offensive; else masked. */
  readonly showText: boolean;
  readonly scripts: Readonly<Record<ScriptName, Uint8Array<ArrayBuffer>>>;
  /** Aborted: pages that follow a run are let go. */
  readonly end: AbortSignal;
}

/** Least time between two messages about a run, in milliseconds. */
const newsMs = 500;

export function webApp(runs: WebRuns, options: WebOptions): Hono {
  const app = new Hono();
  const live = new LiveRuns((id) => runs.open(id));
  const reports = new ReportPages(runs, options.showText);

  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        // Reports and tooltips of charts have styles of their own.
        styleSrc: ["'unsafe-inline'"],
        connectSrc: ["'self'"],
        imgSrc: ["data:"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
      xFrameOptions: "DENY",
      strictTransportSecurity: false,
    }),
  );
  app.use(async (context, next) => {
    await next();
    // Whoever sits at the browser later reads no texts from its cache.
    context.header("Cache-Control", "no-store");
  });
  app.use(requireToken(options.token));

  app.get("/", (context) => listed(context, listPage));
  app.get("/list", (context) => listed(context, listPart));

  app.get("/scripts/:name{.+}", (context) => {
    const name = scripts.find((one) => one === context.req.param("name"));
    return name === undefined
      ? context.notFound()
      : context.body(options.scripts[name], 200, {
          "Content-Type": "text/javascript; charset=utf-8",
        });
  });

  app.get("/runs/:id", (context) =>
    ofRun(context, (id) => {
      const summary = runs.list().find((run) => run.id === id);
      return summary === undefined ? context.notFound() : context.html(runPage(summary));
    }),
  );
  app.get("/runs/:id/report", (context) =>
    ofRun(context, async (id) => context.html(await reports.page(id))),
  );
  app.get("/runs/:id/events", (context) =>
    ofRun(context, async (id) => {
      const { live: run, leave } = await live.join(id);
      return streamSSE(context, async (stream) => {
        try {
          await follow(run, stream, options);
        } finally {
          leave();
        }
      });
    }),
  );

  app.notFound((context) =>
    context.html(faultPage("Not found", "There is no such page or run."), 404),
  );
  return app;

  function listed(
    context: Context,
    draw: (found: readonly RunSummary[], total: number, query: string) => Page,
  ): Response | Promise<Response> {
    const query = context.req.query("q") ?? "";
    const all = runs.list();
    return context.html(draw(search(all, query), all.length, query));
  }

  /** A name that is none of a run's leads nowhere, whatever it is made of. */
  async function ofRun(
    context: Context,
    answer: (id: string) => Response | Promise<Response>,
  ): Promise<Response> {
    const id = context.req.param("id") ?? "";
    if (!runs.has(id)) {
      return context.notFound();
    }
    try {
      return await answer(id);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      return context.html(faultPage("This run cannot be read", text, id), 500);
    }
  }
}

/** Every word has to be in the run's name, experiment, purpose or state. */
export function search(runs: readonly RunSummary[], query: string): readonly RunSummary[] {
  const fits = wordFilter(query);
  return runs.filter(({ id, name, purpose, state }) => fits([id, name, purpose, state]));
}

/** Until the page is closed or the server ends. What a page has been told already is not told again. */
async function follow(
  run: LiveRun,
  stream: SSEStreamingApi,
  { showText, end }: Pick<WebOptions, "showText" | "end">,
): Promise<void> {
  const told = new Map<string, string>();
  const tell = async (event: string, key: string, message: object): Promise<void> => {
    const data = JSON.stringify(message);
    if (told.get(key) !== data && !stream.closed) {
      told.set(key, data);
      await stream.writeSSE({ event, data });
    }
  };
  let news = true;
  let wake: () => void = () => {};
  const onNews = (): void => {
    news = true;
    wake();
  };
  const unlisten = run.listen(onNews);
  stream.onAbort(() => wake());
  const onEnd = (): void => wake();
  end.addEventListener("abort", onEnd);
  const isOver = (): boolean => stream.aborted || stream.closed || end.aborted;
  try {
    while (!isOver()) {
      news = false;
      const { model, source, fault } = run;
      const panels = panelMessages(source, model);
      await tell("state", "state", stateMessage(source, model, fault, panels, Date.now() / 1000));
      for (const panel of panels) {
        await tell("panel", `panel ${panel.title}`, panel);
      }
      await tell("texts", "texts", textsMessage(source, model, showText));
      await wait(newsMs, undefined, { signal: end }).catch(() => {});
      if (!news && !isOver()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    unlisten();
    end.removeEventListener("abort", onEnd);
  }
}

/** Reports are drawn from the record, never read from report.html, which may have unmasked texts. */
class ReportPages {
  /** Newest last. */
  readonly #known = new Map<string, { readonly stamp: string; readonly page: Promise<Page> }>();

  constructor(
    private readonly runs: WebRuns,
    private readonly showText: boolean,
  ) {}

  async page(id: string): Promise<Page> {
    const stamp = this.runs.stamp(id);
    const known = this.#known.get(id);
    this.#known.delete(id);
    const found = known?.stamp === stamp ? known : { stamp, page: this.#drawn(id) };
    this.#known.set(id, found);
    const [oldest] = this.#known.keys();
    if (this.#known.size > reportsKept) {
      this.#known.delete(oldest!);
    }
    try {
      return await found.page;
    } catch (error) {
      this.#known.delete(id);
      throw error;
    }
  }

  async #drawn(id: string): Promise<Page> {
    const input = await this.runs.report(id);
    return reportPage(id, await reportDocument(input, { showText: this.showText }));
  }
}

/** Pages of a megabyte each. */
const reportsKept = 8;
