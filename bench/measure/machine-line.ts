/** The machine in one line, for pages of one run; to be asked before the run begins. */
import { cpus, loadavg, totalmem } from 'node:os';

export function machineLine(): string {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  // How many processes waited for a core: what others do shows in every time.
  const busy = (loadavg()[0] ?? 0).toFixed(1);
  return (
    `${cpus().length} cores (${cpus()[0]?.model}), ${memory}, Node ${process.version}; ` +
    `load average of other work before it began ${busy}`
  );
}
