/** What Prometheus must see of a stack whose profile `observe` runs. */
import { z } from 'zod';
import type { Story } from '../story.ts';

const seenMsMax = 60_000;

const targetsSchema = z.object({
  data: z.object({
    activeTargets: z.array(z.object({ scrapeUrl: z.url(), health: z.string(), lastError: z.string() })),
  }),
});
const rulesSchema = z.object({
  data: z.object({
    groups: z.array(
      z.object({ rules: z.array(z.object({ name: z.string(), health: z.string(), type: z.string() })) }),
    ),
  }),
});
const alertmanagersSchema = z.object({ data: z.object({ activeAlertmanagers: z.array(z.unknown()) }) });

/** `services`: what runs; of the others nothing is wanted. */
export async function observed(story: Story, prometheus: string, services: readonly string[]): Promise<void> {
  story.step('Prometheus sees all of it');
  const ask = async <T>(path: string, schema: z.ZodType<T>): Promise<T> =>
    schema.parse(await (await fetch(`${prometheus}/api/v1/${path}`)).json());

  const targets = async () => {
    const { activeTargets } = (await ask('targets?state=active', targetsSchema)).data;
    return activeTargets.filter(({ scrapeUrl }) => services.includes(new URL(scrapeUrl).hostname));
  };
  const areUp = async (): Promise<boolean> => (await targets()).every(({ health }) => health === 'up');
  await story.until(seenMsMax, areUp);
  const found = await targets();
  const down = found.filter(({ health }) => health !== 'up');
  const said = down.map(({ scrapeUrl, lastError }) => `not ${scrapeUrl}: ${lastError}`);
  const count = `${found.length - down.length} of ${found.length} targets are up`;
  story.promise(found.length > 0 && down.length === 0, [count, ...said].join(', '));

  const rules = (await ask('rules', rulesSchema)).data.groups.flatMap((group) => group.rules);
  const broken = rules.filter(({ health }) => health === 'err').map(({ name }) => name);
  const alerts = rules.filter(({ type }) => type === 'alerting').length;
  const evaluated = `${alerts} alerts and ${rules.length - alerts} recorded series are evaluated`;
  story.promise(alerts > 0 && broken.length === 0, [evaluated, ...broken].join(', but not '));
  const { activeAlertmanagers } = (await ask('alertmanagers', alertmanagersSchema)).data;
  story.promise(activeAlertmanagers.length === 1, 'it knows the Alertmanager');
}
