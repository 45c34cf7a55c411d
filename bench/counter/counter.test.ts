import { describe, expect, it } from 'vitest';
import { pageOf } from './page.ts';
import { type CounterRun, type Measured, verdictOf, verdictOfFailover } from './run.ts';
import { partsOf, reportOf, type WrkReport } from './wrk.ts';

const printed = {
  ...{ answers: 1003, refused: 3, connect: 0, read: 2, write: 0, timeout: 0 },
  ...{ p50Ms: 1, p95Ms: 2, p99Ms: 3, maxMs: 9, values: 1000, twice: 0, highest: 1001 },
  ...{ statuses: { 200: 1000, 503: 2, 504: 1 }, sent: { 1: 400, 2: 600 } },
};
const stdout = `Running 2s test\n\nCOUNTER ${JSON.stringify(printed)}\n`;
const report: WrkReport = reportOf(stdout, 'wrk: warning\n0.250 0.750\n', 2);

describe('what wrk prints', () => {
  it('is read: answers that did what was asked, a second, and what wrk itself took', () => {
    expect(report).toMatchObject({ ok: 1000, perSecond: 500, cpuMicros: 1e6 });
    expect(() => reportOf('unable to connect', '', 2)).toThrow('unable to connect');
  });

  it('is cut into parts', () => {
    expect(partsOf({ 1: 10, 2: 20, 3: 30 }, 4, 2)).toEqual([15, 15]);
  });
});

describe('the counter', () => {
  const hurt = { report, events: [], connectionsEach: 2, converged: true, seconds: 2 };

  it('may have grown by what nobody knows of when parts are killed, and by nothing else', () => {
    expect(verdictOfFailover({ ...hurt, grew: 1000 })).toEqual({ isKept: true, unknown: 3, made: 0 });
    expect(verdictOfFailover({ ...hurt, grew: 1003 }).isKept).toBe(true);
    expect(verdictOfFailover({ ...hurt, grew: 999 }).isKept).toBe(false);
    expect(verdictOfFailover({ ...hurt, grew: 1004 }).isKept).toBe(false);
    const doubled = { ...report, twice: 1 };
    expect(verdictOfFailover({ ...hurt, report: doubled, grew: 1000 }).isKept).toBe(false);
  });

  it('is exact where nothing failed', () => {
    const clean = { ...report, answers: 1000, refused: 0, read: 0, statuses: {} };
    const measured = { name: 'x', replicas: 1, report: clean };
    expect(verdictOf({ ...measured, grew: 1000 }).isKept).toBe(true);
    expect(verdictOf({ ...measured, grew: 1001 }).isKept).toBe(false);
  });
});

describe('the page', () => {
  const measured = (replicas: number, perSecond: number, servers: number): Measured => ({
    name: 'Driftless',
    replicas,
    report: { ...report, perSecond },
    grew: 1000,
    cpuMicrosEach: { gateway: 100, leader: 200, wrk: 10 },
    busyCores: { servers, generator: 0.1 },
  });
  const run: CounterRun = {
    ...{ startedAt: '2026-01-02T03:04:05Z', seconds: 2, warmUpSeconds: 1, threads: 4, connections: 64 },
    machine: {
      ...{ cores: 2, processor: 'P', memoryGiB: 24, system: 'Linux', loadAverageBefore: 0.1 },
      versions: {},
    },
    measured: [measured(1, 500, 1.8), measured(4, 450, 1.85)],
    failover: {
      ...{ report, grew: 1001, converged: true, seconds: 2, connectionsEach: 16 },
      events: [{ second: 1, what: 'kill -9' }],
    },
    skipped: [],
  };

  it('gives the reason that the figures give', () => {
    expect(pageOf(run)).toContain('the machine was full already: 1.90 of 2 cores');
    const idle = { ...run, measured: [measured(1, 500, 0.9), measured(4, 900, 1.8)] };
    expect(pageOf(idle)).toMatch(/With one replica 1\.00 of 2 cores were busy, with four\s1\.90/);
  });

  it('names smaller requests where an increment costs more with four gateways, and only there', () => {
    expect(pageOf(run)).not.toContain('Each gateway gathers');
    const four = measured(4, 450, 1.85);
    const costly = { ...four, cpuMicrosEach: { gateway: 200, leader: 400 } };
    expect(pageOf({ ...run, measured: [measured(1, 500, 1.8), costly] })).toContain('Each gateway gathers');
    const gathered = [
      { ...measured(1, 500, 1.8), gathered: { request: 45, commit: 45 } },
      { ...costly, gathered: { request: 14, commit: 22 } },
    ];
    expect(pageOf({ ...run, measured: gathered })).toMatch(/carried 45\.0 increments with one and\s14\.0/);
  });

  it('says whether acknowledged increments were kept', () => {
    expect(pageOf(run)).toContain('**No acknowledged increment was lost or doubled.**');
    const lost = { ...run, failover: { ...run.failover, grew: 999 } } as CounterRun;
    expect(pageOf(lost)).toContain('**An acknowledged increment was lost or doubled.**');
  });
});
