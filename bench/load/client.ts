/**
 * The load generator, a process of its own: takes a `LoadPlan` as JSON in argv[2], prints a `LoadReport` as
 * JSON.
 */
import { runPlan } from './loops.ts';
import type { LoadPlan } from './plan.ts';

const report = await runPlan(JSON.parse(process.argv[2] ?? '') as LoadPlan);
// Connections with an answer that never came would keep the process.
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit());
