/** What `averse` alone says. */
export const introduction = `averse: risk-averse fine-tuning for language models

  averse run quickstart           train SFT, RLHF and risk-averse RLHF, and compare their tails
  averse ls                       runs so far
  averse show latest              one run: settings, trials, results
  averse compare latest           its arms side by side
  averse doctor                   what is missing on this machine, and how to get it
  averse config explain risk      what the keys mean

\`averse --help\` lists every command, \`averse <command> --help\` its options.`;
