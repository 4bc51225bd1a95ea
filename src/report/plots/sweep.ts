/** A sweep's points: the tail against each key, and against KL with the Pareto front. */
import { seedsToDecide } from "../../analysis/conclusion.js";
import { isAlternative } from "../../analysis/sweep.js";
import type { SweepPoint } from "../../config/schema/sweep.js";
import { type ArmStyle, armStyles } from "../arm-style.js";
import type { ReportData } from "../report-data.js";
import { type Curve, ink, intervalBar, klAxis, type PlotPanel, type PlotSpec } from "./panel.js";

interface Measured {
  /** Arm of the experiment that it is a setting of. */
  readonly of: string;
  readonly arm: string;
  readonly values: SweepPoint["values"];
  readonly tail: Spread;
  readonly kl: Spread;
}

interface Spread {
  readonly mean: number;
  /** 95 % interval over seeds; null: too few. */
  readonly ends: readonly [number, number] | null;
}

/** Arms trained with RL that are evaluated, points first. */
function measured({ evaluation, run }: ReportData): Measured[] {
  const { points } = evaluation.sweep!;
  const others = Object.keys(evaluation.arms)
    .filter((arm) => isAlternative(run.experiment.arms[arm]?.stage))
    .filter((arm) => !points.some((point) => point.arm === arm))
    .map((arm) => ({ arm, of: arm, values: {} }));
  return [...points, ...others].flatMap(({ arm, of, values }): Measured[] => {
    const metrics = evaluation.arms[arm]?.metrics;
    const [tail, kl] = [metrics?.tail_reward, metrics?.kl_mean];
    if (tail === undefined || kl === undefined) return [];
    const spread = ({ mean, ci95, per_seed }: typeof tail): Spread => ({
      mean,
      ends: per_seed.length >= seedsToDecide ? ci95 : null,
    });
    return [{ arm, of, values, tail: spread(tail), kl: spread(kl) }];
  });
}

/** One look for each swept arm and each value of the other keys. */
function stylesOf(names: readonly string[]): ReadonlyMap<string, ArmStyle> {
  return armStyles(names, {});
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

/** The last part of a key, as arms are named. */
function short(key: string): string {
  return key.slice(key.lastIndexOf(".") + 1);
}

/** Values of a key over the points; fewer than two numbers make no axis. */
function numbersOf(points: readonly Pick<SweepPoint, "values">[], key: string): number[] {
  const values = points.flatMap(({ values }) => (Object.hasOwn(values, key) ? [values[key]] : []));
  return values.every(isNumber) ? [...new Set(values)].sort((a, b) => a - b) : [];
}

/** Over so many values to one: axes are logarithmic. */
const widestLinear = 30;

export function tailAgainstKeys(data: ReportData): PlotSpec | null {
  if (data.evaluation.sweep === undefined) return null;
  const points = measured(data);
  const { keys } = data.evaluation.sweep;
  const axes = keys
    .map((key) => ({ key, numbers: numbersOf(points, key) }))
    .filter(({ numbers }) => numbers.length > 1);
  if (axes.length === 0) return null;
  const lineOf = (point: Measured, key: string) =>
    [
      point.of,
      ...Object.entries(point.values)
        .filter(([other]) => other !== key)
        .map(([other, value]) => `${short(other)} ${String(value)}`),
    ].join(", ");
  const names = [...new Set(axes.flatMap(({ key }) => points.map((point) => lineOf(point, key))))];
  const styles = stylesOf(names);
  const panels = axes.map(({ key, numbers }): PlotPanel => {
    const low = numbers[0]!;
    const high = numbers.at(-1)!;
    const lines = [...new Set(points.map((point) => lineOf(point, key)))];
    return {
      title: `Tail reward against ${key}`,
      x: { name: key, log: low > 0 && high / low > widestLinear },
      y: { name: "tail reward, raw" },
      curves: lines.flatMap((name): Curve[] => {
        const own = points.filter((point) => lineOf(point, key) === name);
        const style = styles.get(name)!;
        const at = own.flatMap((point) =>
          Object.hasOwn(point.values, key)
            ? [{ x: point.values[key] as number, tail: point.tail }]
            : [],
        );
        if (at.length === 0) {
          // The key does not change this arm: it is as good everywhere.
          const y = own[0]!.tail.mean;
          return [
            {
              name,
              style,
              shape: "line",
              markers: "none",
              points: [low, high].map((x) => ({ x, y })),
            },
          ];
        }
        const sorted = at.sort((a, b) => a.x - b.x);
        return [
          {
            name,
            style,
            shape: "line",
            markers: "all",
            points: sorted.map(({ x, tail }) => ({ x, y: tail.mean })),
          },
          ...sorted.flatMap(({ x, tail }): Curve[] =>
            tail.ends === null
              ? []
              : [
                  intervalBar(
                    name,
                    style,
                    tail.ends.map((y) => ({ x, y })),
                  ),
                ],
          ),
        ];
      }),
    };
  });
  return {
    id: "sweep-tail-against-keys",
    title: "Tail against the swept keys",
    caption:
      "One line per arm and value of the other keys, each marker a trained policy; a flat line is an " +
      "arm that the key does not change. Thin bars are 95 % intervals over seeds, where there are " +
      `${seedsToDecide} or more.`,
    panels,
    columns: Math.min(2, panels.length),
  };
}

const frontStyle: ArmStyle = { color: ink, dash: [4, 3], marker: "circle" };

export function paretoPlot(data: ReportData): PlotSpec | null {
  const { sweep } = data.evaluation;
  if (sweep === undefined) return null;
  const points = measured(data);
  if (points.length < 2) return null;
  const arms = [...new Set(points.map(({ of }) => of))];
  const styles = stylesOf(arms);
  const front = sweep.pareto.flatMap((arm) => points.find((point) => point.arm === arm) ?? []);
  const curves = points.flatMap(({ of, tail, kl }): Curve[] => {
    const style = styles.get(of)!;
    const at = { x: kl.mean, y: tail.mean };
    return [
      { name: of, style, shape: "line", markers: "all", points: [at] },
      ...(tail.ends === null
        ? []
        : [
            intervalBar(
              of,
              style,
              tail.ends.map((y) => ({ x: at.x, y })),
            ),
          ]),
      ...(kl.ends === null
        ? []
        : [
            intervalBar(
              of,
              style,
              kl.ends.map((x) => ({ x, y: at.y })),
            ),
          ]),
    ];
  });
  return {
    id: "sweep-pareto",
    title: "Tail against KL, all points",
    caption:
      "One marker per point, the final policy: up and to the left is better. The dashed line joins " +
      "the points that no other one beats in both; the table above names them.",
    panels: [
      {
        title: "Tail reward against distance from SFT",
        x: klAxis,
        y: { name: "tail reward, raw" },
        curves: [
          {
            name: "Pareto front",
            style: frontStyle,
            shape: "line",
            markers: "none",
            points: front.map(({ kl, tail }) => ({ x: kl.mean, y: tail.mean })),
          },
          ...curves,
        ],
      },
    ],
    columns: 1,
  };
}
