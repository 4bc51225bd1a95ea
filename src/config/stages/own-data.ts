/** Where a stage's rows come from, if its `data` does not say. */
import { isTree, type Tree } from "../key-path.js";
import type { Experiment } from "../schema/experiment.js";

const places = ["path", "hub", "sources"] as const;

/**
 * A stage whose data name no path, no hub id and no sources learns from the experiment's rows, with
 * columns and rules of its own.
 *
 * @param experiment resolved, paths absolute
 * @param tree as written, overrides applied
 */
export function withOwnData(experiment: Experiment, tree: Tree): Experiment {
  const { path, hub, config, revision, sources, split } = experiment.data;
  const written = isTree(tree.stages) ? tree.stages : {};
  const stages = Object.entries(experiment.stages).map(([name, stage]) => {
    const own = isTree(written[name]) ? written[name].data : undefined;
    if (isTree(own) && places.some((key) => Object.hasOwn(own, key))) return [name, stage];
    const place = { path, hub, config, revision, sources };
    return [
      name,
      { ...stage, data: { ...stage.data, ...place, split: stage.data.split ?? split } },
    ];
  });
  return { ...experiment, stages: Object.fromEntries(stages) };
}
