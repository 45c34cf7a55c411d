/** Finds an anti-entropy process: whichever of them answers first, asked anew each time. */
import {
  antiEntropySubject,
  DriftlessError,
  type Whereabouts,
  whereaboutsSchema,
} from '@driftless/contracts';
import type { NatsLink } from '@driftless/runtime';

/** Throws `unavailable` when none answers. */
export type FindAntiEntropy = () => Promise<Whereabouts>;

const timeoutMs = 2_000;

export function findAntiEntropy(link: NatsLink, cluster: string): FindAntiEntropy {
  return async () => {
    try {
      const answer = await link.nc.request(antiEntropySubject(cluster), '', { timeout: timeoutMs });
      return whereaboutsSchema.parse(answer.json());
    } catch (cause) {
      throw new DriftlessError('unavailable', 'No anti-entropy process answers.', {
        cause,
        hint: 'driftless up starts one; elsewhere, see ARCHITECTURE.md.',
      });
    }
  };
}
