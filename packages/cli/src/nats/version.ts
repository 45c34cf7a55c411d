/** Which versions of nats-server we install and accept, and how one is read and compared. */

/** What we install: pinned, so that two machines run the same server. */
export const NATS_SERVER_VERSION = '2.15.2';
/** The oldest that works on one machine: what Debian 12 ships. */
export const NATS_SERVER_VERSION_MIN = '2.9.10';

/** The version in the output of `nats-server --version`, such as `nats-server: v2.15.2`. */
export function parseVersion(output: string): string | undefined {
  return /nats-server: v?(\d+\.\d+\.\d+)/.exec(output)?.[1];
}

/** Negative when `a` is older than `b`, 0 when equal, positive when newer. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let part = 0; part < 3; part++) {
    const difference = (left?.[part] ?? 0) - (right?.[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export function isRecentEnough(version: string): boolean {
  return compareVersions(version, NATS_SERVER_VERSION_MIN) >= 0;
}
