/** Every board, in the order in which an operator meets them. */
import type { BoardSpec } from '../spec.ts';
import { antiEntropy } from './anti-entropy.ts';
import { delivery } from './delivery.ts';
import { lag } from './lag.ts';
import { load } from './load.ts';
import { nats } from './nats.ts';
import { nodes } from './nodes.ts';
import { overview } from './overview.ts';
import { resilience } from './resilience.ts';
import { services } from './services.ts';

export const boards: readonly BoardSpec[] = [
  overview,
  lag,
  antiEntropy,
  services,
  nodes,
  nats,
  resilience,
  delivery,
  load,
];
