/** Styles of the HTML report: readable on screen, on paper, and in the dark. */
export const reportStyle = `:root { color-scheme: light dark; --ink: #1f2328; --quiet: #59636e; --line: #d1d9e0; --page: #ffffff; --tint: #f3f6f9; --mark: #0072b2; --warn: #b35900; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #9aa5b1; --line: #3d444d; --page: #14181d; --tint: #1d232a; --mark: #56b4e9; --warn: #e69f00; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
.byline { color: var(--quiet); margin: 0 0 1.5rem; }
.conclusion { border-left: 4px solid var(--mark); background: var(--tint); padding: .75rem 1.1rem; font-size: 1.08rem; }
.conclusion p { margin: .3rem 0; }
.warning { border-left: 4px solid var(--warn); background: var(--tint); padding: .6rem 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .4rem .7rem .4rem 0; border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
thead th { border-bottom: 2px solid var(--line); white-space: nowrap; }
tbody th { font-weight: 600; white-space: nowrap; }
.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
small { display: block; color: var(--quiet); font-weight: 400; font-size: .8rem; }
figure { margin: 1rem 0; }
figure svg { display: block; width: 100%; height: auto; border-radius: 6px; }
figcaption { color: var(--quiet); font-size: .92rem; margin-top: .5rem; max-width: 48rem; }
details { border: 1px solid var(--line); border-radius: 6px; padding: .5rem .9rem; margin: .75rem 0; }
summary { cursor: pointer; font-weight: 600; }
pre { background: var(--tint); padding: .8rem 1rem; border-radius: 6px; overflow-x: auto; font-size: .82rem; line-height: 1.45; }
li { margin: .25rem 0; }
@media print { body { font-size: 11pt; } h2, figure { break-inside: avoid; } }
`;
