/** What to cite: the program, the method's paper, and those of the algorithms that the run used. */
import type { AlgorithmName } from "../../risk/algorithms.js";
import type { Block } from "../blocks.js";
import type { ReportData } from "../report-data.js";

const method = `@inproceedings{chaudhary2024riskaverse,
  title = {Risk-Averse Fine-tuning of Large Language Models},
  author = {Chaudhary, Sapana and Dinesha, Ujwal and Kalathil, Dileep and Shakkottai, Srinivas},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2024},
  eprint = {2501.06911},
  archivePrefix = {arXiv}
}`;

const algorithmPapers: Readonly<Partial<Record<AlgorithmName, string>>> = {
  ppo: `@misc{schulman2017ppo,
  title = {Proximal Policy Optimization Algorithms},
  author = {Schulman, John and Wolski, Filip and Dhariwal, Prafulla and Radford, Alec and Klimov, Oleg},
  year = {2017},
  eprint = {1707.06347},
  archivePrefix = {arXiv}
}`,
  rloo: `@misc{ahmadian2024back,
  title = {Back to Basics: Revisiting {REINFORCE} Style Optimization for Learning from Human Feedback in {LLMs}},
  author = {Ahmadian, Arash and Cremer, Chris and Gall{\\'e}, Matthias and Fadaee, Marzieh and Kreutzer, Julia and Pietquin, Olivier and {\\"U}st{\\"u}n, Ahmet and Hooker, Sara},
  year = {2024},
  eprint = {2402.14740},
  archivePrefix = {arXiv}
}`,
  grpo: `@misc{shao2024deepseekmath,
  title = {{DeepSeekMath}: Pushing the Limits of Mathematical Reasoning in Open Language Models},
  author = {Shao, Zhihong and others},
  year = {2024},
  eprint = {2402.03300},
  archivePrefix = {arXiv}
}`,
  raft: `@misc{dong2023raft,
  title = {{RAFT}: Reward rAnked FineTuning for Generative Foundation Model Alignment},
  author = {Dong, Hanze and others},
  year = {2023},
  eprint = {2304.06767},
  archivePrefix = {arXiv}
}`,
  quark: `@misc{lu2022quark,
  title = {{Quark}: Controllable Text Generation with Reinforced Unlearning},
  author = {Lu, Ximing and others},
  year = {2022},
  eprint = {2205.13636},
  archivePrefix = {arXiv}
}`,
};

export function citationSection({ run }: Pick<ReportData, "run">): Block[] {
  const { experiment, versions, git, started } = run;
  const version = [versions.averse, git === null ? null : `commit ${git.commit.slice(0, 12)}`]
    .filter((one) => one != null)
    .join(", ");
  const program = `@software{averse,
  title = {Averse: risk-averse fine-tuning of language models},
  author = {{The Averse authors}},
  version = {${version}},
  year = {${started.slice(0, 4)}},
  note = {Apache-2.0}
}`;
  const trained = Object.values(experiment.arms).filter(({ stage }) => stage === "rl");
  const used = [...new Set(trained.map(({ training }) => training.algorithm))];
  const papers = used.flatMap((name) => algorithmPapers[name] ?? []);
  return [
    { kind: "heading", text: "How to cite" },
    {
      kind: "details",
      summary: "BibTeX of the program, the method and the algorithms of this run",
      blocks: [{ kind: "code", text: [program, method, ...papers].join("\n\n") }],
    },
  ];
}
