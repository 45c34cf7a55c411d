/** The alerts as their files have them: rules, unit tests, and what decides who is told. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

export const root = join(import.meta.dirname, '../..');

const text = z.record(z.string(), z.string());
const alertSchema = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  keep_firing_for: z.string().optional(),
  labels: z.strictObject({
    severity: z.enum(['critical', 'warning', 'info']),
    ticket: z.literal('yes').optional(),
  }),
  annotations: z.strictObject({
    summary: z.string().min(10),
    description: z.string().min(20),
    runbook_url: z.string(),
    dashboard: z.string(),
  }),
});
const recordSchema = z.strictObject({ record: z.string(), expr: z.string(), labels: text.optional() });
const rulesSchema = z.object({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      interval: z.string().optional(),
      rules: z.array(z.union([alertSchema, recordSchema])),
    }),
  ),
});
const testsSchema = z.object({
  rule_files: z.array(z.string()),
  group_eval_order: z.array(z.string()),
  tests: z.array(
    z.object({
      promql_expr_test: z
        .array(z.object({ expr: z.string(), exp_samples: z.array(z.unknown()).default([]) }))
        .default([]),
    }),
  ),
});

export type Alert = z.infer<typeof alertSchema> & { file: string };
export type Recording = z.infer<typeof recordSchema>;

export function filesOf(pattern: string): string[] {
  return globSync(pattern, { cwd: root }).sort();
}

export function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

const groups = filesOf('alerts/rules/*.yaml').flatMap((file) =>
  rulesSchema.parse(parse(read(file))).groups.map((group) => ({ file, ...group })),
);
const rules = groups.flatMap(({ file, rules }) => rules.map((rule) => ({ file, rule })));
export const alerts: Alert[] = rules.flatMap(({ file, rule }) =>
  'alert' in rule ? [{ ...rule, file }] : [],
);
export const recordings: Recording[] = rules.flatMap(({ rule }) => ('record' in rule ? [rule] : []));

export const unitTests = filesOf('alerts/tests/*.yaml').map((file) => {
  const { rule_files: ruleFiles, group_eval_order: order, tests } = testsSchema.parse(parse(read(file)));
  const loaded = ruleFiles.map((path) => path.replace('..', 'alerts'));
  return { file, order, tests, groups: loaded.flatMap(groupsIn) };
});

function groupsIn(ruleFile: string): string[] {
  return groups.filter(({ file }) => file === ruleFile).map(({ name }) => name);
}

/** What the unit tests expect of an alert: that it fires, that it does not. */
export function expectationsOf(alert: string): { fires: number; rests: number } {
  const expected = unitTests
    .flatMap(({ tests }) => tests)
    .flatMap(({ promql_expr_test: checks }) => checks)
    .filter(({ expr }) => expr === `count(ALERTS{alertname="${alert}", alertstate="firing"})`);
  const fires = expected.filter(({ exp_samples: samples }) => samples.length > 0).length;
  return { fires, rests: expected.length - fires };
}
