/** Parsers of option values: what isn't a value of the option is told before anything is done. */
import { InvalidArgumentError, Option } from 'commander';

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`);
  };
}

/** An option in seconds, decimals too; the command gets milliseconds. */
export function secondsOption(
  flags: string,
  description: string,
  { min, max, defaultMs }: { min: number; max: number; defaultMs: number },
): Option {
  return new Option(flags, description).default(defaultMs, `${defaultMs / 1000}`).argParser((text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (value >= min && value <= max) return value * 1000;
    throw new InvalidArgumentError(`It is a number of seconds from ${min} to ${max}.`);
  });
}

export function shardNumber(): (text: string) => number {
  return wholeNumber(0, 65_535);
}
