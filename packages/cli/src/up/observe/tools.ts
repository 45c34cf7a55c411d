/**
 * Prometheus and Alertmanager as programs of this machine: found where somebody put them, never installed. A
 * cluster runs without them, so one that is missing is said, with how to get it, and not an error; a
 * variable that names something that can't be run is one, for somebody meant it.
 */

import { CommandError } from '../../output/failure.ts';
import { type Env, findOnPath, isExecutable } from '../../tools/command.ts';

export type ToolName = 'prometheus' | 'alertmanager';

interface Tool {
  readonly title: string;
  /** Names a binary, before one on PATH. */
  readonly variable: string;
  /** On PATH, in this order: Debian calls one of them otherwise. */
  readonly binaries: readonly string[];
  readonly debian: string;
  readonly homebrew: string;
}

const TOOLS: Record<ToolName, Tool> = {
  prometheus: {
    title: 'Prometheus',
    variable: 'DRIFTLESS_PROMETHEUS',
    binaries: ['prometheus'],
    debian: 'prometheus',
    homebrew: 'prometheus',
  },
  alertmanager: {
    title: 'Alertmanager',
    variable: 'DRIFTLESS_ALERTMANAGER',
    binaries: ['alertmanager', 'prometheus-alertmanager'],
    debian: 'prometheus-alertmanager',
    homebrew: 'alertmanager',
  },
};

/** Paths of what is there; undefined for what is not. */
export type ObserveTools = Readonly<Record<ToolName, string | undefined>>;

export function findObserveTools(env: Env): ObserveTools {
  return { prometheus: find(TOOLS.prometheus, env), alertmanager: find(TOOLS.alertmanager, env) };
}

function find({ title, variable, binaries }: Tool, env: Env): string | undefined {
  const named = env[variable];
  if (!named) return binaries.flatMap((binary) => findOnPath(binary, env))[0];
  if (isExecutable(named)) return named;
  throw new CommandError(`${variable} is ${named}, which is no executable file`, {
    hint: `set it to the path of ${title}, or unset it to take one on PATH`,
  });
}

/** A line for each that is missing: that it is, and how to get it. */
export function describeMissing(tools: ObserveTools, platform: NodeJS.Platform): string[] {
  const missing = (Object.keys(TOOLS) as ToolName[]).filter((name) => tools[name] === undefined);
  return missing.map((name) => {
    const { title, variable, debian, homebrew } = TOOLS[name];
    const install =
      platform === 'darwin'
        ? `brew install ${homebrew}`
        : `apt-get install --no-install-recommends ${debian}`;
    return `${title} was not found, and is left out: run "${install}", or set ${variable} to its path`;
  });
}
