/**
 * The watchers, a process of its own: takes a `WatchPlan` as JSON in argv[2], says `ready`, and then obeys
 * lines: `begin` counts anew; `report <events> <waitMs>` answers with a `WatchReport` as JSON. It ends with
 * its input.
 */
import { createInterface } from 'node:readline';
import { Watching, type WatchPlan } from './watching.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const watching = new Watching(JSON.parse(process.argv[2] ?? '') as WatchPlan);
await watching.open();
say('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [word, ...numbers] = line.split(' ');
  if (word === 'begin') watching.begin();
  else {
    const [events = 0, waitMs = 0] = numbers.map(Number);
    say(JSON.stringify(await watching.report(events, waitMs)));
  }
}
watching.close();
