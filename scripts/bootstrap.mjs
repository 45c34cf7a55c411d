/**
 * The way in: `npm start`, `npm test`, `npm run verify`, `npm run driftless`, on a fresh clone, with any Node
 * from 18 on. It gets what is missing (dependencies by the lock file, among them the pinned Node; a system
 * library that Node needs), then hands over to the pinned Node. Plain JavaScript without dependencies, since
 * it runs before there are any. It only looks at the version itself, and loads the rest after that, for the
 * rest is written in a language that an older Node cannot even read.
 */
const NODE_MAJOR_MIN = 18;

if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  process.stderr.write(
    `Driftless needs Node ${NODE_MAJOR_MIN} or newer to start; this is ${process.versions.node}.\n` +
      'Install a current one, from https://nodejs.org or by your package manager, and run this again.\n',
  );
  process.exit(1);
}

import('./bootstrap/run.mjs').then(({ run }) => run(process.argv.slice(2)));
