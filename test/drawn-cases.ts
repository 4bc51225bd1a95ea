/**
 * Property tests draw the same cases in every run, so that none fails by chance. AVERSE_TEST_SEED=n
 * draws others, and the long form (AVERSE_LONG=1) new ones each time; one that fails tells its seed.
 */
import fc from "fast-check";

const { AVERSE_TEST_SEED: chosen = "1", AVERSE_LONG: long } = process.env;
if (!long) {
  fc.configureGlobal({ seed: Number(chosen) });
}
