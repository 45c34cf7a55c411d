/** The chart's README: what an operator types, and the table of values. */
import { markdownTable } from 'markdown-table';
import type { Allowed, Value } from './values.ts';

const introduction = `# The chart \`driftless\`

<!-- Made by \`npm run helm:docs\` from the comments of values.yaml: change it there. -->

\`\`\`sh
helm install driftless helm/driftless --namespace driftless --create-namespace --wait
helm test driftless --namespace driftless --logs
\`\`\`

Store nodes as a StatefulSet, gateways with an autoscaler, anti-entropy, a NATS cluster, and what observes
them; nothing else has to be there, no repository and no operator. How it works, and what each part does when
something breaks, is said in [docs/kubernetes.md](../../docs/kubernetes.md); how to go from one version to the
next in [UPGRADING.md](UPGRADING.md).

## Values

A value that is not in this table, or not allowed, is refused by helm before anything is rendered
(\`values.schema.json\`).
`;

export function readmeOf(values: readonly Value[]): string {
  const groups = [...new Set(values.map(groupOf))];
  const sections = groups.map((group) => {
    const rows = values.filter((value) => groupOf(value) === group).map(row);
    return `\n### ${group}\n\n${markdownTable([['Value', 'Default', 'What', 'Allowed'], ...rows])}\n`;
  });
  return introduction + sections.join('');
}

function groupOf({ path }: Value): string {
  return path.length === 1 ? 'In general' : (path[0] as string);
}

function row({ path, says, default: value, allowed }: Value): string[] {
  return [
    `\`${path.join('.')}\``,
    `\`${JSON.stringify(value)}\``,
    says.replaceAll('<', '&lt;'),
    allowedOf(allowed),
  ].map((cell) => cell.replaceAll('|', '\\|'));
}

function allowedOf(allowed: Allowed): string {
  switch (allowed.kind) {
    case 'choice':
      return allowed.of.map((choice) => `\`${choice}\``).join(', ');
    case 'pattern':
      return `text that matches \`${allowed.pattern}\``;
    case 'integer':
    case 'number': {
      const { kind, min, max } = allowed;
      const what = kind === 'integer' ? 'a whole number' : 'a number';
      return max === undefined ? `${what}, at least ${min}` : `${what} from ${min} to ${max}`;
    }
    case 'map':
      return 'name: text';
    case 'list':
      return `a list of ${allowed.of}`;
    case 'boolean':
      return 'true or false';
    case 'quantity':
      return 'an amount, like `10Gi`';
    case 'object':
      return 'as in a pod';
    case 'text':
      return 'text';
  }
}
