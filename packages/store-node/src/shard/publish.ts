/** A publish behind the fence. The fence is here so that a test can take it away (core/mutants.ts). */
import { isBrokenBy } from '../core/mutants.ts';
import { type EventStream, FenceRefused, type Publish } from '../jetstream/port.ts';

/** Throws what `EventStream.publish` throws. */
export async function publishFenced(stream: EventStream, publish: Publish): Promise<{ streamSeq: number }> {
  try {
    return await stream.publish(publish);
  } catch (error) {
    if (!(error instanceof FenceRefused) || !isBrokenBy('no-fence')) throw error;
    const { streamSeq: expectedStreamSeq } = await stream.end();
    return publishFenced(stream, { ...publish, expectedStreamSeq, after: undefined });
  }
}
