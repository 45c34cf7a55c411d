/**
 * One seed for all property tests of a run, so that a run can be repeated: fixed unless `DRIFTLESS_SEED` says
 * another, for hunts (`DRIFTLESS_SEED=random`). fast-check prints the seed of a failure.
 */
import { configureGlobal } from 'fast-check';

const asked = process.env.DRIFTLESS_SEED;
const seed = asked === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(asked ?? 20_260_101);
configureGlobal({ seed });
