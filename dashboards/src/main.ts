/**
 * Writes the boards to `dashboards/json`, which Grafana is given. `npm run dashboards`; with `--check` it
 * writes nothing, and ends with 1 when a file is stale, missing or one too many.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildBoard } from './board.ts';
import { boards } from './boards/all.ts';

const folder = join(import.meta.dirname, '../json');
const files = new Map(
  boards.map((board) => [`${board.name}.json`, `${JSON.stringify(buildBoard(board), null, 2)}\n`]),
);
const there = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));

if (!process.argv.includes('--check')) {
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  for (const name of there.keys()) if (!files.has(name)) rmSync(join(folder, name));
} else {
  const stale = [...new Set([...files.keys(), ...there.keys()])].filter(
    (name) => files.get(name) !== there.get(name),
  );
  if (stale.length > 0) {
    process.stderr.write(
      `dashboards/json: ${stale.join(', ')}: not what dashboards/src says; run "npm run dashboards"\n`,
    );
    process.exitCode = 1;
  }
}
