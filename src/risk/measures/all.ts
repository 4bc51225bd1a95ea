// Generated from the names of this folder's files by `npm run generate`: do not edit.
import { cvar } from "./cvar.js";
import { cvarGradient } from "./cvar-gradient.js";
import { entropic } from "./entropic.js";
import { mean } from "./mean.js";
import { meanCvar } from "./mean-cvar.js";
import { randomDrop } from "./random-drop.js";

export const allMeasures = {
  cvar,
  "cvar-gradient": cvarGradient,
  entropic,
  mean,
  "mean-cvar": meanCvar,
  "random-drop": randomDrop,
};
