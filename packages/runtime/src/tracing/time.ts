/**
 * When something was, for traces: time since the Unix epoch with parts of a millisecond, which spans of one
 * process have in the order of the monotonic clock. It follows the wall clock where the two have come apart.
 */

/** The wall clock tells whole milliseconds; further apart than this, one of the clocks was set. */
const apartMsMax = 2;

/** Of the time that the monotonic clock tells, milliseconds. */
let offsetMs = performance.timeOrigin;

/** `monotonic`: milliseconds, lately. */
export function epochMs(monotonic: number): number {
  const wall = Date.now();
  const told = offsetMs + performance.now();
  if (Math.abs(wall - told) > apartMsMax) offsetMs += wall - told;
  return offsetMs + monotonic;
}
