/**
 * The short set of real faults: one or two of each family, once each. All of them, many times: `npm run
 * test:faults`. What this machine can't do is skipped, with the reason in its name.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Campaign } from './runner/campaign.ts';
import { families } from './runner/fault.ts';
import { faults } from './table/index.ts';

const seed = Number(process.env.DRIFTLESS_SEED ?? 20_260_101);
const failuresDir = mkdtempSync(join(tmpdir(), 'driftless-failures-'));

const short = faults.filter(({ isShort }) => isShort);
const familiesOfShort = families.filter((family) => short.some((fault) => fault.family === family));

describe.each(familiesOfShort)('%s', (family) => {
  const campaign = new Campaign({ failuresDir });
  afterAll(() => campaign.end());
  for (const fault of short.filter((one) => one.family === family)) {
    const obstacle = fault.obstacle?.();
    const title = obstacle === undefined ? fault.name : `${fault.name} (SKIPPED: ${obstacle})`;
    it.skipIf(obstacle !== undefined)(title, async () => {
      const { violations, doubts } = await campaign.run(fault, seed);
      expect({ violations, doubts, seed, keptIn: failuresDir }).toMatchObject({ violations: [], doubts: [] });
    });
  }
});
