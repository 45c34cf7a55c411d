/**
 * Packets that the kernel throws away (iptables): a partition as neither side's TCP stack can tell it from a
 * cable that was pulled. Nothing is refused or reset; what was sent is sent again, ever more seldom.
 */
import { execFileSync, spawnSync } from 'node:child_process';

/** Drops all packets from and to a local TCP port, until what it returns is called. */
export function dropPackets(port: number): () => void {
  const rules = ['--sport', '--dport'].map((side) => [
    ...['INPUT', '--in-interface', 'lo', '--protocol', 'tcp', side, String(port)],
    ...['--match', 'comment', '--comment', `driftless test ${process.pid}`, '--jump', 'DROP'],
  ]);
  for (const rule of rules) iptables('--insert', ...rule);
  return () => {
    for (const rule of rules) iptables('--delete', ...rule);
  };
}

/**
 * Cuts one server of a NATS cluster off from the others, who still have each other; clients reach it as
 * before. `port` is its route port, `group` its group, `others` the route ports of the others: a connection
 * between them is known by who began it, and then dropped both ways.
 */
export function cutRoutes(port: number, group: number, others: readonly number[]): () => void {
  const comment = ['--match', 'comment', '--comment', `driftless test ${process.pid}`];
  const mark = ['--jump', 'CONNMARK', '--set-mark', String(port)];
  const output = ['OUTPUT', '--out-interface', 'lo', '--protocol', 'tcp', ...comment];
  const begunByIt = ['--match', 'owner', '--gid-owner', String(group)];
  const rules = [
    [...output, '--dport', String(port), ...mark],
    ...others.map((other) => [...output, ...begunByIt, '--dport', String(other), ...mark]),
    [...output, '--match', 'connmark', '--mark', String(port), '--jump', 'DROP'],
  ];
  for (const rule of rules) iptables('--append', ...rule);
  return () => {
    for (const rule of rules) iptables('--delete', ...rule);
  };
}

/** Why packets can't be dropped here. */
export function packetsObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'iptables is a tool of Linux';
  if (process.getuid?.() !== 0) return 'dropping packets needs root';
  const probe = spawnSync('iptables', ['--wait', '--list', 'INPUT', '--numeric']);
  if (probe.error) return 'iptables is not installed (Debian: apt-get install iptables)';
  return probe.status === 0 ? undefined : 'this machine does not allow to filter packets';
}

function iptables(...args: string[]): void {
  execFileSync('iptables', ['--wait', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
}
