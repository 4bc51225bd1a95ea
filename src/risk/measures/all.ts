// Generated from the names of this folder's files by `npm run generate`: do not edit.
import { cvar } from "./cvar.js";
import { cvarGradient } from "./cvar-gradient.js";
import { cvarPolicyGradient } from "./cvar-policy-gradient.js";
import { entropic } from "./entropic.js";
import { entropicPolicyGradient } from "./entropic-policy-gradient.js";
import { hinge } from "./hinge.js";
import { mean } from "./mean.js";
import { meanCost } from "./mean-cost.js";
import { meanCvar } from "./mean-cvar.js";
import { meanCvarPolicyGradient } from "./mean-cvar-policy-gradient.js";
import { meanDeviationCost } from "./mean-deviation-cost.js";
import { quantileBaseline } from "./quantile-baseline.js";
import { randomDrop } from "./random-drop.js";
import { rangeVar } from "./range-var.js";
import { softMinimum } from "./soft-minimum.js";
import { spectral } from "./spectral.js";
import { spectralPolicyGradient } from "./spectral-policy-gradient.js";
import { worstOfGroup } from "./worst-of-group.js";

export const allMeasures = {
  cvar,
  "cvar-gradient": cvarGradient,
  "cvar-policy-gradient": cvarPolicyGradient,
  entropic,
  "entropic-policy-gradient": entropicPolicyGradient,
  hinge,
  mean,
  "mean-cost": meanCost,
  "mean-cvar": meanCvar,
  "mean-cvar-policy-gradient": meanCvarPolicyGradient,
  "mean-deviation-cost": meanDeviationCost,
  "quantile-baseline": quantileBaseline,
  "random-drop": randomDrop,
  "range-var": rangeVar,
  "soft-minimum": softMinimum,
  spectral,
  "spectral-policy-gradient": spectralPolicyGradient,
  "worst-of-group": worstOfGroup,
};
