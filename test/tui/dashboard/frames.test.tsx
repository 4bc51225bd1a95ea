import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyRun, type RunModel } from "../../../src/run-model/run-model.js";
import { displayWidth } from "../../../src/text/width.js";
import { panelIds, type ViewState } from "../../../src/tui/dashboard/view-state.js";
import type { ViewStyle } from "../../../src/tui/terminal/line.js";
import { styles } from "../charts/all-charts.js";
import { rich } from "../drawn.js";
import { frameOf, midway, type SceneChanges, sceneOf } from "./sample-scene.js";

const least = { columns: 60, rows: 15 };
const small = { columns: 80, rows: 24 };
const large = { columns: 140, rows: 50 };

describe("frames", () => {
  test("at 80 × 24", () => {
    expect(frameOf(small)).toMatchInlineSnapshot(`
      "quickstart  ▶ running  ra-rlhf seed 0 (2/2)  on local · cuda:0 NVIDIA H200
      iteration 31/60  ━━━━━━━━━━━━━────────────  51 %  3 m 05 s gone  about 57 s left
      32 episodes/s  1.03 k tokens/s  worker 1.24 GB
      update  ━━━━━━━━━━━━━━━─────────  40/64 episodes  2.0 s
      ━▸1 Risk  cvar, α 0.4, by return ━━━━━━│─ 2 Training  ⠒⠒⠒ this arm  ⠒ ⠒ (rlhf) ─
      α' 0.718   kept 46 of 64               │raw reward 0.511   (0.637)
      VaR 0.4 −0.0133   CVaR 0.4 −1.20       │ 1.7┤            ⢀   ⢀┊ ⢀ ⣀⣀ ⢄⠤ ⠢⠢ ⠒⠒ ⠊⠉
      mean kept −0.608    tail again 17 %    │−0.5┤⡠⣀⠤⠤⠴⠤⡤⠢⠤⠖⠓⠒⠋⠙⠊⠉⠉⠉⠉⠁
      Schedule 64 ⠉⠉⠉⠉⠉⠉⠉⠉⠙⠒⠒⠒┊⠒ ⠒⠒ ⠒⠲ ⠤⠤  26│               20    ▴31  40          60
      Returns of iteration 31  ▓ kept        │CVaR 0.4      −1.20  ▁▅▃▃▆▁▅▆▂▁▇▆▆█▇███▆
              CVaR −1.20 ▾       ▾ VaR −0.01 │KL → 6         3.45  ▁▁▁▂▂▃▃▄▄▄▅▅▆▆▇▇███
        │                ┆       │▓▓         │β             0.230  ▁▁▁▂▂▃▃▄▄▄▅▅▆▆▇▇███
      10┤                ┆      ▓▓▓▓▄▄▄▄▄    │entropy        3.30  ███▇▆▆▆▅▅▅▄▄▃▃▂▁▁▁▁
        │                ┆    ▓▓▓▓▓▓█████▂▂  │clip frac    0.0848  ▅▆█▃▂▄▄▅▂▄█▇▁▁▁▄▁▃▆
       0┤▓▓▓  ▓▓     ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓████▅▅│value loss    0.501  █▇▆▅▄▃▃▃▃▂▂▂▁▁▁▁▁▁▁
                   −2            0           │grad norm      1.82  ▂▂▄▃▃▆▄▄█▁▃▄▂▅▂▅▅▁▆
      ─▹3 Tail ─ 4 What if ─ 5 Events ─ 6 Log ────────────────────────────────────────
      Iteration 31  worst 1 to 3 of 64  texts masked, t reveals
         #  prompt  return  raw reward    KL  tokens  weight
      ▸  1       9   −3.63       −2.95  3.43      44    1.00  A···· a· h···, → n·· f·…
         2     280   −3.56       −2.84  3.61      23    1.00  A···· a· h···, → n·· f·…
         3     142   −3.55       −2.95  3.03      24    1.00  H·······, t··· → d··· a…
      ? help  q leave  1-6 panel  f full  0 trials  p pause  [ ] past  w what if"
    `);
  });

  test("at 120 × 40", () => {
    expect(frameOf({ columns: 120, rows: 40 })).toMatchInlineSnapshot(`
      "quickstart  ▶ running  ra-rlhf seed 0 (2/2)  on local · cuda:0 NVIDIA H200
      iteration 31/60  ━━━━━━━━━━━━━━━━━━━━━───────────────────  51 %  3 m 05 s gone  about 57 s left
      32 episodes/s  1.03 k tokens/s  worker 1.24 GB
      update  ━━━━━━━━━━━━━━━─────────  40/64 episodes  2.0 s
      ━▸1 Risk  cvar, α 0.4, by return ━━━━━━━━━━━━━━━━━━━━━━━━━━│─ 2 Training  ⠒⠒⠒ this arm  ⠒ ⠒ (rlhf) ─────────────────────
      α' 0.718   kept 46 of 64  VaR 0.4 −0.0133                  │raw reward 0.511   (0.637)     CVaR 0.4 −1.20   (−1.01)
      CVaR 0.4 −1.20     mean kept −0.608    tail again 17 %     │ 1.7┤            ┊   ⣀ ⡠⢄ ⠔⠲   −0.32┤       ⢀  ⢀┊ ⡀ ⢸⣠ ⣀⡠ ⢦⠳
      Schedule  kept, of 64     Returns of iteration 31  ▓ kept  │    │      ⡀⣀⢀⣄⢤⢄⠦⠒ ⠉⠈              │⢀⢠⢠⣄⡰⡀⣼⣾⠖⡤⡼⡤⡴⠙ ⠁⠃ ⠘⠁ ⠈
        │⠉⠉⠉⠓⠲⢤⣀⡀  ┊                 CVaR −1.20 ▾      ▾ VaR     │−0.5┤⡠⡴⠤⠖⡶⠓⠜⠋⠁⠁  ┊             −1.84┤⠎⠓⠉⠋⡟⢳⠋⠁ ⠃ ┊⠁
      50┤       ⠉⠙⠲⠤ ⡀            │             ┆      │▓▓       │     1          ▴31                  1         ▴31
        │          ┊ ⠉⠑ ⠤⣄      10┤             ┆      │▓▓▁▁▁▁   │KL → 6 3.45    (3.52)          β 0.230   (0.230)
        │          ┊       ⠙⠒    5┤             ┆   ▓▓▓▓▓▓████   │6.4┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄⣀⠤┄⠔⠒┄⠉  0.259┤           ┊   ⢀⣀ ⠤⠔ ⠚⠉
        │          ┊              │▓▓           ┆▓  ▓▓▓▓▓▓▓▓██▄▄ │   │        ⣀⣀⡠⠤⠖⠒ ⠉⠉               │       ⣀⣀⡠⠤⠔⠒⠊ ⠉
       0┤          ┊             0┤▓▓  ▓▓    ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓████▆│0.5┤⣀⡤⠤⠔⠒⠒⠉⠉    ┊              0.200┤⣀⡤⠤⠔⠒⠊⠉⠁   ┊
        └┴────────────────────    └─────────┴──────────┴─────────│    1          ▴31                   1         ▴31
         1        ▴31                      −2          0         │entropy 3.30    (3.24)         clip frac 0.0848  (0.0387)
      Returns  ░ 5 to 95 %  ▒ 25 to 75 %  ━ median  • CVaR 0.4   │4.03┤⠑⠓⠢⠤⠤⣄⣀⡀    ┊             0.100┤⣰⡆⡀⡆⣸⢸⢹⡆ ⣴⢰⢠⣆⢸ ⢸⡀  ⡇ ⢸⢀
        │     ░░    ░░░░░░░       ░░░░░░░░░░░░ ░░░░░   ░░░░░░░░░░│    │       ⠉⠉⠑⠒⠢⠦⠤ ⡀               │⣹⢧⢧⣼⣯⣿⡾⡇ ⣿⣼⡎⢹⢸ ⣸⣇ ⣼⢸ ⡜⡟
       0┤▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒━━▒▒▒▒▒▒▒▒▒▒▒━━▒━━━━━━━━━━▒━━━━━━━━━━━━━│2.53┤            ┊  ⠈⠉ ⠑⠒ ⠤⢤   0.001┤⠃⡿⠘⠘⠃⠹⠇⡿⠤⠋⡿⠁ ⡇ ⠹⠘ ⡏⠈ ⠃⠁
        │━━━━━━━━━━━━━•━━▒▒━━━━•━━━━━━▒▒━▒•▒▒▒▒▒••▒━▒•▒▒▒•▒••▒▒▒▒│     1          ▴31                  1         ▴31
      −2┤•░•░•░••░•░•░░░•░••░•░░░•░•▒••░•░░░•░•░░░░•░░░•░░░░░░•░•│value loss 0.501   (0.551)     grad norm 1.82    (1.10)
        │░░░░░░░░░░░░░ ░░░░░░░░░░░░░░░░░░░ ░░░░  ░░░░░░░░░░░░░░░░│2.10┤⠱⡄          ┊             1.99┤⠱⣤ ⡆⢠⡇   ⣆⣇ ⡄⡄ ⢷⢠ ⢀  ⣇
        │    ░  ░░░░░     ░  ░   ░░░   ░░                       ░│    │ ⠈⠑⠦⣄⣀      ┊                 │⣼⣿⢆⡟⣎⢷⣶⣇⡸⣿⣽⡸⣰⢣  ⠿ ⠛⣦ ⠙⢶
        └─────────────────┴─────────────────┴─────────────────┴──│0.30┤      ⠉⠙⠊⠒⠒⠒⠶⠤ ⠤⠤ ⢤⡠ ⣀⣀   1.04┤ ⡇⠈⠷⠁⠸⠃⠟⠃⠛⠃⡇⢿⠸        ⠈
                         10                20                 ▴31│     1          ▴31                 1          ▴31
      ─ 3 Tail ──────────────────────────────────────────────────│─ 4 What if  iteration 31: cvar, α 0.718, by return ────────
      Iteration 31  worst 1 to 4 of 64  texts masked, t reveals  │           the run  what if    Weights  1 to 6 of 46
         #  prompt  return  raw reward    KL  tokens  weight     │        α    0.718    0.718       prompt  return   run    if
      ▸  1       9   −3.63       −2.95  3.43      44    1.00  A·…│     kept       46       46    =       9   −3.63  1.00  1.00
         2     280   −3.56       −2.84  3.61      23    1.00  A·…│CVaR at α   −0.608   −0.608    =     280   −3.56  1.00  1.00
         3     142   −3.55       −2.95  3.03      24    1.00  H·…│mean kept   −0.608   −0.608    =     142   −3.55  1.00  1.00
         4     237   −3.36       −2.71  3.28      18    1.00  H·…│kept in both 46                =     237   −3.36  1.00  1.00
      prompt     A···· a· h···,                                  │only what-if 0 (+)             =     165   −2.95  1.00  1.00
      completion n·· f·· m· a· a··.                              │only run 0 (-)                 =      17   −1.80  1.00  1.00
      ─▹5 Events ─ 6 Log  3 to 5 of 5, UTC, following ────────────────────────────────────────────────────────────────────────
      10:02:00 · ra-rlhf-s0 checkpoint at iteration 20, 50 MB
      10:03:00 ! ra-rlhf-s0 step 24: 2 rewards failed
      10:04:00 · ra-rlhf-s0 evaluation at iteration 30: reward 0.42, tail −1.90
      ? help  q leave  1-6 panel  f full  0 trials  p pause  [ ] past  w what if  ← → trial  / filter  t text"
    `);
  });

  test("at 140 × 50", () => {
    expect(frameOf(large)).toMatchInlineSnapshot(`
      "quickstart  ▶ running  ra-rlhf seed 0 (2/2)  on local · cuda:0 NVIDIA H200
      iteration 31/60  ━━━━━━━━━━━━━━━━━━━━━───────────────────  51 %  3 m 05 s gone  about 57 s left
      32 episodes/s  1.03 k tokens/s  worker 1.24 GB
      update  ━━━━━━━━━━━━━━━─────────  40/64 episodes  2.0 s
      ━▸1 Risk  cvar, α 0.4, by return ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━│─ 2 Training  ⠒⠒⠒ this arm  ⠒ ⠒ (rlhf) ───────────────────────────────
      α' 0.718   kept 46 of 64  VaR 0.4 −0.0133   CVaR 0.4 −1.20           │raw reward 0.511   (0.637)          CVaR 0.4 −1.20   (−1.01)
      mean of kept −0.608    tail prompts again 17 %                       │ │                ┊          ⣀⢄ ⡴⠑  −0.5┤          ⡆   ┊    ⢀ ⡀⡀    ⢀⢆
      Schedule  kept, of 64       Returns of iteration 31  ▓ kept          │1┤                ┊ ⢀  ⠔⢢ ⠜⠉  ⠈         │         ⢰⢣  ⣠┊ ⢠  ⡜ ⢷⡟ ⡜⢣ ⠏⠈
        │⠉⠉⠉⠓⠦⣄⡀    ┊                      CVaR −1.20 ▾       ▾ VaR −0.01  │ │          ⢀⣀ ⢀⡠⢷⢦ ⠁⠓              −1.0┤   ⣤⣄ ⡆⣆⢰⣸⢾⣠⣤⠿⣀⡀⡇ ⠑⠁ ⢸
      60┤      ⠉⠓⢦⣀ ┊               │                 ┆       │ ▓▓         │0┤   ⢀⢀⡀⣠⣠⢰⡟⠚⠁⠛⠋  ┊                 −1.5┤⡸⢦⡰⢯⣿⠺⣷⣿⠇⠏⠈⠁⠘ ⠁⠹
        │         ⠈⠙⠲⢤⣀             │                 ┆       │ ▓▓         │ │⡴⢴⠒⠑⠑⠉⠃⠃⠃       ┊                     │⠃  ⠈⠁ ⢸⠇      ┊
      40┤           ┊ ⠈ ⠢⣄        10┤                 ┆       │ ▓▓         │           20    ▴31 40         60       1            ▴31
        │           ┊      ⠑⠤       │                 ┆      ▓▓▓▓▓▇▇▇▇▇    │KL (target 6) 3.45    (3.52)        β 0.230   (0.230)
        │           ┊         ⠉⠒   5┤                 ┆    ▓▓▓▓▓▓▓█████    │6┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄⢀┄⣀⠤┄⠒⠉      │              ┊         ⣀⠤ ⠒⠉
      20┤           ┊               │▓▓▓              ▓▓   ▓▓▓▓▓▓▓█████▄▄  │ │                ┊  ⣀ ⡠⠤ ⠉⠁        0.24┤              ┊   ⣀⠤ ⠒⠉
        │           ┊               │▓▓▓              ▓▓▓▓▓▓▓▓▓▓▓▓▓▓█████▂▂│4┤            ⢀⣀⡠⠴⠒ ⠉                   │           ⢀⣀⠤⠔⠒⠉
       0┤           ┊              0┤▓▓▓  ▓▓▓    ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓███████│2┤      ⣀⡠⠤⠖⠚⠉⠁   ┊                 0.22┤     ⢀⣀⠤⠔⠒⠉⠁  ┊
        └┴──────────────────────    └───────────┴─────────────┴────────────│ │⣠⠤⠒⠒⠊⠉⠁         ┊                 0.20┤⣀⠤⠔⠒⠉⠁        ┊
         1         ▴31                         −2             0            │           20    ▴31 40         60       1            ▴31
      Returns  ░ 5 to 95 %  ▒ 25 to 75 %  ━ median  • CVaR 0.4             │entropy 3.30    (3.24)              clip fraction 0.0848  (0.0387)
        │              ░░░░░░░          ░░░░   ░░░    ░░░░░░    ░░░░░░ ░░░░│4┤⠑⠓⠢⢦⣤⣀⣀⡀        ┊                 0.100┤⢠⢰ ⢰ ⢸⢠⡗⡇    ⡆⡄⡄⢀  ⡇ ⢰  ⢀⡄
        │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░▒░░░░▒░░░▒▒▒░░░▒▒▒▒▒▒░░▒▒▒▒▒▒▒▒▒▒░▒▒│ │       ⠉⠉⠓⠒⠢⠴⣤⣀⡀⡀                      │⢾⣾⢸⣾⣼⡜⣼⣇⢸⡀⣀⡄⢰⢿⠃⢸⢸  ⣿ ⢸⢠ ⣾⢇ ⣼
       0┤▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒━━━━━▒▒▒▒▒▒▒▒━▒▒▒━━━▒━━━━━━━━━━━━━━━━━━━━━━━━━━━━│3┤               ⠈⠉ ⠒⠒ ⢄⡠ ⡀              │⡞⣅⡟⣿⡏⡇⣿⢸⠸⣇⢿⢳⣿⣼┊⠸⡜ ⣼⠘ ⡎⡿ ⡏⢸ ⡇
        │━━━━━━━━━━━━━━━━━▒▒▒▒▒━━━━━━━━▒━━━▒▒▒━▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒│ │                ┊       ⠈⠉ ⠒⠢ ⠤⣀  0.001┤⠁⡟⠇⠋⠁ ⠿⠘ ⡿⠼ ⡟⠇┊ ⡇ ⠸  ⡇⡇ ⠃⠈
        │░░•░•▒▒▒▒░░•░░░•░░░░•░•░░░•░░▒▒▒▒▒▒•░░░•░•░•░░•░•░•░•░•░•░░•░•░•░•│           20    ▴31 40         60        1            ▴31
      −2┤•░░░░░░•░•░░░•░░░•░░░░░░•░░░•░•░░•░░░•░░░░░░░░░░░░░░░░░░░░░░░░░░░░│value loss 0.501   (0.551)          gradient norm 1.82    (1.10)
        │░░░░░░░░░░░░░░░ ░░░░░░░░░░░░░░░░░░░░░░░ ░░░░░   ░░░░░░░░░░░░░░░░░░│2┤⠱⡀              ┊                 1.99┤⠱⡀ ⢰  ⢸⡆  ⢰ ⣇ ⢀ ⡀ ⢰⡄ ⡆  ⣰⢸
        │░░ ░░░░░░░░░░░░  ░░░░░░░░░ ░░░░░░░░░░░   ░        ░   ░░  ░░░   ░░│ │ ⠙⠢⣄            ┊                     │⢰⢇⢀⢸⣳ ⣿⣇⡆⢸⣼⢀⢿⢆⡜⢀⡇ ⡎⢱ ⢱⡼ ⡟⡜ ⢀⡆
        │           ░░░              ░░       ░                           ░│1┤   ⠈⠉⠉⠲⠤⡠⣀⡀⡀    ┊                     │⠟⣼⠎⡎⡇⠓⠁⡿⠸⣮⡿⣸⡾⣼⠁⢸⢸  ⠈ ⠈   ⡇ ⡞⢣
        └─────────┴──────────┴─────────┴──────────┴──────────┴──────────┴──│ │          ⠉⠈⠉⠉⠊⠚⠒ ⠤⠒ ⠒⠤ ⠤⢄ ⣀⢄ ⢄⣀  1.04┤ ⡇ ⡇⠛  ⠇ ⠛⠃⠙⠃⠏┊⡎⠘           ⠸
                  5         10        15         20         25          ▴31│           20    ▴31 40         60       1            ▴31
      ─ 3 Tail ────────────────────────────────────────────────────────────│─ 4 What if  iteration 31: cvar, α 0.718, by return ──────────────────
      Iteration 31  worst 1 to 6 of 64  texts masked, t reveals            │              the run  what if           Weights  1 to 9 of 46
         #  prompt  return  raw reward    KL  tokens  weight               │     measure     cvar     cvar              prompt  return   run    if
      ▸  1       9   −3.63       −2.95  3.43      44    1.00  A···· a· h··…│           α    0.718    0.718           =       9   −3.63  1.00  1.00
         2     280   −3.56       −2.84  3.61      23    1.00  A···· a· h··…│        kept       46       46           =     280   −3.56  1.00  1.00
         3     142   −3.55       −2.95  3.03      24    1.00  H·······, t·…│    VaR at α    0.450    0.450           =     142   −3.55  1.00  1.00
         4     237   −3.36       −2.71  3.28      18    1.00  H·······, t·…│   CVaR at α   −0.608   −0.608           =     237   −3.36  1.00  1.00
         5     165   −2.95       −2.31  3.20      32    1.00  I t······ t·…│mean of kept   −0.608   −0.608           =     165   −2.95  1.00  1.00
         6      17   −1.80       −1.19  3.01      29    1.00  I t······ t·…│kept in both 46  only what-if 0 (+)      =      17   −1.80  1.00  1.00
      Episode 47  prompt 9                                                 │only run 0 (-)                           =      51   −1.64  1.00  1.00
      prompt     A···· a· h···,                                            │                                         =      96   −1.27  1.00  1.00
      completion n·· f·· m· a· a··.                                        │                                         =     146   −1.09  1.00  1.00
      ─▹5 Events ─ 6 Log  2 to 5 of 5, UTC, following ────────────────────────────────────────────────────────────────────────────────────────────
      10:01:00 · ra-rlhf-s0 started: 60 iterations
      10:02:00 · ra-rlhf-s0 checkpoint at iteration 20, 50 MB
      10:03:00 ! ra-rlhf-s0 step 24: 2 rewards failed
      10:04:00 · ra-rlhf-s0 evaluation at iteration 30: reward 0.42, tail −1.90
      ? help  q leave  1-6 panel  f full  0 trials  p pause  [ ] past  w what if  ← → trial  / filter  t text"
    `);
  });

  test("at 60 × 15, the least that is useful", () => {
    expect(frameOf(least, { view: { focus: "tail", below: "tail" } })).toMatchInlineSnapshot(`
      "quickstart  ▶ running  ra-rlhf seed 0 (2/2)  on local · cud…
      iteration 31/60  ━━━━━━━━━━──────────  51 %  about 57 s left
      update  ━━━━━━━━━━━━━━━─────────  40/64 episodes  2.0 s
      ━ 1 ━ 2 ━▸3 Tail ━ 4 ━ 5 ━ 6 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
      Iteration 31  worst 1 to 5 of 64  texts masked, t reveals
         #  prompt  return  raw reward    KL  tokens  weight
      ▸  1       9   −3.63       −2.95  3.43      44    1.00  A··…
         2     280   −3.56       −2.84  3.61      23    1.00  A··…
         3     142   −3.55       −2.95  3.03      24    1.00  H··…
         4     237   −3.36       −2.71  3.28      18    1.00  H··…
         5     165   −2.95       −2.31  3.20      32    1.00  I t…
      prompt     A···· a· h···,
      completion n·· f·· m· a· a··.
      ? help  q leave  Enter read  t text  0 trials  p pause"
    `);
  });

  test("before anything is known", () => {
    expect(frameOf(small, { model: emptyRun() })).toMatchInlineSnapshot(`
      "  ▶ running  on local


      no trial yet
      ━▸1 Risk ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━│─ 2 Training ───────────────────────────
      Nothing has begun yet.                 │Nothing has begun yet.
                                             │
                                             │
                                             │
                                             │
                                             │
                                             │
                                             │
                                             │
                                             │
                                             │
      ─▹3 Tail ─ 4 What if ─ 5 Events ─ 6 Log ────────────────────────────────────────
      no iteration yet: the worst episodes of each show here




      ? help  q leave  1-6 panel  f full  0 trials  p pause  [ ] past  w what if"
    `);
  });

  test("of a question, in a run that leaving would stop", () => {
    const asked = frameOf(small, { foreground: true, view: { dialog: "leave" } });
    expect(asked.split("\n").at(-1)).toMatchInlineSnapshot(
      `"y/n  Leaving stops the run after the current iterations. Leave?"`,
    );
  });

  test("of the keys: Ctrl-C is told where it stops the run", () => {
    const last = (changes: SceneChanges): string =>
      frameOf(small, changes).split("\n").at(-1)!.trimEnd();
    const stopping = { ...midway, state: "stopping" as const };
    const notice = { level: "info" as const, text: "Stopping after the current iterations." };
    expect(
      [
        last({}),
        last({ foreground: true }),
        last({ foreground: true, live: false }),
        last({ foreground: true, model: stopping }),
        last({ foreground: true, model: stopping, view: { notice } }),
        last({ view: { notice: { level: "error", text: "x".repeat(90) } } }),
      ].join("\n"),
    ).toMatchInlineSnapshot(`
      "? help  q leave  1-6 panel  f full  0 trials  p pause  [ ] past  w what if
      ? help  q leave  Ctrl-C stop, twice: now  1-6 panel  f full  0 trials  p pause
      ? help  q leave  1-6 panel  f full  0 trials  p pause  [ ] past  w what if
      Stopping after the current iterations. Ctrl-C once more aborts at once.
      Stopping after the current iterations.  ? help  q leave  Ctrl-C once more: now
      ! xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"
    `);
  });

  test("of a filter being typed", () => {
    const view = {
      focus: "tail",
      typing: true,
      filters: { tail: "reward<-2", events: "", training: "" },
    } as const;
    expect(frameOf(small, { view }).split("\n").at(-1)).toMatchInlineSnapshot(
      `"Filter tail: reward<-2▏  Enter keeps, Esc clears"`,
    );
  });

  test("of the help, at 80 × 24", () => {
    expect(frameOf(small, { view: { help: 0 } })).toMatchInlineSnapshot(`
      "Keys  Esc or ? closes this  j, k, PgUp, PgDn scroll

      ?              this help
      q              leave the view
      Esc            back; newest iteration; all trials
      0              all trials
      Tab Shift-Tab  next panel, former
      1-6            panel by number
      f              panel on full screen
      ↑ ↓ k j        row; chart; measure; trial
      ← → h l        trial; what-if: alpha; figure
      PgUp PgDn      ten rows
      Home End g G   first, last
      Enter          a trial; texts whole
      b              tail by prompt
      v              tail: best, worst
      /              filter; figures by regex
      [ ]            iteration back, forth
      { }            many iterations
      + - =          zoom in, out
      y              log axis, linear
      a              smooth over 10, 50, off
      t              reveal texts"
    `);
  });

  test("of what if, on the whole screen", () => {
    const view = { focus: "what-if", full: true, step: 30 } as const;
    const whatIf = { alpha: 0.1, measure: null, offset: 0 };
    expect(frameOf(small, { view: { ...view, whatIf } })).toMatchInlineSnapshot(`
      "quickstart  ▶ running  ra-rlhf seed 0 (2/2)  on local · cuda:0 NVIDIA H200
      iteration 31/60  ━━━━━━━━────────  51 %  ◀ at 31  3 m 05 s gone  about 57 s left
      32 episodes/s  1.03 k tokens/s  worker 1.24 GB
      update  ━━━━━━━━━━━━━━━─────────  40/64 episodes  2.0 s
      ━▸4 What if  iteration 31: cvar, α 0.1, by return ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
                    the run  what if           Weights  1 to 15 of 46
           measure     cvar     cvar               #  prompt  return   run    if
                 α    0.718      0.1           =  47       9   −3.63  1.00  1.00
              kept       46        7           =  23     280   −3.56  1.00  1.00
          VaR at α    0.450   −1.644           =  22     142   −3.55  1.00  1.00
         CVaR at α   −0.608   −2.929           =  10     237   −3.36  1.00  1.00
      mean of kept   −0.608   −2.929           =  33     165   −2.95  1.00  1.00
      kept in both 7  only what-if 0 (+)       =  49      17   −1.80  1.00  1.00
      only run 39 (-)                          =  21      51   −1.64  1.00  1.00
      Returns  ▓ would be kept                 -  46      96   −1.27  1.00     0
         CVaR ▾       ▾ VaR −1.64              -  39     146   −1.09  1.00     0
        │     ┆       │           ██           -   3     137   −1.08  1.00     0
      10┤     ┆       │        ▁▁▁██▁▁▁▁       -  56     127   −0.99  1.00     0
       5┤     ┆       │      ▆▆█████████       -  59      66   −0.92  1.00     0
        │▓▓▓  ┆       │  ▄▄▁▁███████████▄▄     -  13     165   −0.74  1.00     0
       0┤▓▓▓  ▓▓    ▓▓▓▓▓█████████████████▆▆   -   5     194   −0.71  1.00     0
                  −2            0              -  15     131   −0.58  1.00     0
      ? help  q leave  ← → alpha  ↑ ↓ measure  0 trials  p pause  w leave it  [ ] past"
    `);
  });

  test("of a trial without reinforcement steps: what to press is there at any width", () => {
    const sft = {
      ...midway.trials[0]!,
      id: "sft-s0",
      arm: "sft",
      stage: "sft" as const,
      steps: [],
    };
    const model = { ...midway, trials: [sft] };
    for (const size of [small, { columns: 120, rows: 40 }, { columns: 60, rows: 15 }]) {
      const text = frameOf(size, { model }).replaceAll(/[│\s]+/g, " ");
      expect(text).toContain("Left and right");
      expect(text).toContain("another trial");
    }
  });

  test("have the keys of the panel in focus in the last line of 60 × 15", () => {
    const bottom = (view: Partial<ViewState>): string =>
      frameOf(least, { view }).split("\n").at(-1)!.trimEnd();
    expect([
      bottom({ focus: "risk" }),
      bottom({ focus: "training" }),
      bottom({ focus: "tail" }),
      bottom({ focus: "tail", history: 7, step: 30 }),
      bottom({ focus: "what-if" }),
      bottom({ focus: "events" }),
    ]).toMatchInlineSnapshot(`
      [
        "? help  q leave  1-6 panel  f full  0 trials  p pause",
        "? help  q leave  / figures  ↑ ↓ one  0 trials  p pause",
        "? help  q leave  Enter read  t text  0 trials  p pause",
        "? help  q leave  Esc back  ↑ ↓ scroll  0 trials  p pause",
        "? help  q leave  ← → alpha  ↑ ↓ measure  0 trials  p pause",
        "? help  q leave  / filter  Space hold  0 trials  p pause",
      ]
    `);
  });

  test("of what if have episodes, however small", () => {
    for (const columns of [40, 59, 60, 79]) {
      const view = { focus: "what-if", full: true, step: 30 } as const;
      expect(frameOf({ columns, rows: 15 }, { view })).toMatch(/Weights {2}1 to [3-9] of 46/);
    }
  });

  test("of an episode's page", () => {
    const scene = sceneOf(small);
    const prompt = scene.reading.episodes!.prompt[0]!;
    const view = { focus: "tail", full: true, step: 30, history: prompt } as const;
    expect(frameOf(small, { view })).toContain(`Prompt `);
    expect(sceneOf(small, { view }).reading.history!.length).toBeGreaterThan(0);
  });
});

const anySize = fc.record({
  columns: fc.integer({ min: 1, max: 210 }),
  rows: fc.integer({ min: 1, max: 70 }),
});
const anyView = fc.record({
  focus: fc.constantFrom(...panelIds),
  below: fc.constantFrom("tail" as const, "what-if" as const, "events" as const),
  full: fc.boolean(),
  step: fc.option(fc.integer({ min: 0, max: 40 })),
  zoom: fc.nat(4),
  revealed: fc.boolean(),
  selected: fc.nat(80),
  help: fc.option(fc.nat(30), { freq: 8 }),
  typing: fc.boolean(),
  dialog: fc.constantFrom(null, "leave" as const, "stop" as const, "abort" as const),
});

/** What a terminal would carry out instead of showing it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
const orders = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/;

/** Lower than the terminal and no wider, whatever a terminal makes of the text. */
function expectSound(size: typeof small, changes: SceneChanges, style: ViewStyle): void {
  const frame = frameOf(size, changes, style);
  const rows = frame.split("\n");
  expect(rows.length).toBeLessThan(Math.max(2, size.rows));
  expect(Math.max(...rows.map(displayWidth))).toBeLessThanOrEqual(size.columns);
  expect(frame.replaceAll("\n", "")).not.toMatch(orders);
}

describe("size", () => {
  test("a frame is lower than the terminal and no line is wider, in any view of any size", () => {
    fc.assert(
      fc.property(anySize, anyView, fc.constantFrom(...styles), (size, view, style) => {
        expectSound(size, { view }, style);
      }),
      { numRuns: 60 },
    );
  });

  test("a frame fills the terminal but for its last row, from 60 × 15 to 200 × 60", () => {
    for (const size of [
      least,
      small,
      { columns: 100, rows: 30 },
      { columns: 120, rows: 40 },
      large,
      { columns: 200, rows: 60 },
    ]) {
      expect(frameOf(size).split("\n")).toHaveLength(size.rows - 1);
    }
  });

  test("all five panels and all charts are on a screen of 120 × 40", () => {
    const frame = frameOf({ columns: 120, rows: 40 });
    for (const title of ["1 Risk", "2 Training", "3 Tail", "4 What if", "5 Events"]) {
      expect(frame).toContain(title);
    }
    for (const chart of [
      "Schedule  kept, of 64",
      "Returns of iteration 31",
      "Returns  ░ 5 to 95 %",
    ]) {
      expect(frame).toContain(chart);
    }
    // Under the schedule, the fan and eight figures of training.
    expect(frame.split("▴31")).toHaveLength(1 + 1 + 1 + 8);
  });

  test("an iteration has one number, in the header, in every panel and on every axis", () => {
    const frame = frameOf({ columns: 140, rows: 50 });
    const named = [
      "iteration 31/60",
      "Returns of iteration 31",
      "Iteration 31  worst",
      "iteration 31: cvar",
      "▴31",
    ];
    for (const name of named) expect(frame).toContain(name);
    const past = frameOf(large, { view: { step: 14 } });
    for (const name of ["◀ at 15", "Iteration 15  worst", "iteration 15: cvar", "▴15"]) {
      expect(past).toContain(name);
    }
    expect(past).not.toMatch(/\b14\b.*▴/);
  });

  test("panels that take turns are named where they do", () => {
    const titleOf = (size: typeof small, view: Partial<ViewState>): string =>
      frameOf(size, { view })
        .split("\n")
        .find((line) => line.includes("3 Tail"))!;
    expect(titleOf(small, { focus: "events", below: "events" })).toMatch(
      /━ 3 Tail ━ 4 What if ━▸5 Events ━ 6 Log {2}1 to 5/,
    );
    expect(titleOf(least, { focus: "tail", below: "tail" })).toMatch(
      /━ 1 ━ 2 ━▸3 Tail ━ 4 ━ 5 ━ 6 ━/,
    );
    expect(frameOf(small, { view: { focus: "tail", full: true } })).not.toContain("4 What if");
  });

  test("nothing moves when figures get longer or are not known", () => {
    const newest = midway.trials[1]!.steps.at(-1)!;
    const withFigures = (changes: Partial<typeof newest.head>): RunModel => ({
      ...midway,
      trials: midway.trials.with(1, {
        ...midway.trials[1]!,
        steps: midway.trials[1]!.steps.with(-1, {
          ...newest,
          head: { ...newest.head, ...changes },
        }),
      }),
    });
    const fixed = /[─━]{3}|Schedule|Returns|raw reward|KL|β|entropy|clip|value loss|grad/g;
    /** What does not hang on figures, in each row: rules, and headings of panels and charts. */
    const skeleton = (frame: string): string[] =>
      frame.split("\n").map((line) => [...new Set(line.match(fixed))].join(" "));
    const long = {
      alpha: 0.0123,
      var: -0.001234,
      cvar: -0.001234,
      tail_mean: -0.001234,
      episodes_per_s: 123_456.7,
      memory_bytes: 123e9,
      failed: 2,
      reward_mean: -0.001234,
      kl_mean: -0.001234,
      grad_norm: 0.0001234,
    };
    const short = {
      alpha: 1,
      var: 1,
      cvar: 1,
      tail_mean: 1,
      episodes_per_s: 1,
      memory_bytes: null,
    };
    for (const size of [small, { columns: 100, rows: 30 }, { columns: 120, rows: 40 }, large]) {
      const [usual, ...others] = [{}, long, short].map((changes) =>
        skeleton(frameOf(size, { model: withFigures(changes) })),
      );
      for (const other of others) {
        expect(other).toEqual(usual);
      }
    }
  });
});

describe("text from models", () => {
  const hostile = [
    "\u001b[2J\u001b[H\u001b]0;title\u0007 gone",
    "\u202egnirts desrever\u202c and \u2066isolates\u2069",
    "日本語の長い文章です。".repeat(40),
    "👩‍👩‍👧‍👦🏳️‍🌈👍🏽".repeat(60),
    "שלום עולם مرحبا بالعالم ".repeat(50),
    "x".repeat(5000),
    `${"word ".repeat(1000)}\r\n\t\u0000\u009b31m`,
    "e\u0301\u0301\u0301\u0301".repeat(300),
  ];
  const texts = hostile.map((text, episode) => ({ episode, prompt: text, completion: text }));

  test("cannot break a frame, masked or revealed, in words or as a run's name", () => {
    const model = {
      ...midway,
      name: hostile[0]!,
      log: hostile.map((text, seq) => ({ ...midway.log[0]!, seq, text })),
    };
    for (const size of [least, small, large]) {
      for (const revealed of [false, true]) {
        for (let selected = 0; selected < texts.length; selected += 1) {
          const view = { focus: "tail", full: true, revealed, selected, step: 30 } as const;
          expectSound(size, { texts, model, view }, rich);
          expectSound(size, { texts, model, view: { ...view, focus: "events" } }, rich);
        }
      }
    }
  });

  test("is drawn by Ink in as many rows, none of them lost", () => {
    const view = { focus: "tail", full: true, revealed: true, step: 30 } as const;
    for (let selected = 0; selected < texts.length; selected += 1) {
      const frame = frameOf(small, { texts, view: { ...view, selected } });
      expect(frame.split("\n")).toHaveLength(small.rows - 1);
    }
  });

  test("stays masked until it is revealed", () => {
    const said = [{ episode: 0, prompt: "secret words", completion: "more secrets" }];
    const scene = sceneOf(large);
    const worst = scene.reading.episodes!.return.indexOf(
      Math.min(...scene.reading.episodes!.return.map((value) => value ?? 0)),
    );
    const shown = said.map((text) => ({ ...text, episode: worst }));
    expect(frameOf(large, { texts: shown })).not.toContain("secret");
    expect(frameOf(large, { texts: shown, view: { revealed: true } })).toContain("secret words");
  });
});

describe("colour", () => {
  test("is not the only sign of the focused panel", () => {
    const focus = (panel: "risk" | "training"): string =>
      frameOf(large, { view: { focus: panel } });
    expect(focus("risk")).toMatch(/━▸1 Risk/);
    expect(focus("training")).toMatch(/─ 1 Risk/);
  });

  test("and Unicode are left out where the terminal has none", () => {
    for (const size of [least, small, large]) {
      expect(frameOf(size, {}, { unicode: false, color: false })).toMatch(/^[\x20-\x7e\n]*$/);
    }
  });
});
