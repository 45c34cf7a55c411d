/** A plan as a file: JSON with an operation or a fault a line, so that people can read it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Plan, planSchema } from './plan.ts';

export function scenarioText(plan: Plan): string {
  const { operations, faults, ...head } = plan;
  const lines = (list: readonly object[]): string =>
    list.map((one) => `\n    ${JSON.stringify(one)}`).join(',');
  const first = Object.entries(head).map(
    ([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`,
  );
  const faultLines = `  "faults": [${lines(faults)}\n  ],\n`;
  return `{\n${first.join('')}${faultLines}  "operations": [${lines(operations)}\n  ]\n}\n`;
}

export function readScenario(file: string): Plan {
  return planSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

export function writeScenario(file: string, plan: Plan): void {
  writeFileSync(file, scenarioText(plan));
}
