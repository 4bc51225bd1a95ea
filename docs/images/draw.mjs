/** What the scripts that draw the documentation's pictures share. */
import { writeFileSync } from "node:fs";
import { init } from "echarts";

export const blue = "#0072b2";
export const orange = "#d55e00";
export const green = "#009e73";
export const violet = "#a0529b";
export const grey = "#8a8f98";

/**
 * @param {string} name of the file
 * @param {string} title for those who cannot see the picture
 * @param {import("echarts").EChartsCoreOption} option
 * @param {number} height of the picture, 720 wide
 */
export function draw(name, title, option, height = 320) {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 720, height });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    color: [blue, orange, green, violet],
    textStyle: { fontFamily: "system-ui, sans-serif", fontSize: 13 },
    grid: { left: 60, right: 30, top: 44, bottom: 50 },
    legend: { top: 6, itemGap: 36, itemWidth: 16, itemHeight: 8, icon: "roundRect" },
    ...option,
  });
  // A picture in a page has no pointer: the styles for hovering go, and with them their classes.
  const svg = chart
    .renderToSVGString()
    .replace(/<style[\s\S]*?<\/style>\n?/g, "")
    .replace(/ class="[^"]*"/g, "")
    .replace(/^<svg([^>]*)>/, `<svg role="img"$1>\n<title>${title}</title>`);
  writeFileSync(new URL(`${name}.svg`, import.meta.url), `${svg}\n`);
  chart.dispose();
}
