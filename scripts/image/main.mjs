/**
 * What a container runs: one of the processes by its name, else the command line.
 *
 * The process takes this one's place instead of being its child: it is then the container's first process,
 * gets SIGTERM itself, and drains.
 */
const PROCESSES = ['anti-entropy', 'gateway', 'store-node'];

const [, , word = ''] = process.argv;
const room = PROCESSES.includes(word) ? word : 'cli';
if (room === word) process.argv.splice(2, 1);
await import(`../../packages/${room}/src/main.ts`);
