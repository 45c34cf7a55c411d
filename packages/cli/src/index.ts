export { importFile } from './import/register.ts';
export { readAtNode } from './nodes/node-http.ts';
export {
  formatDuration,
  grouped,
  type Output,
  paintFor,
  processTerminal,
  type Terminal,
} from './output/terminal.ts';
export { renderStatus } from './status/render.ts';
export { type GoTool, goModule, hasGo, provisionGoTool } from './tools/go.ts';
export { NODES_DEFAULT } from './up/options.ts';
export { verifyCluster } from './verify/register.ts';
export { overall, renderVerdicts } from './verify/render.ts';
export type { ShardVerdict } from './verify/verify.ts';
