/** `cost_mean` → `cost mean`: a figure of a risk measure, as people read it. */
export function riskFigureName(name: string): string {
  return name.replaceAll("_", " ");
}
