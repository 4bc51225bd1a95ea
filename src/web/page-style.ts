/** Styles of the pages, beside those of a report. */
export const pageStyle = `
nav { display: flex; gap: 1.25rem; padding: .6rem 1.25rem; border-bottom: 1px solid var(--line); background: var(--tint); font-size: .95rem; }
nav .home { font-weight: 700; }
a { color: var(--mark); text-decoration: none; }
a:hover, a:focus-visible { text-decoration: underline; }
nav a { color: var(--ink); }
nav a[aria-current] { border-bottom: 2px solid var(--mark); }
main.wide { max-width: 80rem; padding-top: 1.25rem; }
main.wide h1 { overflow-wrap: anywhere; }
input[type=search] { box-sizing: border-box; width: 100%; max-width: 30rem; font: inherit; padding: .45rem .7rem; border: 1px solid var(--line); border-radius: 6px; background: var(--page); color: var(--ink); }
.count { color: var(--quiet); margin: .75rem 0 .25rem; font-size: .9rem; }
table.runs { width: 100%; }
.runs tbody th { white-space: normal; overflow-wrap: anywhere; }
.runs .purpose { max-width: 26rem; overflow-wrap: anywhere; }
.state { display: inline-block; padding: 0 .5rem; border-radius: 1rem; border: 1px solid currentColor; font-size: .8rem; white-space: nowrap; color: var(--quiet); }
.state.running { color: var(--mark); }
.state.done { color: var(--good); }
.state.failed, .state.damaged, .state.interrupted, .state.stopped { color: var(--warn); }
:root { --good: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; } }
#arms { display: flex; flex-wrap: wrap; gap: .4rem; margin: .5rem 0; }
#arms button { font: inherit; font-size: .85rem; display: flex; align-items: center; gap: .45rem; padding: .2rem .6rem; border: 1px solid var(--line); border-radius: 6px; background: var(--page); color: var(--ink); cursor: pointer; }
#arms button[aria-pressed=false] { opacity: .45; text-decoration: line-through; }
#arms svg { width: 34px; height: 8px; }
#panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); gap: .75rem 1rem; }
#panels figure { margin: 0; min-width: 0; }
#panels figcaption { font-weight: 600; color: var(--ink); margin: 0; font-size: .9rem; }
#panels .chart { height: 210px; }
#trials td, #trials th { padding-right: 1rem; }
#texts dl { margin: .25rem 0 .75rem; }
#texts dt { color: var(--quiet); font-size: .85rem; }
#texts dd { margin: 0 0 .6rem; overflow-wrap: anywhere; }
#log ol { list-style: none; padding: 0; margin: .5rem 0 0; font-size: .85rem; max-height: 22rem; overflow: auto; }
#log li { overflow-wrap: anywhere; }
#log time { color: var(--quiet); font-variant-numeric: tabular-nums; }
#log .warning, #log .error { color: var(--warn); background: none; border: 0; padding: 0; }
@media (max-width: 50rem) {
  .runs thead { display: none; }
  .runs, .runs tbody { display: block; }
  .runs tr { display: flex; flex-wrap: wrap; gap: .1rem .9rem; padding: .6rem 0; border-bottom: 1px solid var(--line); }
  .runs th, .runs td { display: block; border: 0; padding: 0; text-align: left; }
  .runs tbody th { flex: 1 1 70%; }
  .runs td[data-empty] { display: none; }
  .runs td[data-label]:not([data-label=""])::before { content: attr(data-label) " "; color: var(--quiet); font-size: .8rem; }
  .runs .purpose { flex-basis: 100%; max-width: none; color: var(--quiet); font-size: .85rem; }
}
@media print { nav, form, #log { display: none; } }
`;
