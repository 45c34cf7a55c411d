/**
 * Which replica serves an eventual read: near ones in turn, then far ones. One that failed this read already
 * is left out, and so is one behind an open circuit as long as there is another.
 */
import type { Route } from './routing.ts';

export function chooseReplica(
  route: Route,
  turn: number,
  tried: readonly string[],
  isUsable: (node: string) => boolean,
): string | undefined {
  return (
    pick(route.near, turn, tried, isUsable) ??
    pick(route.far, turn, tried, isUsable) ??
    pick(route.near, turn, tried, () => true) ??
    pick(route.far, turn, tried, () => true)
  );
}

function pick(
  nodes: readonly string[],
  turn: number,
  tried: readonly string[],
  isUsable: (node: string) => boolean,
): string | undefined {
  for (let i = 0; i < nodes.length; i += 1) {
    const node = nodes[(turn + i) % nodes.length] as string;
    if (!tried.includes(node) && isUsable(node)) return node;
  }
  return undefined;
}
