/** Which of a command's fields name files of the machine that the worker runs on. */
import type { Command, Payload, Scorer, Stage } from "../protocol/messages.js";

type LoadPayload = Payload<"load">;
type DataSource = LoadPayload["data"]["source"];
/** Gets what a field has (`builtin`, a hub id, a path) and returns what the worker is told. */
type Told = (value: string) => string;

/** The payload with every field replaced that names something for the worker to read. */
export function withInputs<C extends Command>(
  command: C,
  payload: Payload<C>,
  told: Told,
): Payload<C> {
  const given = payload as unknown;
  switch (command as Command) {
    case "load":
      return ofLoad(given as LoadPayload, told) as Payload<C>;
    case "describe_stage":
    case "train_stage": {
      const { stage, ...rest } = given as Payload<"train_stage">;
      return { ...rest, stage: ofStage(stage, told) } as unknown as Payload<C>;
    }
    case "restore":
      return { path: told((given as Payload<"restore">).path) } as Payload<C>;
    default:
      return payload;
  }
}

/** The empty folder that the command fills; null: it writes nothing. */
export function outputFolder<C extends Command>(command: C, payload: Payload<C>): string | null {
  const writes: readonly Command[] = ["save", "export", "train_stage"];
  return writes.includes(command) ? (payload as { path: string }).path : null;
}

function ofLoad(load: LoadPayload, told: Told): LoadPayload {
  const model = <M extends { model: string }>(one: M): M => ({ ...one, model: told(one.model) });
  const scored = <S extends { scorer: Scorer }>(one: S): S => ({
    ...one,
    scorer: ofScorer(one.scorer, told),
  });
  const { policy, reference, rewards, judges, evaluation, data, decoding } = load;
  const { toxicity, fluency } = evaluation;
  const experts = decoding?.experts ?? null;
  return {
    ...load,
    policy: model(policy),
    reference: reference === null ? null : model(reference),
    rewards: rewards.map(scored),
    judges: judges.map(scored),
    evaluation: {
      ...evaluation,
      toxicity: toxicity === null ? null : scored(toxicity),
      fluency: fluency === null ? null : model(fluency),
    },
    data: { ...data, source: ofData(data.source, told) },
    decoding:
      decoding === null || experts === null
        ? decoding
        : {
            ...decoding,
            experts: {
              ...experts,
              expert: model(experts.expert),
              anti_expert: model(experts.anti_expert),
            },
          },
  };
}

function ofStage(stage: Stage, told: Told): Stage {
  const { base, data } = stage;
  return {
    ...stage,
    base: base.kind === "model" ? { ...base, model: told(base.model) } : base,
    data: ofData(data, told),
  };
}

function ofData(source: DataSource, told: Told): DataSource {
  return {
    ...source,
    template: told(source.template),
    parts: source.parts.map((part) => {
      const { place } = part;
      switch (place.kind) {
        case "path":
          return { ...part, place: { ...place, path: told(place.path) } };
        case "pair":
          return { ...part, place: { ...place, train: told(place.train), test: told(place.test) } };
        default:
          return part;
      }
    }),
  };
}

function ofScorer(scorer: Scorer, told: Told): Scorer {
  switch (scorer.kind) {
    case "classifier":
    case "preference":
      return { ...scorer, model: told(scorer.model) };
    case "lexicon":
      return scorer.path === null ? scorer : { ...scorer, path: told(scorer.path) };
    case "python": {
      // file.py:function, or module:function
      const colon = scorer.function.lastIndexOf(":");
      const file = told(scorer.function.slice(0, colon));
      return { ...scorer, function: `${file}${scorer.function.slice(colon)}` };
    }
    default:
      return scorer;
  }
}
