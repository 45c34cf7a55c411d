/** Reading JSON that others wrote: what isn't JSON is no value, and the schema that follows says so. */

/** Undefined when the text is not JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
