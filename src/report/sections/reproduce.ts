import { type Block, cells } from "../blocks.js";
import type { ReportData } from "../report-data.js";

export function reproduceSection(data: ReportData): Block[] {
  const { command, git } = data.run;
  const digests = Object.entries(
    data.trials.find(({ worker }) => worker !== null)?.worker?.digests ?? {},
  );
  const code =
    git === null
      ? "the code's version is in manifest.json"
      : `commit ${git.commit}${git.dirty ? ", with changes that were not committed" : ""}`;
  return [
    { kind: "heading", text: "How to reproduce" },
    ...(command === null ? [] : [{ kind: "code" as const, text: command }]),
    {
      kind: "paragraph",
      text:
        `Code: ${code}. manifest.json beside this report holds the resolved configuration, ` +
        "seeds, versions and digests. On the same machine, versions and thread count, a run gives " +
        "the same figures; on another the last digits, and with them single episodes, may differ.",
    },
    ...(digests.length === 0
      ? []
      : [
          {
            kind: "details" as const,
            summary: "Digests of models and data (sha256)",
            blocks: [
              {
                kind: "table" as const,
                head: ["part", "file", "sha256"],
                rows: digests.flatMap(([part, files]) =>
                  Object.entries(files).map(([file, digest]) => cells(part, file, digest)),
                ),
                wordColumns: 3,
              },
            ],
          },
        ]),
  ];
}
