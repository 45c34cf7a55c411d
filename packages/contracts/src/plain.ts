/**
 * A short way past schemas, for what comes with every event and every request: nearly all of it is the same
 * few members, and to look at these by hand costs less than a schema does. What isn't plain goes to the
 * schema, which alone says what is valid. So a check of this kind takes nothing but what the schema takes,
 * and hands it on as it is; `plain.test.ts` holds that.
 */

export type Members = Partial<Record<string, unknown>>;

/** An object with so many members, which the caller looks at one by one: so there are no others. */
export function hasMembers(raw: unknown, count: number): raw is Members {
  return typeof raw === 'object' && raw !== null && Object.keys(raw).length === count;
}

export function isWhole(value: unknown, min: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min;
}

export function isText(value: unknown, charsMin: number): value is string {
  return typeof value === 'string' && value.length >= charsMin;
}

export function isFilled(value: unknown): value is unknown[] {
  return Array.isArray(value) && value.length > 0;
}
